/* SPDX-License-Identifier: MIT */

/* Tests message/body.c. */

#include "message/body.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/memory.h"
#include "tests/support/guarded.h"

static const struct row {
	const char *name;
	bool dot_ends;
	const char *input;
	const char *want;
	size_t surplus; /* octets behind the lone dot, not taken */
} rows[] = {
	{ "nothing", true, "", "", 0 },
	{ "LF", true, "a\nb\n", "a\r\nb\r\n", 0 },
	{ "CRLF", true, "a\r\nb\r\n", "a\r\nb\r\n", 0 },
	{ "mixed", true, "a\r\nb\nc\r\n", "a\r\nb\r\nc\r\n", 0 },
	{ "CR CR LF", true, "a\r\r\nb\n", "a\r\nb\r\n", 0 },
	{ "CR CR CR LF", true, "a\r\r\r\nb\n", "a \r\nb\r\n", 0 },
	{ "many CRs", true, "a\r\r\r\r\rb\n", "a     b\r\n", 0 },
	{ "bare CR", true, "a\rb\n", "a b\r\n", 0 },
	{ "two bare CRs", true, "a\r\rb\n", "a  b\r\n", 0 },
	{ "bare CR at the start of a line", true, "\ra\n", " a\r\n", 0 },
	{ "empty lines", true, "\n\r\n\n", "\r\n\r\n\r\n", 0 },
	{ "no last line end", true, "a", "a\r\n", 0 },
	{ "CR at the end", true, "a\r", "a\r\n", 0 },
	{ "two CRs at the end", true, "a\r\r", "a\r\n", 0 },
	{ "CR alone", true, "\r", "\r\n", 0 },
	{ "lone dot", true, "a\n.\nb\n", "a\r\n", 2 },
	{ "lone dot, CRLF", true, "a\r\n.\r\nb", "a\r\n", 1 },
	{ "lone dot, CR CR LF", true, "a\r\n.\r\r\nb", "a\r\n", 1 },
	{ "lone dot first", true, ".\nb", "", 1 },
	{ "lone dot last, no line end", true, "a\n.", "a\r\n", 0 },
	{ "lone dot last, CR", true, "a\n.\r", "a\r\n", 0 },
	{ "dot after a bare CR", true, "a\r.\nb\n", "a .\r\nb\r\n", 0 },
	{ "dot after CR at line start", true, "\r.\nb\n", " .\r\nb\r\n", 0 },
	{ "dot before a bare CR", true, ".\rb\n", ". b\r\n", 0 },
	{ "dot before three CRs", true, ".\r\r\r\nb\n", ". \r\nb\r\n", 0 },
	{ "two dots", true, "..\nb\n", "..\r\nb\r\n", 0 },
	{ "dot and text", true, ".b\n.c", ".b\r\n.c\r\n", 0 },
	{ "dot and blank", true, ". \n", ". \r\n", 0 },
	{ "dot at the end of a line", true, "a.\nb\n", "a.\r\nb\r\n", 0 },
	{ "with -i a lone dot is text", false, "a\n.\nb\n", "a\r\n.\r\nb\r\n", 0 },
	{ "with -i, at the end", false, "a\n.", "a\r\n.\r\n", 0 },
	{ "other ends are text", true, "a\x1a\v\f\x85\xe2\x80\xa8z\n",
	    "a\x1a\v\f\x85\xe2\x80\xa8z\r\n", 0 },
};

static size_t convert(struct body *body, struct span input, size_t piece, struct buffer *output)
{
	size_t taken = 0;

	while (taken < input.length) {
		struct span part = span_first(span_after(input, taken), piece);
		size_t count = body_convert(body, part, output);

		taken += count;
		if (count < part.length)
			break;
	}
	body_finish(body, output);
	return taken;
}

static void check_row(const struct row *row, size_t piece)
{
	CLEANUP(buffer_finish) struct buffer output;
	struct span input = guarded_string(row->input);
	struct body body;

	buffer_init(&output, 1000);
	body_init(&body, row->dot_ends);
	size_t taken = convert(&body, input, piece, &output);
	if (strcmp(buffer_string(&output), row->want) != 0)
		fail_msg("%s, by %zu: \"%s\"", row->name, piece, buffer_string(&output));
	assert_int_equal(taken, input.length - row->surplus);
	assert_int_equal(body.has_8bit, span_has_8bit(span_from_string(row->want)));
}

