/* SPDX-License-Identifier: MIT */

/* Tests service/event_words.c: each piece of a line, and no piece of a character. */

#include "service/event_words.h"

#include <string.h>

#include "base/memory.h"
#include "base/utf8.h"
#include "tests/support/cmocka.h"

static void a_delay_shows_what_counts_of_it(void **state)
{
	static const struct row {
		int64_t delay;
		const char *text;
	} rows[] = { { -5, "0" }, { 0, "0" }, { 9, "0" }, { 10, "0.01" }, { 999, "0.99" },
		{ 1000, "1" }, { 9999, "9.99" }, { 12345, "12.3" }, { 99999, "99.9" },
		{ 100000, "100" }, { 3600999, "3600" } };

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct buffer line CLEANUP(buffer_finish) = { 0 };

		buffer_init(&line, 100);
		event_words_delay(&line, rows[i].delay);
		assert_string_equal(buffer_string(&line), rows[i].text);
	}
}

static void a_relay_is_named_as_postfix_does(void **state)
{
	static const struct row {
		const char *relay;
		const char *text;
	} rows[] = {
		{ "x:25 [192.0.2.1]", "x[192.0.2.1]:25" },
		{ "x:25 [2001:db8::1]", "x[2001:db8::1]:25" },
		{ "[2001:db8::1]:25 [2001:db8::1]", "[2001:db8::1][2001:db8::1]:25" },
		{ "/run/lmtp", "/run/lmtp" },
		{ "x:25", "x:25" },
		{ "x [1]", "x?[1]" },
		{ "[", "[" },
		{ " [", "?[" },
		{ "", "" },
		{ "x, y", "x??y" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct buffer line CLEANUP(buffer_finish) = { 0 };

		buffer_init(&line, 100);
		event_words_relay(&line, rows[i].relay);
		assert_string_equal(buffer_string(&line), rows[i].text);
	}
}

static void what_ends_a_place_cannot_stand_in_it(void **state)
{
	struct buffer line CLEANUP(buffer_finish) = { 0 };

	(void)state;
	buffer_init(&line, 100);
	event_words_address(&line, "to", "a>b<c\n");
	buffer_append_byte(&line, ' ');
	event_words_quoted(&line, "why", "a \"b\"\x1b");
	buffer_append_byte(&line, ' ');
	event_words_masked(&line, span_from_string("a=b \xff"), " =");
	assert_string_equal(buffer_string(&line), "to=<a?b?c?> why=\"a 'b'?\" a?b??");
}

/* Every end of a cut character. */
static void a_cut_leaves_no_half_character(void **state)
{
	char text[200];

	(void)state;
	for (size_t shift = 0; shift < 4; shift++) {
		size_t at = shift;

		memset(text, 'a', shift);
		for (; at + 4 < sizeof text; at += 4)
			memcpy(text + at, "\xf0\x9f\x93\xa7", 4);
		text[at] = '\0';
		for (size_t limit = 0; limit < 100; limit++) {
			struct span rest = event_words_cut(text, limit);
			uint32_t code;

			assert_true(rest.length <= limit && rest.length + 4 > limit);
			while (rest.length != 0) {
				size_t length = utf8_decode(rest, &code);

				assert_int_not_equal(length, 0);
				rest = span_after(rest, length);
			}
		}
		assert_int_equal(event_words_cut(text, sizeof text).length, at);
	}
}

static void members_are_there_where_they_are_known(void **state)
{
	struct buffer members CLEANUP(buffer_finish) = { 0 };

	(void)state;
	buffer_init(&members, 200);
	event_words_string(&members, "a", NULL, 9);
	event_words_string(&members, "b", "0123456789", 9);
	event_words_security(&members, NULL);
	event_words_security(&members, "");
	event_words_security(&members, "TLSv1.3");
	event_words_security(&members, "TLSv1.3 A");
	assert_string_equal(buffer_string(&members),
	    "\"b\":\"012345678\",\"tls_version\":\"TLSv1.3\",\"tls_cipher\":\"A\"");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_delay_shows_what_counts_of_it),
		cmocka_unit_test(a_relay_is_named_as_postfix_does),
		cmocka_unit_test(what_ends_a_place_cannot_stand_in_it),
		cmocka_unit_test(a_cut_leaves_no_half_character),
		cmocka_unit_test(members_are_there_where_they_are_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
