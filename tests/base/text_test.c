/* SPDX-License-Identifier: MIT */

/* Tests base/text.c: nothing is written past the place, and a cut can be seen. */

#include "base/text.h"

#include <stdio.h>
#include <string.h>

#include "tests/support/cmocka.h"

struct row {
	const char *before;
	const char *source;
	size_t size;
	const char *after;
};

/* A place of exactly this size, with marks around it. */
static void run(const struct row *row, void (*act)(char *, size_t, const char *))
{
	char place[64];

	memset(place, '#', sizeof place);
	memcpy(place + 8, row->before, strlen(row->before) + 1);
	act(place + 8, row->size, row->source);
	if (strcmp(place + 8, row->after) != 0)
		fail_msg("\"%s\" and \"%s\" in %zu: \"%s\"", row->before, row->source, row->size,
		    place + 8);
	for (size_t i = 8 + row->size; i < sizeof place; i++)
		assert_int_equal(place[i], '#');
	for (size_t i = 0; i < 8; i++)
		assert_int_equal(place[i], '#');
}

static void a_copy_is_whole_or_shows_its_cut(void **state)
{
	static const struct row rows[] = {
		{ "", "", 4, "" },
		{ "", "abc", 4, "abc" },
		{ "", "abcd", 4, "..." },
		{ "", "abcd", 5, "abcd" },
		{ "", "abcde", 5, "a..." },
		{ "old", "abcdefghijk", 8, "abcd..." },
		{ "longer", "a", 8, "a" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		run(&rows[i], text_copy);
}

static void what_is_added_fits_or_shows_its_cut(void **state)
{
	static const struct row rows[] = {
		{ "", "abc", 4, "abc" },
		{ "ab", "cd", 8, "abcd" },
		{ "ab", "cdefg", 8, "abcdefg" },
		{ "ab", "cdefgh", 8, "abcd..." },
		/* Little room, and yet it fits. */
		{ "abcdef", "g", 8, "abcdefg" },
		{ "abcde", "fg", 8, "abcdefg" },
		{ "abcdefg", "", 8, "abcdefg" },
		/* No room even for the dots: they take the place of the last words. */
		{ "abcdefg", "h", 8, "abcd..." },
		{ "abcde", "fgh", 8, "abcd..." },
		{ "abcd...", "e", 8, "abcd..." },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		run(&rows[i], text_append);
}

static void a_place_may_be_copied_into_itself(void **state)
{
	char place[8] = "abcdef";

	(void)state;
	text_copy(place, sizeof place, place + 2);
	assert_string_equal(place, "cdef");
}

static void sizes_are_said_in_their_largest_unit(void **state)
{
	static const struct {
		uint64_t octets;
		const char *text;
	} rows[] = {
		{ 0, "0 octets" },
		{ 1, "1 octet" },
		{ 1023, "1023 octets" },
		{ 1024, "1 KiB" },
		{ 1536, "1.5 KiB" },
		{ 1048575, "1023.9 KiB" },
		{ UINT64_C(64) << 20, "64 MiB" },
		{ (UINT64_C(100) << 20) - 1, "99.9 MiB" },
		{ UINT64_C(3) << 30, "3 GiB" },
		{ UINT64_C(5) << 40, "5 TiB" },
		{ UINT64_MAX, "15.9 EiB" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char text[TEXT_SIZE_SIZE];

		text_size(rows[i].octets, text);
		assert_string_equal(text, rows[i].text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sizes_are_said_in_their_largest_unit),
		cmocka_unit_test(a_copy_is_whole_or_shows_its_cut),
		cmocka_unit_test(what_is_added_fits_or_shows_its_cut),
		cmocka_unit_test(a_place_may_be_copied_into_itself),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
