/* SPDX-License-Identifier: MIT */

/* Tests config/secrets_file.c in a folder of its own; tests/secrets_test.py has the rest. */

#include "config/secrets_file.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/file.h"
#include "base/memory.h"
#include "config/secrets.h"

static char folder[] = "/tmp/mailchute-secrets-XXXXXX";
static char path[sizeof folder + 20];

static void check_text(const char *want)
{
	struct buffer text CLEANUP(buffer_finish) = { 0 };
	struct error error;

	buffer_init(&text, 65536);
	assert_int_equal(file_read_whole(path, &text, &error), 0);
	assert_string_equal(buffer_string(&text), want);
}

static void write_text(const char *text, mode_t mode)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
	assert_int_equal(chmod(path, mode), 0);
}

static void check_read(const char *section, const char *user, const char *password)
{
	struct smarthost smarthost CLEANUP(smarthost_finish) = { 0 };
	struct error error = { 0 };

	smarthost_init(&smarthost);
	if (secrets_read(path, section, &smarthost, &error) < 0)
		fail_msg("%s: %s", password, error.text);
	assert_string_equal(smarthost.user, user);
	assert_string_equal(smarthost.password, password);
}

static void several_changes_are_one(void **state)
{
	static const struct secrets_change changes[] = {
		{ "a", "user", "u@x" },
		{ "a", "password", "one" },
		{ "b", "user", "v" },
		{ "b", "password", "\"both' #" },
		{ "c", "user", "w" },
		{ "c", "token", "\"both' #" },
	};
	struct secrets_written written CLEANUP(secrets_file_finish_written) = { 0 };
	struct error error;

	(void)state;
	(void)unlink(path);
	assert_int_equal(secrets_file_change(path, changes, 6, &written, &error), 0);
	check_read("a", "u@x", "one");
	check_read("b", "v", "\"both' #");
	assert_true(written.is_created);
	assert_non_null(strstr(written.own_file, "/b.password, "));
	assert_non_null(strstr(written.own_file, "/c.token"));
	/* The last one fails, and none counts. */
	static const struct secrets_change faulty[] = {
		{ "a", "password", "two" },
		{ "b", "password", "it's" },
		{ "d e", "user", "x" },
	};
	assert_int_equal(secrets_file_change(path, faulty, 3, NULL, &error), -1);
	check_read("a", "u@x", "one");
	check_read("b", "v", "\"both' #");
}

static void a_key_can_go(void **state)
{
	static const struct secrets_change changes[] = { { "a", "password", NULL },
		{ "a", "token", NULL } };
	struct error error;

	(void)state;
	write_text("# c\n[a]\nuser = x\npassword = y\n", 0600);
	assert_int_equal(secrets_file_change(path, changes, 2, NULL, &error), 0);
	check_text("# c\n[a]\nuser = x\n");
}

static void a_section_has_one_secret(void **state)
{
	static const struct row {
		const char *key;
		const char *value;
		const char *want;
	} rows[] = {
		{ "password", "x", "[a]\nuser = u\npassword = \"x\"\n" },
		{ "token", "x", "[a]\nuser = u\ntoken = \"x\"\n" },
		{ "token_file", "x", "[a]\nuser = u\ntoken_file = \"x\"\n" },
		{ "token_command", "/x", "[a]\nuser = u\ntoken_command = \"/x\"\n" },
	};

	(void)state;
	write_text("[a]\nuser = u\ntoken = z\n", 0600);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const struct secrets_change change = { "a", rows[i].key, rows[i].value };
		struct secrets_written written CLEANUP(secrets_file_finish_written) = { 0 };
		char beside[sizeof path];
		struct error error;

		snprintf(beside, sizeof beside, "%s/x", folder);
		FILE *file = fopen(beside, "w");
		fputs("x\n", file);
		fclose(file);
		assert_int_equal(chmod(beside, 0600), 0);
		if (secrets_file_change(path, &change, 1, &written, &error) < 0 &&
		    strcmp(rows[i].key, "token_file") != 0)
			fail_msg("%s: %s", rows[i].key, error.text);
		(void)unlink(beside);
		check_text(rows[i].want);
		assert_non_null(written.gave_way);
	}
}

static void what_no_line_holds_is_refused(void **state)
{
	static const struct secrets_change rows[] = {
		{ "a", "user", "\"both' #" },
		{ "a", "password_file", "\"both' #" },
		{ "a", "password", "" },
		{ "a", "password", "a\nb" },
		{ "a", "pass", "x" },
		{ "", "user", "x" },
		{ "../a", "user", "x" },
		{ "a]", "user", "x" },
	};

	(void)state;
	write_text("[a]\nuser = u\n", 0600);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct error error = { 0 };

		if (secrets_file_change(path, &rows[i], 1, NULL, &error) != -1)
			fail_msg("row %zu is written", i);
		assert_int_equal(error.kind, ERROR_USAGE);
		check_text("[a]\nuser = u\n");
	}
}

static void every_pair_comes_back(void **state)
{
	static const char tricky[] = "#;:=%$\"'\\& |@/";

	(void)state;
	(void)unlink(path);
	for (size_t i = 0; i + 1 < sizeof tricky; i++) {
		for (size_t j = 0; j + 1 < sizeof tricky; j++) {
			const char password[] = { tricky[i], 'x', tricky[j], '\0' };
			const struct secrets_change changes[] = { { "a", "user", "u" },
				{ "a", "password", password } };
			struct error error;

			assert_int_equal(secrets_file_change(path, changes, 2, NULL, &error), 0);
			check_read("a", "u", password);
		}
	}
}

static int make_folder(void **state)
{
	(void)state;
	if (mkdtemp(folder) == NULL)
		return -1;
	snprintf(path, sizeof path, "%s/secrets.ini", folder);
	return 0;
}

/* Nothing but these: no draft stays behind. */
static int remove_folder(void **state)
{
	static const char *const names[] = { "secrets.ini", "a.password", "b.password", "c.token" };

	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		char *name CLEANUP(memory_free_string) = memory_format("%s/%s", folder, names[i]);

		(void)unlink(name);
	}
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(several_changes_are_one),
		cmocka_unit_test(a_key_can_go),
		cmocka_unit_test(a_section_has_one_secret),
		cmocka_unit_test(what_no_line_holds_is_refused),
		cmocka_unit_test(every_pair_comes_back),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
