/* SPDX-License-Identifier: MIT */

/* Tests base/error_block.c: a failure as people see it. */

#include "base/error_block.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/memory.h"

static void test_whole(void **state)
{
	struct buffer text CLEANUP(buffer_finish) = { 0 };
	struct error error;

	(void)state;
	buffer_init(&text, 4000);
	error_set(&error, ERROR_NO_PERMISSION, "5.7.8",
	    "smtp.gmail.com:465 refused the login of alerts@example.com (AUTH PLAIN): 535 5.7.8 "
	    "Username and Password not accepted. For more information, go to / "
	    "https://support.google.com/mail/?p=BadCredentials");
	error_code(&error, "MC-AUTH-01");
	error_means(&error, "Gmail does not take the account's password here");
	error_next(&error, "turn on 2-step verification, make an app password (16 letters) at "
			   "https://myaccount.google.com/apppasswords, then: mailchute secret set "
			   "gmail");
	error_mail(&error, "kept as 6B1F2C, next try in 30s");
	error_block(&error, &text);
	assert_string_equal(buffer_string(&text),
	    "smtp.gmail.com:465 refused the login of alerts@example.com (AUTH PLAIN)     "
	    "MC-AUTH-01\n"
	    "  server:  535 5.7.8 Username and Password not accepted. For more information, go to\n"
	    "           https://support.google.com/mail/?p=BadCredentials\n"
	    "  means:   Gmail does not take the account's password here\n"
	    "  fix:     turn on 2-step verification, make an app password (16 letters) at\n"
	    "           https://myaccount.google.com/apppasswords, then: mailchute secret set "
	    "gmail\n"
	    "  mail:    kept as 6B1F2C, next try in 30s\n");
}

static void test_little(void **state)
{
	struct buffer text CLEANUP(buffer_finish) = { 0 };
	struct error error;

	(void)state;
	buffer_init(&text, 4000);
	error_set(&error, ERROR_UNAVAILABLE, "4.4.1", "cannot connect to a: 12 of b: 5350 c");
	error_block(&error, &text);
	assert_string_equal(buffer_string(&text), "cannot connect to a: 12 of b: 5350 c\n");
	buffer_clear(&text);
	error_set(&error, ERROR_UNAVAILABLE, "4.4.1", "no: 550");
	error_block(&error, &text);
	assert_string_equal(buffer_string(&text), "no\n  server:  550\n");
}

/* A word that is longer than a line stands alone and whole: it may be an address to visit. */
static void test_long_words(void **state)
{
	struct buffer text CLEANUP(buffer_finish) = { 0 };
	char word[151];

	(void)state;
	memset(word, 'x', sizeof word - 1);
	word[sizeof word - 1] = '\0';
	buffer_init(&text, 4000);
	error_block_part("fix", "a", &text);
	error_block_part("fix", word, &text);
	char *expected CLEANUP(memory_free_string) = memory_format(
	    "  fix:     a\n  fix:     %s\n", word);
	assert_string_equal(buffer_string(&text), expected);
	buffer_clear(&text);
	char *both CLEANUP(memory_free_string) = memory_format("a %s b", word);
	error_block_part("fix", both, &text);
	char *three CLEANUP(memory_free_string) = memory_format(
	    "  fix:     a\n           %s\n           b\n", word);
	assert_string_equal(buffer_string(&text), three);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_little),
		cmocka_unit_test(test_long_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
