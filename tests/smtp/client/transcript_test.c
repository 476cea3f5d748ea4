/* SPDX-License-Identifier: MIT */

/* Tests smtp/client/transcript.c. */

#include "smtp/client/transcript.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/base64.h"
#include "base/memory.h"
#include "tests/support/guarded.h"

static void octets_are_made_fit_to_be_shown(void **state)
{
	static const struct row {
		const char *octets, *shown;
	} rows[] = {
		{ "", "" },
		{ "250 OK", "250 OK" },
		{ "a\tb\rc\x1b[2J\x7f", "a\\x09b\\x0Dc\\x1B[2J\\x7F" },
		{ "Gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x93\xa7",
		    "Gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x93\xa7" },
		/* Latin-1, and characters that end early. */
		{ "Gr\xfc\xdf", "Gr\\xFC\\xDF" },
		{ "\xc3", "\\xC3" },
		{ "\xe2\x82", "\\xE2\\x82" },
		{ "\xf0\x9f\x93.", "\\xF0\\x9F\\x93." },
		/* Longer than needed, surrogates, past the end, controls in two octets. */
		{ "\xc0\xaf\xe0\x80\xaf", "\\xC0\\xAF\\xE0\\x80\\xAF" },
		{ "\xed\xa0\x80", "\\xED\\xA0\\x80" },
		{ "\xf0\x80\x80\xaf\xf4\x90\x80\x80", "\\xF0\\x80\\x80\\xAF\\xF4\\x90\\x80\\x80" },
		{ "\xc2\x9b"
		  "2J\xc2\xa0",
		    "\\xC2\\x9B"
		    "2J\xc2\xa0" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char text[200];

		transcript_mask(guarded(rows[i].octets, strlen(rows[i].octets)), text, sizeof text);
		assert_string_equal(text, rows[i].shown);
	}
}

static void nul_is_shown_as_well(void **state)
{
	char text[20];

	(void)state;
	transcript_mask(guarded("a\0b", 3), text, sizeof text);
	assert_string_equal(text, "a\\x00b");
}

static void what_is_long_is_cut(void **state)
{
	char text[12];

	(void)state;
	transcript_mask(span_from_string("0123456789a"), text, sizeof text);
	assert_string_equal(text, "0123456789a");
	transcript_mask(span_from_string("0123456789ab"), text, sizeof text);
	assert_string_equal(text, "01234567...");
	/* No character is cut in two. */
	transcript_mask(span_from_string("0123456\xe2\x82\xac!!"), text, sizeof text);
	assert_string_equal(text, "0123456...");
	transcript_mask(span_from_string("0123456\x01\x02"), text, sizeof text);
	assert_string_equal(text, "0123456...");
}

static void a_line_has_time_and_direction(void **state)
{
	static const struct row {
		int64_t milliseconds;
		char direction;
		const char *line, *shown;
	} rows[] = {
		{ 132, '<', "250-PIPELINING", "  0.132 < 250-PIPELINING" },
		{ 0, '*', "connecting", "  0.000 * connecting" },
		{ 61005, '>', "QUIT", " 61.005 > QUIT" },
		{ 3600000, '>', "QUIT", "3600.000 > QUIT" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		CLEANUP(buffer_finish) struct buffer output = { 0 };

		buffer_init(&output, 100);
		transcript_write(&output, rows[i].milliseconds, rows[i].direction,
		    span_from_string(rows[i].line));
		assert_string_equal(buffer_string(&output), rows[i].shown);
	}
	assert_false(transcript_is_direction('\0'));
	assert_false(transcript_is_direction('X'));
}

static const char *hidden(const char *text, const char *secret)
{
	static char copy[400];

	snprintf(copy, sizeof copy, "%s", text);
	copy[transcript_hide(copy, strlen(copy), span_from_string(secret))] = '\0';
	return copy;
}

static void secrets_are_hidden(void **state)
{
	(void)state;
	assert_string_equal(
	    hidden("535 not wonderland, wonderland!", "wonderland"), "535 not ******, ******!");
	assert_string_equal(hidden("wonderlan", "wonderland"), "wonderlan");
	assert_string_equal(hidden("secret", "secret"), "******");
	assert_string_equal(hidden("", "secret"), "");
	/* Nobody could read a text without all "ok". */
	assert_string_equal(hidden("250 ok ok", "ok"), "250 ok ok");
	assert_string_equal(hidden("250 short", "short"), "250 short");
	assert_string_equal(hidden("250 anything", ""), "250 anything");
}

/* At every place of a group, whatever stands around. */
static void secrets_in_base64_are_hidden(void **state)
{
	static const char *const fronts[] = { "", "\1", "\1u", "\1us", "\1user\1" };
	static const char *const backs[] = { "", "\1", "\1\1", "\1\1\1" };

	(void)state;
	for (size_t i = 0; i < sizeof fronts / sizeof fronts[0]; i++)
		for (size_t j = 0; j < sizeof backs / sizeof backs[0]; j++) {
			CLEANUP(buffer_finish) struct buffer said = { 0 };
			CLEANUP(memory_free_string)
			char *octets = memory_format("%swonderland%s", fronts[i], backs[j]);

			buffer_init(&said, 200);
			buffer_append_string(&said, "535 no: ");
			base64_encode(span_from_string(octets), &said);
			buffer_append_string(&said, " (");
			base64_encode(span_from_string(octets), &said);
			buffer_append_string(&said, ")");
			assert_string_equal(
			    hidden(buffer_string(&said), "wonderland"), "535 no: ****** (******)");
		}
}

static void other_base64_stays(void **state)
{
	(void)state;
	assert_string_equal(hidden("334 VXNlcm5hbWU6", "wonderland"), "334 VXNlcm5hbWU6");
}

static char *written(const struct transcript_excerpt *excerpt)
{
	struct buffer output;

	buffer_init(&output, 1 << 17);
	transcript_excerpt_write(excerpt, &output);
	assert_false(output.has_overflowed);
	return buffer_take_string(&output);
}

static void a_short_conversation_is_kept_in_whole(void **state)
{
	struct transcript_excerpt excerpt;

	(void)state;
	transcript_excerpt_init(&excerpt);
	transcript_excerpt_add(&excerpt, span_from_string("one"));
	transcript_excerpt_add(&excerpt, span_from_string(""));
	transcript_excerpt_add(&excerpt, span_from_string("three"));
	CLEANUP(memory_free_string) char *text = written(&excerpt);
	assert_string_equal(text, "one\n\nthree\n");
	transcript_excerpt_finish(&excerpt);
}

static void take_live(void *context, struct span line)
{
	struct buffer *lines = context;

	buffer_append_span(lines, line);
	buffer_append_byte(lines, '\n');
}

static void a_live_one_is_handed_on_and_not_kept(void **state)
{
	CLEANUP(buffer_finish) struct buffer lines = { 0 };
	struct transcript_excerpt excerpt;

	(void)state;
	buffer_init(&lines, 1000);
	transcript_excerpt_init(&excerpt);
	excerpt.live = take_live;
	excerpt.context = &lines;
	transcript_excerpt_add(&excerpt, span_from_string("one"));
	transcript_excerpt_add(&excerpt, span_from_string("two"));
	assert_string_equal(buffer_string(&lines), "one\ntwo\n");
	CLEANUP(memory_free_string) char *text = written(&excerpt);
	assert_string_equal(text, "");
	transcript_excerpt_finish(&excerpt);
}

static void of_a_long_one_both_ends_are_kept(void **state)
{
	struct transcript_excerpt excerpt;
	char line[20];

	(void)state;
	transcript_excerpt_init(&excerpt);
	for (int i = 0; i < 2 * TRANSCRIPT_HALF; i++)
		transcript_excerpt_add(&excerpt, span_from_string("x"));
	assert_int_equal(excerpt.dropped, 0);
	for (int i = 0; i < 1000; i++) {
		snprintf(line, sizeof line, "line %d", i);
		transcript_excerpt_add(&excerpt, span_from_string(line));
	}
	CLEANUP(memory_free_string) char *text = written(&excerpt);
	assert_non_null(strstr(text, "x\n        (1000 lines are left out here)\nline 950\n"));
	assert_non_null(strstr(text, "\nline 999\n"));
	transcript_excerpt_finish(&excerpt);
}

static void the_longest_lines_fit(void **state)
{
	struct transcript_excerpt excerpt;
	char line[5000];

	(void)state;
	memset(line, 'x', sizeof line);
	transcript_excerpt_init(&excerpt);
	for (int i = 0; i < 3 * TRANSCRIPT_HALF; i++)
		transcript_excerpt_add(&excerpt, span_from_bytes(line, sizeof line));
	assert_false(excerpt.first.has_overflowed || excerpt.last.has_overflowed);
	CLEANUP(memory_free_string) char *text = written(&excerpt);
	/* An answer holds 64 KiB (reply.h), each line with code and status. */
	assert_true(strlen(text) + 2 * (TRANSCRIPT_HALF + 1) * 30 < 60000);
	transcript_excerpt_finish(&excerpt);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(octets_are_made_fit_to_be_shown),
		cmocka_unit_test(nul_is_shown_as_well),
		cmocka_unit_test(what_is_long_is_cut),
		cmocka_unit_test(a_line_has_time_and_direction),
		cmocka_unit_test(secrets_are_hidden),
		cmocka_unit_test(secrets_in_base64_are_hidden),
		cmocka_unit_test(other_base64_stays),
		cmocka_unit_test(a_short_conversation_is_kept_in_whole),
		cmocka_unit_test(a_live_one_is_handed_on_and_not_kept),
		cmocka_unit_test(of_a_long_one_both_ends_are_kept),
		cmocka_unit_test(the_longest_lines_fit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
