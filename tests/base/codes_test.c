/* SPDX-License-Identifier: MIT */

/* Tests base/codes.c: the names of failures. */

#include "base/codes.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

/* They are counted through, so that a number alone is a name, too. */
static void test_names(void **state)
{
	(void)state;
	for (size_t i = 0; i < codes_count; i++) {
		const char *name = codes_list[i].name;
		const char *last = strrchr(name, '-');

		assert_true(strncmp(name, "MC-", 3) == 0 && strlen(name) < ERROR_CODE_SIZE);
		assert_int_equal(strtoul(last + 1, NULL, 10), i + 1);
		assert_int_equal(strlen(last), 3);
		for (const char *p = name + 3; p < last; p++)
			assert_true(isupper((unsigned char)*p));
		assert_ptr_equal(codes_find(name), &codes_list[i]);
	}
}

static void test_pages(void **state)
{
	(void)state;
	for (size_t i = 0; i < codes_count; i++) {
		const struct code *code = &codes_list[i];

		assert_true(strlen(code->title) > 5 && strlen(code->title) < 60);
		assert_true(code->what[strlen(code->what) - 1] == '.');
		assert_true(code->fix[strlen(code->fix) - 1] == '.');
	}
}

static void test_find(void **state)
{
	(void)state;
	assert_string_equal(codes_find("MC-AUTH-01")->title, "login refused");
	assert_ptr_equal(codes_find("mc-auth-01"), codes_find("MC-AUTH-01"));
	assert_ptr_equal(codes_find("auth-01"), codes_find("MC-AUTH-01"));
	assert_ptr_equal(codes_find("mc-auth-1"), codes_find("MC-AUTH-01"));
	assert_ptr_equal(codes_find("Auth-1"), codes_find("MC-AUTH-01"));
	assert_ptr_equal(codes_find("tls-2"), codes_find("MC-TLS-02"));
	assert_null(codes_find("mc-auth-"));
	assert_null(codes_find("mc-auth-11"));
	assert_null(codes_find("mc-auth-7"));
	assert_null(codes_find("MC-AUTH-99"));
	assert_null(codes_find("MC-"));
	assert_null(codes_find(""));
	assert_null(codes_find("auth"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_pages),
		cmocka_unit_test(test_find),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
