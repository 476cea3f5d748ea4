/* SPDX-License-Identifier: MIT */

/* Tests worker/international.c. */

#include "worker/international.h"

#include "base/span.h"
#include "tests/support/cmocka.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(domains_are_written_for_the_server),
		cmocka_unit_test(nothing_changes_where_the_server_reads_utf8),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
