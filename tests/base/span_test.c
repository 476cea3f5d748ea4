/* SPDX-License-Identifier: MIT */

/* Tests base/span.c. */

#include "base/span.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/support/guarded.h"

static void numbers_are_read_whole_or_not_at_all(void **state)
{
	static const struct row {
		const char *text;
		bool is_number;
		uint64_t number;
	} rows[] = {
		{ "0", true, 0 },
		{ "18446744073709551615", true, UINT64_MAX },
		{ "18446744073709551616", false, 0 },
		{ "99999999999999999999999", false, 0 },
		{ "", false, 0 },
		{ "-1", false, 0 },
		{ "1 ", false, 0 },
		{ "0x1", false, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		uint64_t number = 0;

		assert_int_equal(
		    span_to_number(guarded_string(rows[i].text), &number), rows[i].is_number);
		assert_int_equal(number, rows[i].number);
	}
}

static void lines_come_without_their_ends(void **state)
{
	struct span rest = guarded_string("a\r\n\r\nb\nc");
	struct span line;
	const char *want[] = { "a", "", "b", "c" };

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		assert_true(span_take_line(&rest, &line));
		assert_true(span_equals_string(line, want[i]));
	}
	assert_false(span_take_line(&rest, &line));
}

static void words_are_split_at_blanks(void **state)
{
	struct span rest = guarded_string("  one\ttwo   three ");
	struct span word;
	const char *want[] = { "one", "two", "three" };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		assert_true(span_take_word(&rest, &word));
		assert_true(span_equals_string(word, want[i]));
	}
	assert_false(span_take_word(&rest, &word));
}

static void comparison_folds_ascii_only(void **state)
{
	(void)state;
	assert_true(span_equals_string_ignoring_case(guarded_string("EhLo"), "ehlo"));
	assert_false(span_equals_string_ignoring_case(guarded_string("\xc3\x84"), "\xc3\xa4"));
	assert_false(span_starts_with(guarded_string("ab"), "abc"));
	assert_true(span_ends_with_ignoring_case(guarded_string("x.LOCALHOST"), ".localhost"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_are_read_whole_or_not_at_all),
		cmocka_unit_test(lines_come_without_their_ends),
		cmocka_unit_test(words_are_split_at_blanks),
		cmocka_unit_test(comparison_folds_ascii_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
