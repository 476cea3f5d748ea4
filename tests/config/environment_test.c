/* SPDX-License-Identifier: MIT */

/* Tests config/environment.c. */

#include "config/environment.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/memory.h"

static void empty_is_unset(void **state)
{
	(void)state;
	unsetenv("MAILCHUTE_URL");
	assert_null(environment_get("MAILCHUTE_URL"));
	assert_false(environment_has_own_settings());
	setenv("MAILCHUTE_URL", "", 1);
	assert_null(environment_get("MAILCHUTE_URL"));
	assert_false(environment_has_own_settings());
	setenv("MAILCHUTE_URL", "smtp://x", 1);
	assert_string_equal(environment_get("MAILCHUTE_URL"), "smtp://x");
	assert_true(environment_has_own_settings());
	unsetenv("MAILCHUTE_URL");
	setenv("MAILCHUTE_CAPTURE_FILE", "/x", 1);
	assert_true(environment_has_own_settings());
	unsetenv("MAILCHUTE_CAPTURE_FILE");
}

static void secrets_come_from_variable_or_file(void **state)
{
	static const struct row {
		const char *variable;
		const char *file; /* what the file holds; NULL: no _FILE variable */
		int outcome;
		const char *want;
	} rows[] = {
		{ "", NULL, 0, NULL },
		{ "a b", NULL, 0, "a b" },
		{ " a b \n", NULL, 0, " a b " },
		{ "a b\r\n", NULL, 0, "a b" },
		{ "\n", NULL, 0, NULL },
		{ "a\nb", NULL, -1, NULL },
		{ "a\n\n", NULL, -1, NULL },
		{ "a\tb", NULL, -1, NULL },
		{ "", "a b\n", 0, "a b" },
		{ "", "a b", 0, "a b" },
		{ "", "a b\r\nc\n", 0, "a b" },
		{ "", "", 0, NULL },
		{ "", "\n", 0, NULL },
		{ "", "a\001b\n", -1, NULL },
		{ "a", "b\n", -1, NULL },
	};
	char path[] = "/tmp/mailchute-environment-XXXXXX";
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	close(fd);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		CLEANUP(memory_free_secret) char *value = NULL;
		struct error error = { 0 };
		FILE *file = fopen(path, "w");

		assert_non_null(file);
		if (rows[i].file != NULL)
			fputs(rows[i].file, file);
		fclose(file);
		setenv("MAILCHUTE_PASSWORD", rows[i].variable, 1);
		setenv("MAILCHUTE_PASSWORD_FILE", rows[i].file != NULL ? path : "", 1);
		if (environment_read_secret("MAILCHUTE_PASSWORD", &value, &error) !=
		    rows[i].outcome)
			fail_msg("row %zu: %s", i, error.text);
		if (rows[i].want == NULL)
			assert_null(value);
		else
			assert_string_equal(value, rows[i].want);
	}
	assert_int_equal(unlink(path), 0);
	unsetenv("MAILCHUTE_PASSWORD");
	unsetenv("MAILCHUTE_PASSWORD_FILE");
}

static void a_missing_secret_is_told_apart(void **state)
{
	CLEANUP(memory_free_secret) char *value = NULL;
	struct error error;

	(void)state;
	assert_int_equal(environment_read_secret_file("/nowhere/secret", &value, &error), 1);
	assert_int_equal(environment_read_secret_file("/tmp", &value, &error), -1);
	assert_int_equal(error.kind, ERROR_CONFIG);
	assert_null(value);
}

/* PHP-FPM's children may not look at what process 1 has. */
static void who_takes_variables_away_is_found(void **state)
{
	static const struct row {
		const char *name; /* of the process that starts us */
		const char *want;
	} rows[] = {
		{ "php-fpm: pool x", "PHP-FPM" },
		{ "php-fpm8.2", "PHP-FPM" },
		{ "a) R 1 (cron", NULL },
		{ "cron", "cron" },
		{ "crond", "cron" },
		{ "cronolog", NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		pid_t parent = fork();
		int status = -1;

		if (parent == 0) {
			(void)prctl(PR_SET_NAME, rows[i].name);
			pid_t child = fork();
			if (child == 0) {
				const char *found = environment_cleared_by();

				_exit(rows[i].want == NULL
					  ? found != NULL
					  : found == NULL || strcmp(found, rows[i].want) != 0);
			}
			(void)waitpid(child, &status, 0);
			_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 2);
		}
		assert_int_equal(waitpid(parent, &status, 0), parent);
		if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
			fail_msg("%s: %d", rows[i].name, status);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(empty_is_unset),
		cmocka_unit_test(secrets_come_from_variable_or_file),
		cmocka_unit_test(a_missing_secret_is_told_apart),
		cmocka_unit_test(who_takes_variables_away_is_found),
	};

	if (!environment_counts()) {
		fprintf(stderr, "a mailchute.conf is installed: root's variables do not count\n");
		return 1;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
