/* SPDX-License-Identifier: MIT */

/* Tests message/envelope.c. */

#include "message/envelope.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "tests/support/guarded.h"

static int add(struct envelope *envelope, const char *address, unsigned notify)
{
	struct error error;

	return envelope_add_recipient(
	    envelope, guarded_string(address), guarded_string(""), notify, &error);
}

static void recipients_are_kept_once_and_in_order(void **state)
{
	static const struct row {
		const char *address;
		int outcome;
		size_t count;
	} rows[] = {
		{ "a@b.example", 0, 1 },
		{ "a@B.EXAMPLE", 1, 1 },
		{ "A@b.example", 0, 2 },
		{ "root", 0, 3 },
		{ "root", 1, 3 },
		{ "", -1, 3 },
		{ "a b@c", -1, 3 },
		{ "a@b\r\nRCPT TO:<c@d>", -1, 3 },
		{ "z@b.example", 0, 4 },
		{ "y@b.example", 0, 5 },
		{ "a@b.example", 1, 5 },
	};
	CLEANUP(envelope_finish) struct envelope envelope = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct error error = { 0 };

		assert_int_equal(envelope_add_recipient(&envelope, guarded_string(rows[i].address),
				     guarded_string(""), 0, &error),
		    rows[i].outcome);
		assert_string_equal(error.status, rows[i].outcome < 0 ? "5.1.3" : "");
		assert_int_equal(envelope.recipient_count, rows[i].count);
	}
	assert_string_equal(envelope.recipients[0].address, "a@b.example");
	assert_string_equal(envelope.recipients[4].address, "y@b.example");
	assert_null(envelope.recipients[0].original);
}

static void originals_and_notify_are_checked(void **state)
{
	static const struct row {
		const char *original;
		unsigned notify;
		int outcome;
	} rows[] = {
		{ "rfc822;root", ENVELOPE_NOTIFY_NEVER, 0 },
		{ "root", ENVELOPE_NOTIFY_SUCCESS | ENVELOPE_NOTIFY_DELAY, 0 },
		{ "root", ENVELOPE_NOTIFY_NEVER | ENVELOPE_NOTIFY_FAILURE, -1 },
		{ "rfc822;a\nb", 0, -1 },
	};
	char original[ENVELOPE_ORIGINAL_LIMIT + 1];
	struct error error = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		CLEANUP(envelope_finish) struct envelope envelope = { 0 };

		assert_int_equal(envelope_add_recipient(&envelope, guarded_string("a@b"),
				     guarded_string(rows[i].original), rows[i].notify, &error),
		    rows[i].outcome);
		if (rows[i].outcome < 0) {
			assert_string_equal(error.status, "5.5.4");
			assert_int_equal(envelope.recipient_count, 0);
		} else {
			assert_string_equal(envelope.recipients[0].original, rows[i].original);
			assert_int_equal(envelope.recipients[0].notify, rows[i].notify);
		}
	}
	CLEANUP(envelope_finish) struct envelope envelope = { 0 };
	memset(original, 'x', sizeof original);
	assert_int_equal(envelope_add_recipient(&envelope, guarded_string("a@b"),
			     guarded(original, sizeof original), 0, &error),
	    -1);
	assert_int_equal(envelope_add_recipient(&envelope, guarded_string("a@b"),
			     guarded(original, sizeof original - 1), 0, &error),
	    0);
}

static void there_is_a_limit(void **state)
{
	CLEANUP(envelope_finish) struct envelope envelope = { 0 };
	struct error error = { 0 };
	char address[32];

	(void)state;
	for (int i = 0; i <= ENVELOPE_RECIPIENT_LIMIT; i++) {
		snprintf(address, sizeof address, "user%d@example.org", i);
		assert_int_equal(envelope_add_recipient(&envelope, span_from_string(address),
				     span_from_string(""), 0, &error),
		    i < ENVELOPE_RECIPIENT_LIMIT ? 0 : -1);
	}
	assert_string_equal(error.status, "4.5.3");
	assert_non_null(strstr(error.text, "user10000@example.org"));
	/* One that is there already is still none too many. */
	assert_int_equal(add(&envelope, "user77@example.org", 0), 1);
}

static void the_sender_is_replaced_or_stays(void **state)
{
	CLEANUP(envelope_finish) struct envelope envelope = { 0 };
	struct error error = { 0 };

	(void)state;
	assert_int_equal(envelope_set_sender(&envelope, guarded_string("a@b"), &error), 0);
	assert_string_equal(envelope.sender, "a@b");
	assert_int_equal(envelope_set_sender(&envelope, guarded_string("a\nb"), &error), -1);
	assert_string_equal(envelope.sender, "a@b");
	assert_int_equal(
	    envelope_set_sender(&envelope, span_from_string(envelope.sender), &error), 0);
	assert_string_equal(envelope.sender, "a@b");
	assert_int_equal(envelope_set_sender(&envelope, guarded_string(""), &error), 0);
	assert_string_equal(envelope.sender, "");
}

