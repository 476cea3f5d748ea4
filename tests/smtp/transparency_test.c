/* SPDX-License-Identifier: MIT */

/* Tests smtp/transparency.c. */

#include "smtp/transparency.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/support/guarded.h"

static const struct row {
	const char *name;
	const char *content;
	const char *wire; /* stuffed, with its end */
} rows[] = {
	{ "nothing", "", ".\r\n" },
	{ "plain", "a\r\nb\r\n", "a\r\nb\r\n.\r\n" },
	{ "dot at the very start", ".a\r\n", "..a\r\n.\r\n" },
	{ "lone dot", ".\r\n", "..\r\n.\r\n" },
	{ "dots", "..\r\n...\r\n", "...\r\n....\r\n.\r\n" },
	{ "dot within a line", "a.\r\n", "a.\r\n.\r\n" },
	{ "bare LF begins no line", "a\n.\nb\r\n", "a\n.\nb\r\n.\r\n" },
	{ "bare CR begins no line", "a\r.\rb\r\n", "a\r.\rb\r\n.\r\n" },
	{ "LF dot CRLF", "a\n.\r\nb\r\n", "a\n.\r\nb\r\n.\r\n" },
	{ "CR dot CRLF", "a\r.\r\nb\r\n", "a\r.\r\nb\r\n.\r\n" },
	{ "CRLF dot LF", "a\r\n.\nb\r\n", "a\r\n..\nb\r\n.\r\n" },
	{ "CRLF dot CR", "a\r\n.\rb\r\n", "a\r\n..\rb\r\n.\r\n" },
	{ "CRLF dot CR CRLF", "a\r\n.\r\r\n", "a\r\n..\r\r\n.\r\n" },
	{ "CR CRLF then dot", "a\r\r\n.\r\n", "a\r\r\n..\r\n.\r\n" },
	{ "empty lines", "\r\n\r\n.\r\n", "\r\n\r\n..\r\n.\r\n" },
};

/* Stuffs in two pieces, cut here. */
static void stuff(const char *content, size_t cut, struct buffer *wire)
{
	struct transparency transparency;

	transparency_init(&transparency);
	transparency_stuff(&transparency, guarded(content, cut), wire);
	transparency_stuff(&transparency, guarded_string(content + cut), wire);
	transparency_end(&transparency, wire);
}

static void content_is_stuffed_at_every_split(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		print_message("  %s\n", rows[i].name);
		for (size_t cut = 0; cut <= strlen(rows[i].content); cut++) {
			struct buffer wire;

			buffer_init(&wire, 1000);
			stuff(rows[i].content, cut, &wire);
			assert_string_equal(buffer_string(&wire), rows[i].wire);
			buffer_finish(&wire);
		}
	}
}

static void the_last_line_gets_its_end(void **state)
{
	static const char *const contents[] = { "a", "a\r", "a\n", ".", "a\r\nb" };

	(void)state;
	for (size_t i = 0; i < sizeof contents / sizeof contents[0]; i++) {
		struct buffer wire;

		buffer_init(&wire, 1000);
		stuff(contents[i], 0, &wire);
		assert_true(span_ends_with_ignoring_case(buffer_span(&wire), "\r\n.\r\n"));
		buffer_finish(&wire);
	}
}

/* Unstuffs in two pieces, cut here, with a command behind; returns what was taken. */
static size_t unstuff(struct span wire, size_t cut, struct buffer *content, bool *is_ended)
{
	struct transparency transparency;

	transparency_init(&transparency);
	size_t taken = transparency_unstuff(
	    &transparency, span_first(wire, cut), content, is_ended);
	if (*is_ended)
		return taken;
	assert_int_equal(taken, cut);
	return taken +
	       transparency_unstuff(&transparency, span_after(wire, cut), content, is_ended);
}

static void content_comes_back_at_every_split(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct buffer input;

		buffer_init(&input, 1000);
		buffer_format(&input, "%sRSET\r\n.\r\n", rows[i].wire);
		struct span wire = guarded(input.start, input.length);
		print_message("  %s\n", rows[i].name);
		for (size_t cut = 0; cut <= wire.length; cut++) {
			struct buffer content;
			bool is_ended = false;

			buffer_init(&content, 1000);
			assert_int_equal(
			    unstuff(wire, cut, &content, &is_ended), strlen(rows[i].wire));
			assert_true(is_ended);
			assert_string_equal(buffer_string(&content), rows[i].content);
			buffer_finish(&content);
		}
		buffer_finish(&input);
	}
}

static void nothing_else_ends_a_content(void **state)
{
	static const char *const inputs[] = { "a\n.\n", "a\r.\r", "a\r\n.\n", "a\r\n.\r",
		"a\n.\r\n", "a\r.\r\n", "a\r\r\n.\r\r\n", ".\n", ".\r", ".", "\n.\r\n",
		"a\r\n..\r\n", "a\r\n.\r.\r\n", "a\r\n. \r\n" };

	(void)state;
	for (size_t i = 0; i < sizeof inputs / sizeof inputs[0]; i++) {
		struct span wire = guarded_string(inputs[i]);

		for (size_t cut = 0; cut <= wire.length; cut++) {
			struct buffer content;
			bool is_ended = false;

			buffer_init(&content, 1000);
			assert_int_equal(unstuff(wire, cut, &content, &is_ended), wire.length);
			assert_false(is_ended);
			buffer_finish(&content);
		}
	}
}

/* A stuffed dot is taken off before anything, as RFC 5321, 4.5.2 says. */
static void a_single_dot_before_words_is_taken_off(void **state)
{
	struct buffer content;
	bool is_ended = false;

	(void)state;
	buffer_init(&content, 1000);
	unstuff(guarded_string(".a\r\n.\rb\r\n.\r\n"), 4, &content, &is_ended);
	assert_true(is_ended);
	assert_string_equal(buffer_string(&content), "a\r\n\rb\r\n");
	buffer_finish(&content);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(content_is_stuffed_at_every_split),
		cmocka_unit_test(the_last_line_gets_its_end),
		cmocka_unit_test(content_comes_back_at_every_split),
		cmocka_unit_test(nothing_else_ends_a_content),
		cmocka_unit_test(a_single_dot_before_words_is_taken_off),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
