/* SPDX-License-Identifier: MIT */

/* Tests base/process.c. */

#include "base/process.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void clean(const char *const *variables, size_t count, char **result)
{
	char **kept = environ;

	for (size_t i = 0; i < count; i++)
		result[i] = (char *)(uintptr_t)variables[i];
	result[count] = NULL;
	environ = result;
	process_clean_environment();
	environ = kept;
}

static void what_steers_libraries_goes(void **state)
{
	static const struct row {
		const char *variable;
		bool is_kept;
	} rows[] = {
		{ "LD_PRELOAD=/x.so", false },
		{ "LD_LIBRARY_PATH=/x", false },
		{ "LD_AUDIT=", false },
		{ "OPENSSL_CONF=/x", false },
		{ "OPENSSL_MODULES=/x", false },
		{ "TZ=:/etc/passwd", false },
		{ "RES_OPTIONS=x", false },
		{ "HOSTALIASES=/x", false },
		{ "LOCALDOMAIN=x", false },
		{ "GCONV_PATH=/x", false },
		{ "GLIBC_TUNABLES=x", false },
		{ "MALLOC_PERTURB_=1", false },
		{ "TMPDIR=/x", false },
		{ "PATH=/bin", true },
		{ "HOME=/root", true },
		{ "NAME=A User", true },
		{ "MAILCHUTE_URL=smtp://x", true },
		{ "LANG=de_DE.UTF-8", true },
		{ "TZX=1", true },
		{ "XLD_PRELOAD=1", true },
		{ "ENVOY=1", true },
		{ "A=LD_PRELOAD=x", true },
	};
	const char *variables[sizeof rows / sizeof rows[0]];
	char *result[sizeof rows / sizeof rows[0] + 1];
	size_t next = 0;

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		variables[i] = rows[i].variable;
	clean(variables, sizeof rows / sizeof rows[0], result);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		if (!rows[i].is_kept)
			continue;
		assert_non_null(result[next]);
		assert_string_equal(result[next++], rows[i].variable);
	}
	assert_null(result[next]);
}

static void twins_and_freaks_go_too(void **state)
{
	static const char *const variables[] = { "LD_PRELOAD=a", "A=1", "LD_PRELOAD=b", "", "=",
		"TZ=x", "B=2", "TZ=y" };
	char *result[sizeof variables / sizeof variables[0] + 1];

	(void)state;
	clean(variables, sizeof variables / sizeof variables[0], result);
	assert_string_equal(result[0], "A=1");
	assert_string_equal(result[1], "");
	assert_string_equal(result[2], "=");
	assert_string_equal(result[3], "B=2");
	assert_null(result[4]);
}

static void an_absent_environment_is_none(void **state)
{
	char **kept = environ;
	char *empty[] = { NULL };

	(void)state;
	environ = NULL;
	process_clean_environment();
	assert_null(environ);
	environ = empty;
	process_clean_environment();
	assert_null(environ[0]);
	environ = kept;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_steers_libraries_goes),
		cmocka_unit_test(twins_and_freaks_go_too),
		cmocka_unit_test(an_absent_environment_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