static void the_envelope_id_is_printable(void **state)
{
	CLEANUP(envelope_finish) struct envelope envelope = { 0 };
	struct error error = { 0 };
	char envid[ENVELOPE_ENVID_LIMIT + 1];

	(void)state;
	memset(envid, 'x', sizeof envid);
	assert_int_equal(envelope_set_envid(&envelope, guarded_string("Q 1+="), &error), 0);
	assert_int_equal(envelope_set_envid(&envelope, guarded_string("a\r\nb"), &error), -1);
	assert_int_equal(envelope_set_envid(&envelope, guarded_string("\xc3\xa4"), &error), -1);
	assert_int_equal(envelope_set_envid(&envelope, guarded_string(""), &error), -1);
	assert_int_equal(envelope_set_envid(&envelope, guarded(envid, sizeof envid), &error), -1);
	assert_string_equal(error.status, "5.5.4");
	assert_string_equal(envelope.envid, "Q 1+=");
	assert_int_equal(
	    envelope_set_envid(&envelope, guarded(envid, sizeof envid - 1), &error), 0);
}

static void a_copy_owns_all_it_holds(void **state)
{
	CLEANUP(envelope_finish) struct envelope envelope = { 0 };
	CLEANUP(envelope_finish) struct envelope copy = { 0 };
	struct error error;

	(void)state;
	envelope_copy(&envelope, &copy);
	assert_null(copy.sender);
	assert_int_equal(envelope_set_sender(&envelope, guarded_string("s@t"), &error), 0);
	assert_int_equal(envelope_set_envid(&envelope, guarded_string("id"), &error), 0);
	assert_int_equal(envelope_add_recipient(&envelope, guarded_string("a@b"),
			     guarded_string("rfc822;x"), ENVELOPE_NOTIFY_DELAY, &error),
	    0);
	assert_int_equal(add(&envelope, "c@d", 0), 0);
	envelope.return_content = ENVELOPE_RETURN_HEADER;
	envelope_copy(&envelope, &copy);
	envelope_finish(&envelope);
	assert_null(envelope.recipients);

	assert_string_equal(copy.sender, "s@t");
	assert_string_equal(copy.envid, "id");
	assert_int_equal(copy.return_content, ENVELOPE_RETURN_HEADER);
	assert_int_equal(copy.recipient_count, 2);
	assert_string_equal(copy.recipients[0].address, "a@b");
	assert_string_equal(copy.recipients[0].original, "rfc822;x");
	assert_int_equal(copy.recipients[0].notify, ENVELOPE_NOTIFY_DELAY);
	assert_string_equal(copy.recipients[1].address, "c@d");
	assert_null(copy.recipients[1].original);
	assert_int_equal(add(&copy, "a@B", 0), 1);
}

static void cleared_is_empty(void **state)
{
	CLEANUP(envelope_finish) struct envelope envelope = { 0 };
	CLEANUP(envelope_finish) struct envelope copy = { 0 };
	struct error error;

	(void)state;
	envelope_clear(&envelope);
	assert_int_equal(envelope_set_sender(&envelope, guarded_string("s@t"), &error), 0);
	assert_int_equal(add(&envelope, "a@b", 0), 0);
	envelope.return_content = ENVELOPE_RETURN_FULL;
	envelope_clear(&envelope);
	assert_null(envelope.sender);
	assert_int_equal(envelope.recipient_count, 0);
	assert_int_equal(envelope.return_content, ENVELOPE_RETURN_UNSAID);
	assert_int_equal(add(&envelope, "a@b", 0), 0);
	envelope_copy(&envelope, &copy);
	assert_int_equal(copy.recipient_count, 1);
}

static void utf8_is_noticed(void **state)
{
	static const struct row {
		const char *sender, *recipient;
		bool needs;
	} rows[] = {
		{ NULL, "a@b", false },
		{ "a@b", "a@b", false },
		{ "\xc3\xa4@b", "a@b", true },
		{ "", "a@\xc3\xa4", true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		CLEANUP(envelope_finish) struct envelope envelope = { 0 };
		struct error error;

		if (rows[i].sender != NULL)
			assert_int_equal(
			    envelope_set_sender(&envelope, guarded_string(rows[i].sender), &error),
			    0);
		assert_int_equal(add(&envelope, "first@b", 0), 0);
		assert_int_equal(add(&envelope, rows[i].recipient, 0), 0);
		assert_int_equal(envelope_needs_smtputf8(&envelope), rows[i].needs);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(recipients_are_kept_once_and_in_order),
		cmocka_unit_test(originals_and_notify_are_checked),
		cmocka_unit_test(there_is_a_limit),
		cmocka_unit_test(the_sender_is_replaced_or_stays),
		cmocka_unit_test(the_envelope_id_is_printable),
		cmocka_unit_test(a_copy_owns_all_it_holds),
		cmocka_unit_test(cleared_is_empty),
		cmocka_unit_test(utf8_is_noticed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
