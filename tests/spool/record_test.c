/* SPDX-License-Identifier: MIT */

/* Tests spool/record.c. */

#include "spool/record.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/memory.h"
#include "tests/support/guarded.h"

static const struct row {
	const char *name;
	const char *input;
	int want; /* 1: a record, taking all of input; 0: not yet; -1: none */
	const char *record;
	char mark;
	const char *value;
} rows[] = {
	{ "a name and a value", "sender 3:a@b\n", 1, "sender", '\0', "a@b" },
	{ "an empty value", "sender 0:\n", 1, "sender", '\0', "" },
	{ "a mark", "recipient D 3:a@b\n", 1, "recipient", 'D', "a@b" },
	{ "a line end is a value", "x 2:\n\n\n", 1, "x", '\0', "\n\n" },
	{ "a record is a value", "x 11:sender 1:a\n\n", 1, "x", '\0', "sender 1:a\n" },
	{ "a colon is a value", "x-y 1::\n", 1, "x-y", '\0', ":" },
	{ "too short a length", "x 2:abc\n", -1, "", '\0', "" },
	{ "too long a length", "x 4:abc\n", 0, "", '\0', "" },
	{ "a huge length", "x 9999999999:abc\n", 0, "", '\0', "" },
	{ "a length that overflows", "x 18446744073709551617:a\n", -1, "", '\0', "" },
	{ "a leading zero", "x 03:abc\n", -1, "", '\0', "" },
	{ "a sign", "x -1:\n", -1, "", '\0', "" },
	{ "no length", "x :\n", -1, "", '\0', "" },
	{ "a blank too many", "x  3:abc\n", -1, "", '\0', "" },
	{ "two marks", "x DD 3:abc\n", -1, "", '\0', "" },
	{ "a mark that is a control", "x \001 3:abc\n", -1, "", '\0', "" },
	{ "no name", " 3:abc\n", -1, "", '\0', "" },
	{ "a name in capitals", "X 3:abc\n", -1, "", '\0', "" },
	{ "an empty line", "\n", -1, "", '\0', "" },
	{ "a long name", "abcdefghijklmnopqrstuvwxyzabcdefg 1:a\n", -1, "", '\0', "" },
	{ "the longest name", "abcdefghijklmnopqrstuvwxyzabcdef 1:a\n", 1,
	    "abcdefghijklmnopqrstuvwxyzabcdef", '\0', "a" },
};

static void rows_are_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct span input = guarded_string(rows[i].input);
		struct record record = { .mark = '?' };

		ssize_t taken = record_parse(input, &record);
		if (taken != (rows[i].want > 0 ? (ssize_t)input.length : rows[i].want))
			fail_msg("%s: %zd", rows[i].name, taken);
		if (taken <= 0) {
			assert_int_equal(record.mark, '?');
			continue;
		}
		assert_true(span_equals_string(record.name, rows[i].record));
		assert_true(span_equals_string(record.value, rows[i].value));
		assert_int_equal(record.mark, rows[i].mark);
		if (record.mark != '\0')
			assert_int_equal(input.start[record.mark_offset], record.mark);
	}
}

static void every_prefix_is_not_yet(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		for (size_t length = 0; rows[i].want > 0 && length < strlen(rows[i].input);
		     length++) {
			struct record record;

			assert_int_equal(record_parse(guarded(rows[i].input, length), &record), 0);
		}
}

static void every_octet_comes_back(void **state)
{
	CLEANUP(buffer_finish) struct buffer buffer = { 0 };
	char all[256];
	struct record record;

	(void)state;
	for (int i = 0; i < 256; i++)
		all[i] = (char)i;
	buffer_init(&buffer, 4096);
	record_append(&buffer, "value", '.', span_from_bytes(all, sizeof all));
	record_append(&buffer, "next", '\0', span_from_string(""));
	ssize_t taken = record_parse(buffer_span(&buffer), &record);
	assert_true(taken > 0);
	assert_int_equal(record.value.length, sizeof all);
	assert_memory_equal(record.value.start, all, sizeof all);
	struct span rest = span_after(buffer_span(&buffer), (size_t)taken);
	assert_int_equal(record_parse(rest, &record), rest.length);
	assert_true(span_equals_string(record.name, "next"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_are_read),
		cmocka_unit_test(every_prefix_is_not_yet),
		cmocka_unit_test(every_octet_comes_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
