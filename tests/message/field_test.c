/* SPDX-License-Identifier: MIT */

/* Tests message/field.c. */

#include "message/field.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/memory.h"
#include "tests/support/guarded.h"

/* want: how much of text the field takes when more follows; 0: not yet; -1: no field. */
static const struct row {
	const char *name;
	const char *text;
	ssize_t want;
	ssize_t want_complete;
	const char *field;
	const char *value;
} rows[] = {
	{ "plain", "To: a@b\r\nx", 9, 9, "To", " a@b" },
	{ "may be folded yet", "To: a@b\r\n", 0, 9, "To", " a@b" },
	{ "no line end", "To: a@b", 0, 7, "To", " a@b" },
	{ "half a line end", "To: a@b\r", 0, 8, "To", " a@b\r" },
	{ "folded", "To: a,\r\n b\r\n\tc\r\nX: y\r\n", 16, 16, "To", " a,\r\n b\r\n\tc" },
	{ "fold of blanks only", "To: a\r\n \r\nX:", 10, 10, "To", " a\r\n " },
	{ "no value", "To:\r\nX:", 5, 5, "To", "" },
	{ "nothing but the colon", "To:", 0, 3, "To", "" },
	{ "folded at once", "To:\r\n a\r\nX:", 9, 9, "To", "\r\n a" },
	{ "blank before the colon", "Bcc \t: a\r\nX:", 10, 10, "Bcc", " a" },
	{ "odd names", "X!#$%_123: a\r\nX:", 14, 14, "X!#$%_123", " a" },
	{ "digits", "123: a\r\nX:", 8, 8, "123", " a" },
	{ "colons in the value", "X: http://y: z\r\nX:", 16, 16, "X", " http://y: z" },
	{ "a URL is no field", "http://x is down\r\nX:", -1, -1, "", "" },
	{ "a slash may begin a value", "X:/a\r\nX:", 6, 6, "X", "/a" },
	{ "bare LF ends nothing", "X: a\n b\nY: z\r\nX:", 14, 14, "X", " a\n b\nY: z" },
	{ "empty text", "", 0, -1, "", "" },
	{ "cut in the name", "Subj", 0, -1, "", "" },
	{ "cut in the blanks", "Subj ", 0, -1, "", "" },
	{ "two words", "Hello world: x\r\n", -1, -1, "", "" },
	{ "no colon", "Hello\r\n", -1, -1, "", "" },
	{ "colon first", ": x\r\n", -1, -1, "", "" },
	{ "blank first", " X: y\r\n", -1, -1, "", "" },
	{ "only blanks", "  ", -1, -1, "", "" },
	{ "empty line", "\r\n", -1, -1, "", "" },
	{ "8-bit name", "\xc3\xa4: x\r\n", -1, -1, "", "" },
	{ "BOM", "\xef\xbb\xbfTo: x\r\n", -1, -1, "", "" },
	{ "control in the name", "T\x01o: x\r\n", -1, -1, "", "" },
	{ "DEL in the name", "T\x7fo: x\r\n", -1, -1, "", "" },
};

static void check(const struct row *row, bool is_complete, ssize_t want)
{
	struct field field = { 0 };
	struct span text = guarded_string(row->text);
	ssize_t length = field_parse(text, is_complete, &field);

	if (length != want)
		fail_msg("%s: %zd", row->name, length);
	if (want <= 0) {
		assert_null(field.name.start);
		return;
	}
	assert_true(span_equals_string(field.name, row->field));
	assert_true(span_equals_string(field.value, row->value));
	assert_true(span_equals(field.whole, span_first(text, (size_t)want)));
}

static void fields_and_what_is_none(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		check(&rows[i], false, rows[i].want);
		check(&rows[i], true, rows[i].want_complete);
	}
}

/* A field cut anywhere is "not yet"; never no field, never a shorter one. */
static void every_prefix_is_not_yet(void **state)
{
	struct field field;

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		for (ssize_t length = 0; length < rows[i].want; length++)
			assert_int_equal(
			    field_parse(guarded(rows[i].text, (size_t)length), false, &field), 0);
}

/* A body of one endless line must not be held back as a name. */
static void a_name_is_no_longer_than_a_line(void **state)
{
	struct field field;
	char text[1100];

	(void)state;
	memset(text, 'x', sizeof text);
	assert_int_equal(field_parse(guarded(text, 998), false, &field), 0);
	assert_int_equal(field_parse(guarded(text, 999), false, &field), -1);
	text[998] = ':';
	assert_int_equal(field_parse(guarded(text, 999), true, &field), 999);
}

static void nul_is_part_of_the_value(void **state)
{
	struct field field;

	(void)state;
	assert_int_equal(field_parse(guarded("A: b\0c\r\nX", 9), false, &field), 8);
	assert_int_equal(field.value.length, 4);
	assert_int_equal(field_parse(guarded("A\0: b\r\nX", 8), false, &field), -1);
}

static void names_fold_case(void **state)
{
	struct field field;

	(void)state;
	assert_true(field_parse(guarded_string("BCC: a\r\nx"), false, &field) > 0);
	assert_true(field_is(&field, "Bcc"));
	assert_false(field_is(&field, "Bc"));
	assert_false(field_is(&field, "Bccc"));
}

static void values_come_on_one_line(void **state)
{
	static const struct line {
		const char *value, *want;
		size_t length;
	} lines[] = {
		{ "", "", 0 },
		{ " a b ", "a b", 5 },
		{ " a,\r\n\t b\r\n c", "a, b c", 12 },
		{ "\r\n a", "a", 4 },
		{ " a \r\n \r\n b", "a b", 10 },
		{ " a  b\tc", "a  b\tc", 7 },
		{ " a\0b", "a?b", 4 },
		{ " a\rb", "a?b", 4 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
		CLEANUP(memory_free_string)
		char *line = field_unfold(guarded(lines[i].value, lines[i].length));

		assert_string_equal(line, lines[i].want);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields_and_what_is_none),
		cmocka_unit_test(every_prefix_is_not_yet),
		cmocka_unit_test(a_name_is_no_longer_than_a_line),
		cmocka_unit_test(nul_is_part_of_the_value),
		cmocka_unit_test(names_fold_case),
		cmocka_unit_test(values_come_on_one_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