static void lines_and_dots(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		for (size_t piece = 1; piece < strlen(rows[i].input) + 2; piece++)
			check_row(&rows[i], piece);
}

static void wire_form_stays(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct row row = rows[i];

		row.dot_ends = false;
		row.input = rows[i].want;
		row.surplus = 0;
		for (size_t piece = 1; piece < strlen(row.input) + 2; piece++)
			check_row(&row, piece);
	}
}

static void nothing_is_taken_after_the_end(void **state)
{
	CLEANUP(buffer_finish) struct buffer output;
	struct body body;

	(void)state;
	buffer_init(&output, 1000);
	body_init(&body, true);
	assert_int_equal(body_convert(&body, guarded_string("a\n.\n"), &output), 4);
	assert_true(body.is_ended);
	assert_int_equal(body_convert(&body, guarded_string("b\n"), &output), 0);
	body_finish(&body, &output);
	assert_string_equal(buffer_string(&output), "a\r\n");
}

static void what_it_learns(void **state)
{
	static const struct fact {
		const char *input;
		size_t length;
		bool has_8bit, has_nul;
		size_t longest;
	} facts[] = {
		{ "", 0, false, false, 0 },
		{ "ab\nabcd\na", 9, false, false, 4 },
		{ "ab\nabcde", 8, false, false, 5 },
		{ "a\0b\n", 4, false, true, 3 },
		{ "1234567\x80", 8, true, false, 8 },
		{ "12345678\xff\n", 10, true, false, 9 },
		{ "\x80"
		  "1234567\n",
		    9, true, false, 8 },
		{ ".\n", 2, false, false, 1 },
		{ "a\rb\r\n", 5, false, false, 3 },
		{ "a\r\r\rb\r\n", 7, false, false, 5 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof facts / sizeof facts[0]; i++) {
		for (size_t piece = 1; piece <= facts[i].length; piece++) {
			CLEANUP(buffer_finish) struct buffer output;
			struct body body;

			buffer_init(&output, 1000);
			body_init(&body, false);
			convert(&body, guarded(facts[i].input, facts[i].length), piece, &output);
			assert_int_equal(body.has_8bit, facts[i].has_8bit);
			assert_int_equal(body.has_nul, facts[i].has_nul);
			assert_int_equal(body.longest_line, facts[i].longest);
		}
	}
}

/* The line after the lone dot is not the message's. */
static void what_follows_the_dot_is_not_looked_at(void **state)
{
	CLEANUP(buffer_finish) struct buffer output;
	struct body body;

	(void)state;
	buffer_init(&output, 1000);
	body_init(&body, true);
	assert_int_equal(body_convert(&body, guarded("a\n.\n\xff\0", 6), &output), 4);
	assert_false(body.has_8bit);
	assert_false(body.has_nul);
}

static void every_octet_passes_but_line_ends(void **state)
{
	CLEANUP(buffer_finish) struct buffer output;
	struct body body;
	char octets[256];

	(void)state;
	for (int i = 0; i < 256; i++)
		octets[i] = (char)(i == '\r' || i == '\n' ? 'x' : i);
	buffer_init(&output, 1000);
	body_init(&body, true);
	convert(&body, guarded(octets, sizeof octets), 7, &output);
	assert_int_equal(output.length, 258);
	assert_memory_equal(output.start, octets, 256);
}

/* The promise about the limit: twice the input and a few octets. */
static void output_stays_within_its_limit(void **state)
{
	CLEANUP(buffer_finish) struct buffer output;
	struct body body;
	char lines[1000];

	(void)state;
	for (int byte = 0; byte < 2; byte++) {
		memset(lines, byte == 0 ? '\n' : '\r', sizeof lines);
		buffer_init(&output, 2 * sizeof lines + 32);
		body_init(&body, true);
		assert_int_equal(
		    body_convert(&body, guarded(lines, sizeof lines), &output), sizeof lines);
		assert_false(output.has_overflowed);
		buffer_clear(&output);
		body_convert(&body, guarded(lines, sizeof lines), &output);
		assert_false(output.has_overflowed);
		buffer_finish(&output);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_and_dots),
		cmocka_unit_test(wire_form_stays),
		cmocka_unit_test(nothing_is_taken_after_the_end),
		cmocka_unit_test(what_it_learns),
		cmocka_unit_test(what_follows_the_dot_is_not_looked_at),
		cmocka_unit_test(every_octet_passes_but_line_ends),
		cmocka_unit_test(output_stays_within_its_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
