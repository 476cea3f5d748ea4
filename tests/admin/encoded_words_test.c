/* SPDX-License-Identifier: MIT */

/* Tests admin/encoded_words.c: RFC 2047, and what only looks like it. */

#include "admin/encoded_words.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "tests/support/cmocka.h"
#include "tests/support/guarded.h"

static const struct {
	const char *name;
	const char *value;
	const char *expected;
} rows[] = {
	{ "nothing", "", "" },
	{ "plain", "a subject", "a subject" },
	{ "Q", "=?UTF-8?Q?Gr=C3=BC=C3=9Fe_an_alle?=", "Grüße an alle" },
	{ "B", "=?utf-8?b?R3LDvMOfZQ==?=", "Grüße" },
	{ "Latin 1", "=?ISO-8859-1?Q?Gr=FC=DFe?=", "Grüße" },
	{ "two words", "=?UTF-8?Q?Gr=C3?= =?UTF-8?Q?=BC=C3=9Fe?= an", "Grüße an" },
	{ "text between", "=?UTF-8?Q?a?= b =?UTF-8?Q?c?=", "a b c" },
	{ "with an address", "=?UTF-8?Q?J=C3=BCrgen?= <j@x.example>", "Jürgen <j@x.example>" },
	{ "a language", "=?utf-8*de?Q?ja?=", "ja" },
	{ "another charset", "=?koi8-r?Q?=C1?=", "=?koi8-r?Q?=C1?=" },
	{ "no encoding", "=?utf-8?X?a?=", "=?utf-8?X?a?=" },
	{ "half a digit", "=?utf-8?Q?a=C?=", "=?utf-8?Q?a=C?=" },
	{ "bad base64", "=?utf-8?B?a?=", "=?utf-8?B?a?=" },
	{ "no end", "=?utf-8?Q?a", "=?utf-8?Q?a" },
	{ "an end that is none", "=?utf-8?Q?a?b", "=?utf-8?Q?a?b" },
};

static void words_are_decoded(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct buffer output CLEANUP(buffer_finish) = { 0 };

		buffer_init(&output, 1000);
		print_message("%s\n", rows[i].name);
		encoded_words_decode(guarded_string(rows[i].value), &output);
		assert_string_equal(buffer_string(&output), rows[i].expected);
	}
}

static void no_octet_behind_the_value_is_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		for (size_t length = 0; length < strlen(rows[i].value); length++) {
			struct buffer output CLEANUP(buffer_finish) = { 0 };

			buffer_init(&output, 1000);
			encoded_words_decode(guarded(rows[i].value, length), &output);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_are_decoded),
		cmocka_unit_test(no_octet_behind_the_value_is_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
