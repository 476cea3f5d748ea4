/* SPDX-License-Identifier: MIT */

/* Tests worker/international.c. */

#include "worker/international.h"

#include <stdlib.h>

#include "base/span.h"
#include "tests/support/cmocka.h"
#include "tests/support/guarded.h"

static void fill(struct envelope *envelope)
{
	struct error error;

	assert_int_equal(
	    envelope_set_sender(envelope, span_from_string("a@\xc3\xbc.example"), &error), 0);
	assert_int_equal(envelope_add_recipient(envelope, span_from_string("b@\xc3\xbc.example"),
			     (struct span){ 0 }, 0, &error),
	    0);
	assert_int_equal(envelope_add_recipient(envelope, span_from_string("\xc3\xbc@c.example"),
			     (struct span){ 0 }, 0, &error),
	    0);
	assert_int_equal(envelope_add_recipient(envelope, span_from_string("d@e.example"),
			     (struct span){ 0 }, 0, &error),
	    0);
}

static void domains_are_written_for_the_server(void **state)
{
	struct envelope envelope = { 0 };
	const struct extensions old = { .is_extended = true };

	(void)state;
	fill(&envelope);
	international_adapt(&envelope, &old);
	assert_string_equal(envelope.sender, "a@xn--tda.example");
	assert_string_equal(envelope.recipients[0].address, "b@xn--tda.example");
	/* Its local part cannot be written: it stays, to fail with the reason. */
	assert_string_equal(envelope.recipients[1].address, "\xc3\xbc@c.example");
	assert_string_equal(envelope.recipients[2].address, "d@e.example");
	envelope_finish(&envelope);
}

static void nothing_changes_where_the_server_reads_utf8(void **state)
{
	struct envelope envelope = { 0 };
	const struct extensions offered = { .is_extended = true, .smtputf8 = true };

	(void)state;
	fill(&envelope);
	international_adapt(&envelope, &offered);
	assert_string_equal(envelope.sender, "a@\xc3\xbc.example");
	assert_string_equal(envelope.recipients[0].address, "b@\xc3\xbc.example");
	envelope_finish(&envelope);
}

static const struct original {
	const char *given;
	const char *written;
} originals[] = {
	{ "a@b.example", "a@b.example" },
	{ "b\xc3\xbc@c.example", "utf-8;b\\x{FC}@c.example" },
	{ "\xe2\x82\xac\xf0\x9f\x98\x80@c.example", "utf-8;\\x{20AC}\\x{1F600}@c.example" },
	{ "\"\xc3\xbc+= \\\"@c.example",
	    "utf-8;\"\\x{FC}\\x{2B}\\x{3D}\\x{20}\\x{5C}\"@c.example" },
	{ "UTF-8;a\\x{2B}\xc3\xbc@c.example", "UTF-8;a\\x{2B}\\x{FC}@c.example" },
	{ "utf-8;a\\x{FC}@c.example", "utf-8;a\\x{FC}@c.example" },
	{ "rfc822;\xc3\xbc@c.example", "rfc822;\xc3\xbc@c.example" },
	{ "\xfc@c.example", "\xfc@c.example" },
	{ "a@c.example\xc3", "a@c.example\xc3" },
};

static void originals_are_written_in_ascii(void **state)
{
	const struct extensions offers[] = { { .is_extended = true },
		{ .is_extended = true, .smtputf8 = true } };

	(void)state;
	for (size_t i = 0; i < 2 * sizeof originals / sizeof originals[0]; i++) {
		const struct original *row = &originals[i / 2];
		char *given = span_copy(span_from_string(row->given));
		struct recipient recipient = { .address = span_copy(span_from_string("a@b.c")),
			.original = given };
		struct envelope envelope = { .sender = span_copy(span_from_string("")),
			.recipients = &recipient,
			.recipient_count = 1 };

		international_adapt(&envelope, &offers[i % 2]);
		assert_string_equal(recipient.original, row->written);
		free(recipient.original);
		free(recipient.address);
		free(envelope.sender);
	}
}

static const struct need {
	const char *sender;
	const char *header;
	bool needs;
} needs[] = {
	{ "a@b.example", "Subject: a\r\n\r\n", false },
	{ "\xc3\xbc@b.example", "Subject: a\r\n\r\n", true },
	{ "a@b.example", "Subject: \xc3\xbc\r\n\r\n", true },
	{ "a@b.example", "Subject: \xfc\r\n\r\n", false },
	{ "a@b.example", "Subject: \xc3\xbc\r\nFrom: \xfc\r\n\r\n", false },
	{ "a@b.example", "Subject: \xe2\x82\r\n\r\n", false },
};

static void utf8_is_asked_for_where_there_is_any(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof needs / sizeof needs[0]; i++) {
		struct envelope envelope = { 0 };
		struct error error;
		struct span header = guarded_string(needs[i].header);

		assert_int_equal(
		    envelope_set_sender(&envelope, span_from_string(needs[i].sender), &error), 0);
		assert_int_equal(international_needs_smtputf8(&envelope, header), needs[i].needs);
		envelope_finish(&envelope);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(domains_are_written_for_the_server),
		cmocka_unit_test(nothing_changes_where_the_server_reads_utf8),
		cmocka_unit_test(originals_are_written_in_ascii),
		cmocka_unit_test(utf8_is_asked_for_where_there_is_any),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
