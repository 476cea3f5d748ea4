/* SPDX-License-Identifier: MIT */

/* Tests base/utf8.c. */

#include "base/utf8.h"

#include "base/memory.h"
#include "tests/support/cmocka.h"
#include "tests/support/guarded.h"

static void characters_are_taken_whole_or_not_at_all(void **state)
{
	static const struct row {
		const char *text;
		size_t length;
		uint32_t code;
	} rows[] = {
		{ "a", 1, 'a' },
		{ " ", 1, ' ' },
		{ "~", 1, '~' },
		{ "\xc3\xa4", 2, 0xe4 },
		{ "\xc2\xa0", 2, 0xa0 },
		{ "\xe2\x82\xac", 3, 0x20ac },
		{ "\xf0\x9f\x93\xa7", 4, 0x1f4e7 },
		{ "\xf4\x8f\xbf\xbf", 4, 0x10ffff },
		/* Controls. */
		{ "\x1f", 0, 0 },
		{ "\x7f", 0, 0 },
		{ "\xc2\x85", 0, 0 },
		/* Line ends, and what turns the direction of writing. */
		{ "\xe2\x80\xa8", 0, 0 },
		{ "\xe2\x80\xae", 0, 0 },
		{ "\xe2\x81\xa6", 0, 0 },
		/* Cut, or not continued. */
		{ "\xc3", 0, 0 },
		{ "\xe2\x82", 0, 0 },
		{ "\xf0\x9f\x93", 0, 0 },
		{ "\xc3(", 0, 0 },
		{ "\xa4", 0, 0 },
		/* Longer than need be, surrogates, too large (RFC 3629, 3). */
		{ "\xc0\xaf", 0, 0 },
		{ "\xe0\x80\xaf", 0, 0 },
		{ "\xf0\x80\x80\xaf", 0, 0 },
		{ "\xed\xa0\x80", 0, 0 },
		{ "\xf4\x90\x80\x80", 0, 0 },
		{ "\xff", 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		uint32_t code = 0;

		size_t length = utf8_decode(guarded_string(rows[i].text), &code);
		if (length != rows[i].length || code != rows[i].code)
			fail_msg("row %zu: %zu, U+%04X", i, length, (unsigned)code);
	}
}

static void text_is_masked_in_its_place(void **state)
{
	char text[] = "a\tb\x9b"
		      "31m\xc2\x9b"
		      "2J \xc3\xa4\xe2\x80\xae\xc3";

	(void)state;
	utf8_mask(text, "\t");
	assert_string_equal(text, "a\tb?31m??2J \xc3\xa4????");
	utf8_mask(text, "");
	assert_string_equal(text, "a?b?31m??2J \xc3\xa4????");
}

static void what_is_no_character_is_shown_as_a_question_mark(void **state)
{
	static const struct row {
		const char *name;
		const char *given;
		const char *text;
	} rows[] = {
		{ "empty", "", "" },
		{ "plain", "user@x.y", "user@x.y" },
		{ "quotes", "\"a\\b\"", "\"a\\b\"" },
		{ "controls", "a\x1b[2J\r\n\tb\x7f", "a?[2J???b?" },
		{ "two octets", "\xc3\xbc", "\xc3\xbc" },
		{ "three octets", "\xe2\x82\xac", "\xe2\x82\xac" },
		{ "four octets", "\xf0\x9f\x93\xa7", "\xf0\x9f\x93\xa7" },
		{ "C1", "\xc2\x9b\x32J", "??2J" },
		{ "first after C1", "\xc2\xa0", "\xc2\xa0" },
		{ "latin-1", "M\xfcller", "M?ller" },
		{ "continuation alone", "\x80x", "?x" },
		{ "overlong slash", "\xc0\xaf", "??" },
		{ "overlong in three", "\xe0\x80\xaf", "???" },
		{ "surrogate", "\xed\xa0\x80", "???" },
		{ "overlong in four", "\xf0\x80\x80\x80", "????" },
		{ "above the last", "\xf4\x90\x80\x80", "????" },
		{ "cut in two", "x\xc3", "x?" },
		{ "cut in four", "\xf0\x9f\x93", "???" },
		{ "broken off", "\xe2\x82\"", "??\"" },
		{ "quote in the place of an octet", "\xc3\"}", "?\"}" },
		{ "several", "a\xc3\xa4\xff\x1b[1m\xe2\x82z\xc2\x9b\xf0\x9f\x93\xa7\xc3",
		    "a\xc3\xa4??[1m??z??\xf0\x9f\x93\xa7?" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct buffer buffer CLEANUP(buffer_finish) = { 0 };

		buffer_init(&buffer, 100);
		utf8_append_shown(&buffer, guarded_string(rows[i].given));
		if (!span_equals_string(buffer_span(&buffer), rows[i].text))
			fail_msg("%s: \"%s\"", rows[i].name, buffer_string(&buffer));
	}
}

static void a_nul_is_masked(void **state)
{
	struct buffer buffer CLEANUP(buffer_finish) = { 0 };

	(void)state;
	buffer_init(&buffer, 100);
	utf8_append_shown(&buffer, span_from_bytes("a\0b", 3));
	assert_string_equal(buffer_string(&buffer), "a?b");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_is_masked_in_its_place),
		cmocka_unit_test(characters_are_taken_whole_or_not_at_all),
		cmocka_unit_test(what_is_no_character_is_shown_as_a_question_mark),
		cmocka_unit_test(a_nul_is_masked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
