/* SPDX-License-Identifier: MIT */

/* Tests net/tls_record.c. */

#include "net/tls_record.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/support/guarded.h"

static const struct row {
	const char *name;
	const char *bytes;
	size_t length;
	bool is_between;
	bool is_clear_text;
} rows[] = {
	{ "nothing yet", "", 0, true, false },
	{ "half a header", "\x16\x03\x03", 3, false, false },
	{ "a header", "\x16\x03\x03\x00\x02", 5, false, false },
	{ "half a record", "\x16\x03\x03\x00\x02x", 6, false, false },
	{ "a record", "\x16\x03\x03\x00\x02xy", 7, true, false },
	{ "an empty record", "\x17\x03\x03\x00\x00", 5, true, false },
	{ "a record and a half", "\x16\x03\x03\x00\x01x\x17\x03", 8, false, false },
	{ "two records", "\x16\x03\x03\x00\x01x\x17\x03\x03\x00\x01y", 12, true, false },
	{ "the length has two octets", "\x16\x03\x03\x01\x00xy", 7, false, false },
	{ "a greeting", "220 a\r\n", 7, false, true },
};

static void records_are_followed_however_they_are_cut(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		for (size_t cut = 0; cut <= rows[i].length; cut++) {
			struct span bytes = guarded(rows[i].bytes, rows[i].length);
			struct tls_record record = { 0 };

			tls_record_follow(&record, span_first(bytes, cut));
			tls_record_follow(&record, span_after(bytes, cut));
			if (tls_record_is_between(&record) != rows[i].is_between ||
			    tls_record_is_clear_text(&record) != rows[i].is_clear_text)
				fail_msg("%s, cut at %zu", rows[i].name, cut);
		}
	}
}

static void the_first_line_is_kept(void **state)
{
	struct tls_record record = { 0 };
	char much[300];

	(void)state;
	tls_record_follow(&record, guarded_string("220 mail.ex"));
	tls_record_follow(&record, guarded_string("ample ESMTP\r\n250 x\r\n"));
	assert_true(span_equals_string(tls_record_first_line(&record), "220 mail.example ESMTP"));

	record = (struct tls_record){ 0 };
	memset(much, 'x', sizeof much);
	for (int i = 0; i < 3; i++)
		tls_record_follow(&record, guarded(much, sizeof much));
	assert_int_equal(tls_record_first_line(&record).length, TLS_RECORD_FIRST);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(records_are_followed_however_they_are_cut),
		cmocka_unit_test(the_first_line_is_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
