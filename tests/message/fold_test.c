/* SPDX-License-Identifier: MIT */

/* Tests message/fold.c. */

#include "message/fold.h"

#include <string.h>

#include "base/memory.h"
#include "tests/support/cmocka.h"
#include "tests/support/guarded.h"

/* In the rows below a digit stands for so many hundred x, and "." for ten. */
static char *spell(const char *pattern)
{
	struct buffer text;

	buffer_init(&text, 1 << 20);
	for (const char *p = pattern; *p != '\0'; p++) {
		if (*p >= '0' && *p <= '9')
			for (int i = 0; i < (*p - '0') * 100; i++)
				buffer_append_byte(&text, 'x');
		else if (*p == '.')
			buffer_append_string(&text, "xxxxxxxxxx");
		else
			buffer_append_byte(&text, *p);
	}
	return buffer_take_string(&text);
}

static void lines_break_at_blanks(void **state)
{
	static const struct row {
		const char *name;
		const char *given;
		const char *want; /* NULL: the same */
	} rows[] = {
		{ "short", "A: b c\r\n", NULL },
		{ "998 octets", "Abcd: x 9.........\r\n", NULL },
		{ "999 octets", "Abcde: x 9.........\r\n", "Abcde: x\r\n 9.........\r\n" },
		{ "one word that fits on a line of its own", "Abcdefgh: 9.........\r\n",
		    "Abcdefgh:\r\n 9.........\r\n" },
		{ "the last blank that fits", "A: 5 4 1\r\n", "A: 5 4\r\n 1\r\n" },
		{ "several lines", "A: 5 4 5 4 5\r\n", "A: 5 4\r\n 5 4\r\n 5\r\n" },
		{ "its own folds stay", "A: 1\r\n\t1\r\n 5 5\r\n 1\r\n",
		    "A: 1\r\n\t1\r\n 5\r\n 5\r\n 1\r\n" },
		{ "a tab is a blank", "A: 5\t5\r\n", "A: 5\r\n\t5\r\n" },
		{ "before a run of blanks, which stays whole", "A: 5 \t  5\r\n",
		    "A: 5\r\n \t  5\r\n" },
		{ "nowhere to break", "A:95\r\n", NULL },
		{ "a word too long among others", "A: 1 95 1\r\n", "A: 1\r\n 95\r\n 1\r\n" },
		{ "not before the colon", "A :95\r\n", NULL },
		{ "behind it", "A : 95\r\n", "A :\r\n 95\r\n" },
		{ "blanks at the end are no word", "A:95   \t \r\n", NULL },
		{ "blanks at the end of a fold", "A: 1\r\n 95 \r\n 1\r\n", NULL },
		{ "blanks alone", "A: 1\r\n \r\n 1\r\n", NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		CLEANUP(memory_free_string) char *given = spell(rows[i].given);
		CLEANUP(memory_free_string)
		char *want = spell(rows[i].want != NULL ? rows[i].want : rows[i].given);
		CLEANUP(buffer_finish) struct buffer output = { 0 };
		struct field field;

		assert_true(field_parse(guarded(given, strlen(given)), true, &field) > 0);
		buffer_init(&output, 1 << 20);
		fold_field(&field, &output);
		if (strcmp(buffer_string(&output), want) != 0)
			fail_msg("%s: %s", rows[i].name, buffer_string(&output));
		if (rows[i].want != NULL && !fold_is_needed(&field))
			fail_msg("%s: is long", rows[i].name);
	}
}

static void addresses_are_parted_at_their_commas(void **state)
{
	static const struct row {
		const char *given;
		const char *want;
	} rows[] = {
		{ "", "" },
		{ " a@b,c@d,e", " a@b, c@d, e" },
		{ "a, b,\tc,\r\n d,", "a, b,\tc,\r\n d," },
		{ "\"a,b\" <c@d>,e", "\"a,b\" <c@d>, e" },
		{ "\"a\\\",b\",c", "\"a\\\",b\", c" },
		{ "a (b,(c,d),e),f", "a (b,(c,d),e), f" },
		{ "(a\\),b),c", "(a\\),b), c" },
		{ "(\"),a,\"(,\",b", "(\"), a, \"(,\", b" },
		{ "g:a,b;,<@x,@y:c@d>", "g:a, b;, <@x, @y:c@d>" },
		{ "\"a,b", "\"a,b" },
		{ "a),b", "a), b" },
		{ "\"\\", "\"\\" },
		{ "a\\,b", "a\\, b" },
		/* Nested too deep it is no comment, and who knows what is in quotes behind it. */
		{ "a,(((((((((((((((((((((((((((((((((((((((((((((((((((,))))))))))))))))))))))))))"
		  ")))))))))))))))))))))))))b,\"c,d\"",
		    "a, "
		    "(((((((((((((((((((((((((((((((((((((((((((((((((((,))))))))))))))))))))))))))"
		    ")))))))))))))))))))))))))b,\"c,d\"" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		CLEANUP(buffer_finish) struct buffer output = { 0 };

		buffer_init(&output, 2 * strlen(rows[i].given) + 1);
		fold_part_addresses(guarded_string(rows[i].given), &output);
		if (strcmp(buffer_string(&output), rows[i].want) != 0)
			fail_msg("%s: %s", rows[i].given, buffer_string(&output));
	}
}

static void who_needs_it(void **state)
{
	static const char *const rows[] = { "A: b\r\n", "A: b\r\n 9\r\n\t9\r\n",
		"Abcd: x 9.........\r\n" };

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		CLEANUP(memory_free_string) char *given = spell(rows[i]);
		struct field field;

		assert_true(field_parse(guarded(given, strlen(given)), true, &field) > 0);
		assert_false(fold_is_needed(&field));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_break_at_blanks),
		cmocka_unit_test(addresses_are_parted_at_their_commas),
		cmocka_unit_test(who_needs_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
