/* SPDX-License-Identifier: MIT */

/* Tests config/overrides.c. */

#include "config/overrides.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "config/environment.h"

/* A configuration with this many smarthosts. */
static void build(struct config *config, size_t count)
{
	config->smarthosts = memory_allocate((count + 1) * sizeof *config->smarthosts);
	config->smarthost_count = count;
	for (size_t i = 0; i < count; i++)
		smarthost_init(&config->smarthosts[i].parameters);
}

/* The first fault, as config_load gives it. */
static int apply(
    const char *run_secrets, bool uses_environment, struct config *config, struct error *error)
{
	CLEANUP(faults_finish) struct faults faults = { 0 };

	overrides_apply(run_secrets, uses_environment, config, &faults);
	if (faults.count == 0)
		return 0;
	*error = faults.items[0].error;
	return -1;
}

static void a_login_belongs_to_one_smarthost(void **state)
{
	static const struct row {
		size_t count;
		const char *user;
		const char *password;
		const char *want; /* a part of the fault; NULL: none */
	} rows[] = {
		{ 1, "u", "p", NULL },
		{ 1, "u", "", NULL },
		{ 1, "", "p", "MAILCHUTE_PASSWORD is set, but no user is known" },
		{ 2, "u", "p", "MAILCHUTE_PASSWORD is set, but there are several" },
		{ 2, "u", "", "MAILCHUTE_USER is set, but there are several" },
		{ 2, "", "", NULL },
		{ 0, "u", "p", NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		CLEANUP(config_finish) struct config config = { 0 };
		struct error error = { 0 };

		build(&config, rows[i].count);
		setenv("MAILCHUTE_USER", rows[i].user, 1);
		setenv("MAILCHUTE_PASSWORD", rows[i].password, 1);
		int outcome = apply("/nowhere", true, &config, &error);
		assert_int_equal(outcome, rows[i].want != NULL ? -1 : 0);
		if (rows[i].want != NULL)
			assert_non_null(strstr(error.text, rows[i].want));
		else if (rows[i].count == 1)
			assert_string_equal(config.smarthosts[0].parameters.user, rows[i].user);
		/* Unused, they are not even looked at. */
		CLEANUP(config_finish) struct config other = { 0 };
		build(&other, 1);
		assert_int_equal(apply("/nowhere", false, &other, &error), 0);
		assert_null(other.smarthosts[0].parameters.user);
	}
	unsetenv("MAILCHUTE_USER");
	unsetenv("MAILCHUTE_PASSWORD");
}

static void a_token_stands_for_a_password(void **state)
{
	static const struct row {
		size_t count;
		const char *user, *password, *token;
		const char *want; /* a part of the fault; NULL: none */
	} rows[] = {
		{ 1, "u", "", "t", NULL },
		{ 1, "u", "", "", NULL },
		{ 1, "", "", "t", "MAILCHUTE_TOKEN is set, but no user is known" },
		{ 1, "u", "p", "t", "MAILCHUTE_TOKEN is set, but there is a password" },
		{ 2, "", "", "t", "MAILCHUTE_TOKEN is set, but there are several" },
		{ 0, "u", "", "t", NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		CLEANUP(config_finish) struct config config = { 0 };
		struct error error = { 0 };

		build(&config, rows[i].count);
		setenv("MAILCHUTE_USER", rows[i].user, 1);
		setenv("MAILCHUTE_PASSWORD", rows[i].password, 1);
		setenv("MAILCHUTE_TOKEN", rows[i].token, 1);
		int outcome = apply("/nowhere", true, &config, &error);
		unsetenv("MAILCHUTE_USER");
		unsetenv("MAILCHUTE_PASSWORD");
		unsetenv("MAILCHUTE_TOKEN");
		assert_int_equal(outcome, rows[i].want != NULL ? -1 : 0);
		if (rows[i].want != NULL)
			assert_non_null(strstr(error.text, rows[i].want));
		else if (rows[i].count == 1 && rows[i].token[0] != '\0')
			assert_string_equal(config.smarthosts[0].parameters.token, rows[i].token);
		else if (rows[i].count == 1)
			assert_null(config.smarthosts[0].parameters.token);
	}
}

static void auth_is_for_all(void **state)
{
	CLEANUP(config_finish) struct config config = { 0 };
	struct error error = { 0 };

	(void)state;
	build(&config, 2);
	setenv("MAILCHUTE_AUTH", "xoauth2", 1);
	assert_int_equal(apply("/nowhere", true, &config, &error), 0);
	assert_int_equal(config.smarthosts[1].parameters.auth, SMARTHOST_AUTH_XOAUTH2);
	setenv("MAILCHUTE_AUTH", "ntlm", 1);
	assert_int_equal(apply("/nowhere", true, &config, &error), -1);
	unsetenv("MAILCHUTE_AUTH");
	assert_non_null(strstr(error.text, "MAILCHUTE_AUTH = \"ntlm\""));
	assert_non_null(strstr(error.next, "oauthbearer"));
}

static void from_is_for_all(void **state)
{
	CLEANUP(config_finish) struct config config = { 0 };
	struct error error = { 0 };

	(void)state;
	build(&config, 2);
	config.smarthosts[1].parameters.from = memory_copy_string("old@x.example");
	setenv("MAILCHUTE_FROM", "new@x.example", 1);
	assert_int_equal(apply("/nowhere", true, &config, &error), 0);
	unsetenv("MAILCHUTE_FROM");
	assert_string_equal(config.smarthosts[0].parameters.from, "new@x.example");
	assert_string_equal(config.smarthosts[1].parameters.from, "new@x.example");
}

static void what_was_looked_at_is_told(void **state)
{
	CLEANUP(memory_free_string) char *with = overrides_looked("/nowhere", true);
	CLEANUP(memory_free_string) char *without = overrides_looked("/nowhere", false);

	(void)state;
	assert_non_null(
	    strstr(with, "/nowhere/mailchute_url (missing), MAILCHUTE_URL (unset here"));
	assert_non_null(strstr(without, "MAILCHUTE_URL (does not count here)"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_login_belongs_to_one_smarthost),
		cmocka_unit_test(a_token_stands_for_a_password),
		cmocka_unit_test(auth_is_for_all),
		cmocka_unit_test(from_is_for_all),
		cmocka_unit_test(what_was_looked_at_is_told),
	};

	unsetenv("MAILCHUTE_URL");
	if (!environment_counts()) {
		fprintf(stderr, "a mailchute.conf is installed: root's variables do not count\n");
		return 1;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
