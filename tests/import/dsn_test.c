/* SPDX-License-Identifier: MIT */

/* Tests import/dsn.c. */

#include "import/dsn.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/memory.h"

static void urls_are_taken_apart(void **state)
{
	static const struct row {
		const char *text;
		const char *scheme; /* NULL: none */
		const char *user;
		const char *password;
		const char *host;
		const char *option; /* of "x" */
	} rows[] = {
		{ "smtp://u:p@h:25?x=1&y=2", "smtp", "u", "p", "h:25", "1" },
		{ "smtp://u@h/", "smtp", "u", "", "h", "" },
		{ "smtps://h?X=2", "smtps", "", "", "h", "2" },
		{ "smtp://u:p@ss@h", "smtp", "u", "p@ss", "h", "" },
		{ "smtp://u:p:q@h?y=1&x=a=b", "smtp", "u", "p:q", "h", "a=b" },
		{ "a+b://default", "a+b", "", "", "default", "" },
		{ "://", "", "", "", "", "" },
		{ "host:25", NULL, NULL, NULL, NULL, NULL },
		{ "", NULL, NULL, NULL, NULL, NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct dsn dsn;

		if (dsn_split(span_from_string(rows[i].text), &dsn) != (rows[i].scheme != NULL))
			fail_msg("%s", rows[i].text);
		if (rows[i].scheme == NULL)
			continue;
		assert_true(span_equals_string(dsn.scheme, rows[i].scheme));
		assert_true(span_equals_string(dsn.user, rows[i].user));
		assert_true(span_equals_string(dsn.password, rows[i].password));
		assert_true(span_equals_string(dsn.host, rows[i].host));
		assert_true(span_equals_string(dsn_option(&dsn, "x"), rows[i].option));
	}
}

static void percents_are_decoded(void **state)
{
	static const char *const rows[][2] = { { "a%40b", "a@b" }, { "%2F%2f", "//" },
		{ "100%", "100%" }, { "%4", "%4" }, { "%zz", "%zz" }, { "%00%0A", "%00%0A" },
		{ "%41", "A" }, { "", "" } };

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		CLEANUP(memory_free_string) char *plain = dsn_decode(span_from_string(rows[i][0]));

		assert_string_equal(plain, rows[i][1]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(urls_are_taken_apart),
		cmocka_unit_test(percents_are_decoded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
