/* SPDX-License-Identifier: MIT */

/* Tests message/survey.c. */

#include "message/survey.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/support/guarded.h"

static const struct row {
	const char *name;
	const char *octets;
	uint64_t longest_line;
	uint64_t encoded;
	bool has_8bit;
	bool is_utf8;
} rows[] = {
	{ "nothing", "", 0, 0, false, true },
	{ "text", "abc\r\nde\r\n", 3, 0, false, true },
	{ "without a line end", "abc\r\ndefg", 4, 0, false, true },
	{ "bare CR and LF are of the line", "a\rb\nc\r\n", 5, 2, false, true },
	{ "what is encoded", "=\x01\x7f\t \r\n", 5, 3, false, true },
	{ "two octets", "\xc3\xa4\r\n", 2, 2, true, true },
	{ "three octets", "\xe2\x82\xac\r\n", 3, 3, true, true },
	{ "four octets", "\xf0\x9f\x98\x80\r\n", 4, 4, true, true },
	{ "Latin-1", "\xe4 \r\n", 2, 1, true, false },
	{ "lone follower", "\x80\r\n", 1, 1, true, false },
	{ "overlong", "\xc0\xaf\r\n", 2, 2, true, false },
	{ "overlong, three octets", "\xe0\x80\x80\r\n", 3, 3, true, false },
	{ "overlong, four octets", "\xf0\x80\x80\x80\r\n", 4, 4, true, false },
	{ "surrogate", "\xed\xa0\x80\r\n", 3, 3, true, false },
	{ "beyond the last one", "\xf4\x90\x80\x80\r\n", 4, 4, true, false },
	{ "no such first octet", "\xf5\x80\x80\x80\r\n", 4, 4, true, false },
	{ "cut by a line end", "\xc3\r\n\xa4\r\n", 1, 2, true, false },
	{ "cut by the end", "\xc3", 1, 1, true, false },
};

static void look(struct survey *survey, struct span octets, size_t piece)
{
	struct span rest = octets;

	while (rest.length != 0) {
		struct span part = span_first(rest, piece);
		/* CR and LF come together, as view_line gives them. */
		if (part.start[part.length - 1] == '\r' && rest.length > part.length)
			part.length++;
		ssize_t end = span_find_byte(part, '\n');
		if (end > 0 && part.start[end - 1] == '\r')
			part.length = (size_t)end + 1;
		survey_look(survey, part);
		rest = span_after(rest, part.length);
	}
}

static void octets_are_counted(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const struct row *row = &rows[i];

		print_message("\t%s\n", row->name);
		for (size_t piece = 1; piece < 12; piece++) {
			struct survey survey = { 0 };

			look(&survey, guarded_string(row->octets), piece);
			assert_int_equal(survey.length, strlen(row->octets));
			assert_int_equal(survey.longest_line, row->longest_line);
			assert_int_equal(survey.encoded, row->encoded);
			assert_int_equal(survey.has_8bit, row->has_8bit);
			assert_int_equal(survey_is_utf8(&survey), row->is_utf8);
		}
	}
}

static void sizes_are_about_right(void **state)
{
	struct survey survey = { .length = 5700, .encoded = 1000 };

	(void)state;
	assert_int_equal(survey_quoted_printable_size(&survey), 7700);
	assert_int_equal(survey_base64_size(&survey), 7800);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(octets_are_counted),
		cmocka_unit_test(sizes_are_about_right),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
