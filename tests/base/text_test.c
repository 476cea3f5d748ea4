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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_copy_is_whole_or_shows_its_cut),
		cmocka_unit_test(what_is_added_fits_or_shows_its_cut),
		cmocka_unit_test(a_place_may_be_copied_into_itself),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
