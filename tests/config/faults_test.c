/* SPDX-License-Identifier: MIT */

/* Tests config/faults.c. */

#include "config/faults.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/memory.h"

static void add(struct faults *faults, int file, int line, const char *text)
{
	struct error error;

	error_set(&error, ERROR_CONFIG, "5.3.5", "%s", text);
	faults_add(faults, file, line, &error);
}

static void they_stand_in_the_order_of_files_and_lines(void **state)
{
	static const char *const want[] = { "a", "b", "c", "d", "e", "f" };
	CLEANUP(faults_finish) struct faults faults = { 0 };

	(void)state;
	add(&faults, FAULTS_OF_ENVIRONMENT, 0, "e");
	add(&faults, 0, 7, "b");
	add(&faults, 1, 1, "d");
	add(&faults, 0, 2, "a");
	/* Of one line: as they came. */
	add(&faults, 0, 7, "c");
	add(&faults, FAULTS_OF_ENVIRONMENT, 0, "f");
	assert_int_equal(faults.count, 6);
	for (size_t i = 0; i < 6; i++) {
		assert_string_equal(faults.items[i].error.text, want[i]);
		assert_string_equal(faults.items[i].error.code, "MC-CONF-14");
	}
}

static void a_code_of_its_own_stays(void **state)
{
	CLEANUP(faults_finish) struct faults faults = { 0 };
	struct error error;

	(void)state;
	error_set(&error, ERROR_CONFIG, "5.3.5", "x");
	(void)error_code(&error, "MC-SPOOL-13");
	faults_add(&faults, 0, 1, &error);
	assert_string_equal(faults.items[0].error.code, "MC-SPOOL-13");
}

/* Faults quote what they are about. */
static void logins_in_urls_are_hidden(void **state)
{
	static const struct row {
		const char *text, *want;
	} rows[] = {
		{ "x = smtps://u:pw@h", "x = smtps://****@h" },
		{ "\"smtps://u:p@w@h:25\" and \"lmtp://:x@h\"",
		    "\"smtps://*****@h:25\" and \"lmtp://**@h\"" },
		{ "url = \"smtps://u:p'w'@h\"", "url = \"smtps://******@h\"" },
		{ "smtps://u:p{w}@h", "smtps://******@h" },
		{ "smtps://me@h", "smtps://me@h" },
		{ "smtps://h:25 me@h", "smtps://h:25 me@h" },
		{ "smtps://u:pw...", "smtps://****..." },
		{ "smtps://h...", "smtps://h..." },
		{ "://", "://" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		CLEANUP(faults_finish) struct faults faults = { 0 };
		struct error error;

		error_set(&error, ERROR_CONFIG, "5.3.5", "%s", rows[i].text);
		error_next(&error, "%s", rows[i].text);
		faults_add(&faults, 0, 1, &error);
		assert_string_equal(faults.items[0].error.text, rows[i].want);
		assert_string_equal(faults.items[0].error.next, rows[i].want);
	}
}

static void there_is_an_end(void **state)
{
	CLEANUP(faults_finish) struct faults faults = { 0 };

	(void)state;
	for (int i = 0; i < FAULTS_LIMIT + 7; i++)
		add(&faults, 0, i, "x");
	assert_int_equal(faults.count, FAULTS_LIMIT);
	assert_int_equal(faults.left_out, 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(they_stand_in_the_order_of_files_and_lines),
		cmocka_unit_test(a_code_of_its_own_stays),
		cmocka_unit_test(logins_in_urls_are_hidden),
		cmocka_unit_test(there_is_an_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
