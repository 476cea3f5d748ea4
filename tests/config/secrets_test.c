/* SPDX-License-Identifier: MIT */

/* Tests config/secrets.c. */

#include "config/secrets.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"

static char folder[] = "/tmp/mailchute-secrets-XXXXXX";

static char *path_of(const char *name)
{
	return memory_format("%s/%s", folder, name);
}

static void write_file(const char *name, const char *text, mode_t mode)
{
	CLEANUP(memory_free_string) char *path = path_of(name);
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
	assert_int_equal(chmod(path, mode), 0);
}

static int read_section(const char *section, struct smarthost *smarthost, struct error *error)
{
	CLEANUP(memory_free_string) char *path = path_of("secrets.ini");

	return secrets_read(path, section, smarthost, error);
}

static void odd_passwords_come_whole(void **state)
{
	static const struct row {
		const char *written;
		const char *password;
	} rows[] = {
		{ "plain", "plain" },
		{ "abcd efgh ijkl mnop", "abcd efgh ijkl mnop" },
		{ "\"ab#cd;ef\"", "ab#cd;ef" },
		{ "'it\"s'", "it\"s" },
		{ "\"it's #1\"", "it's #1" },
		{ "\" blanks \"", " blanks " },
		{ "it's\"both", "it's\"both" },
		{ "ab\\cd", "ab\\cd" },
		{ "a=b==", "a=b==" },
		{ "\"=%s%n\"", "=%s%n" },
		{ "100%", "100%" },
		{ "[x]", "[x]" },
		{ "p\xc3\xa4ss", "p\xc3\xa4ss" },
		{ "\"${HOME}\"", "${HOME}" },
		{ "$HOME `id`", "$HOME `id`" },
		{ "\"[x]\" # comment", "[x]" },
		{ "','", "," },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		CLEANUP(memory_free_string)
		char *text = memory_format("[Main]\nuser = me@example.com\npassword = %s\n"
					   "[other]\nuser = x\npassword = y\n",
		    rows[i].written);
		CLEANUP(smarthost_finish) struct smarthost smarthost = { 0 };
		struct error error = { 0 };

		smarthost_init(&smarthost);
		write_file("secrets.ini", text, 0600);
		if (read_section("main", &smarthost, &error) != 0)
			fail_msg("%s: %s", rows[i].written, error.text);
		assert_string_equal(smarthost.password, rows[i].password);
		assert_string_equal(smarthost.user, "me@example.com");
		assert_string_equal(smarthost.from, "me@example.com");
	}
}

static void faults_are_named(void **state)
{
	static const struct row {
		const char *text;
		mode_t mode;
		const char *want;
	} rows[] = {
		{ "[main]\nuser = a\npassword = hunter\n", 0644, "everyone on this machine" },
		{ "[main]\nuser = a\npassword = hunter\n", 0604, "everyone on this machine" },
		{ "[main]\nuser = a\npassword = hunter#2\n", 0600,
		    "line 3: the value of password" },
		{ "[main]\nuser = a\n", 0600, "line 1: [main] has no password" },
		{ "[main]\npassword = hunter\n", 0600, "line 1: [main] has no user" },
		{ "[main]\nuser = a\npassword = \"\"\n", 0600, "line 1: [main] has no password" },
		{ "[main]\nuser = a\npassword = hunter\npassword_file = hunt\n", 0600,
		    "both password and password_file" },
		{ "[main]\nuser = a\npassword_file = missing\n", 0600, "does not exist" },
		{ "[main]\nuser = a\npassword_file = open\n", 0600, "open holds passwords and is" },
		{ "[main]\nuser = a\npassword_file = control\n", 0600, "one line of text" },
		{ "[main]\nuser = a\ntoken = hunter\ntoken_file = hunt\n", 0600,
		    "both token and token_file" },
		{ "[main]\nuser = a\ntoken = hunter\npassword = hunter\n", 0600,
		    "both a password and a token" },
		{ "[main]\nuser = a\ntoken_file = missing\n", 0600, "names the token_file" },
		{ "[main]\ntoken = hunter\n", 0600, "line 1: [main] has no user" },
		{ "[main]\nuser = a\ntoken = hunter#2\n", 0600, "line 3: the value of token" },
		{ "[main]\nuser = a\npassword = hunter\n", 0602,
		    "everyone on this machine may change" },
		{ "[main]\nuser = a\ntoken_command = token\n", 0600,
		    "[main] token_command: a command begins with the absolute path" },
		{ "[main]\nuser = a\ntoken_command = /bin/t\ntoken = hunter\n", 0600,
		    "both a token and token_command" },
		{ "[main]\nuser = a\ntoken_command = /bin/t\npassword = hunter\n", 0600,
		    "both a password and token_command" },
		{ "[main]\ntoken_command = /bin/t\n", 0600, "line 1: [main] has no user" },
	};

	(void)state;
	write_file("open", "hunter\n", 0644);
	write_file("control", "hunt\001er\n", 0600);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		CLEANUP(smarthost_finish) struct smarthost smarthost = { 0 };
		struct error error = { 0 };

		smarthost_init(&smarthost);
		write_file("secrets.ini", rows[i].text, rows[i].mode);
		assert_int_equal(read_section("main", &smarthost, &error), -1);
		if (strstr(error.text, rows[i].want) == NULL)
			fail_msg("row %zu: %s", i, error.text);
		assert_int_equal(error.kind, ERROR_CONFIG);
		assert_null(strstr(error.text, "hunter"));
		assert_null(smarthost.user);
		assert_null(smarthost.password);
	}
}

static void missing_is_no_login(void **state)
{
	CLEANUP(smarthost_finish) struct smarthost smarthost = { 0 };
	CLEANUP(memory_free_string) char *path = path_of("nothing.ini");
	struct error error;

	(void)state;
	smarthost_init(&smarthost);
	assert_int_equal(secrets_read(path, "main", &smarthost, &error), 0);
	write_file("secrets.ini", "[other]\nuser = a\npassword = b\n", 0640);
	assert_int_equal(read_section("main", &smarthost, &error), 0);
	assert_null(smarthost.user);
	assert_null(smarthost.password);
	assert_null(smarthost.from);
}

static void password_file_lies_beside(void **state)
{
	CLEANUP(smarthost_finish) struct smarthost smarthost = { 0 };
	struct error error;

	(void)state;
	smarthost_init(&smarthost);
	write_file("token", "a \\\"'#;b \r\nsecond line\n", 0600);
	write_file("secrets.ini", "[main]\nuser = login\npassword_file = \"token\"\n", 0600);
	assert_int_equal(read_section("main", &smarthost, &error), 0);
	assert_string_equal(smarthost.password, "a \\\"'#;b ");
	assert_string_equal(smarthost.user, "login");
	assert_null(smarthost.from);
}

static void a_token_stands_beside_or_in_a_file(void **state)
{
	static const char *const rows[] = {
		"[main]\nuser = a@x.example\ntoken = ya29.abc-_~+/==\n",
		"[main]\nuser = a@x.example\ntoken_file = token\n",
	};

	(void)state;
	write_file("token", "ya29.abc-_~+/==\n", 0600);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		CLEANUP(smarthost_finish) struct smarthost smarthost = { 0 };
		struct error error = { 0 };

		smarthost_init(&smarthost);
		write_file("secrets.ini", rows[i], 0600);
		if (read_section("main", &smarthost, &error) != 0)
			fail_msg("%s", error.text);
		assert_string_equal(smarthost.token, "ya29.abc-_~+/==");
		assert_null(smarthost.password);
		assert_string_equal(smarthost.from, "a@x.example");
	}
}

static void a_command_is_handed_on(void **state)
{
	CLEANUP(smarthost_finish) struct smarthost smarthost = { 0 };
	struct error error;

	(void)state;
	smarthost_init(&smarthost);
	write_file(
	    "secrets.ini", "[main]\nuser = a@x\ntoken_command = \"/bin/t 'a b' $X\"\n", 0600);
	assert_int_equal(read_section("main", &smarthost, &error), 0);
	assert_string_equal(smarthost.token_command, "/bin/t 'a b' $X");
	assert_null(smarthost.token);
	assert_null(smarthost.password);
}

static void values_are_given_one_by_one(void **state)
{
	CLEANUP(memory_free_string) char *path = path_of("secrets.ini");
	CLEANUP(memory_free_string) char *nowhere = path_of("nothing.ini");
	CLEANUP(memory_free_string) char *user = NULL;
	CLEANUP(memory_free_secret) char *password = NULL;
	CLEANUP(memory_free_secret) char *none = NULL;
	struct error error;

	(void)state;
	write_file("token", "word\n", 0600);
	write_file("secrets.ini", "[main]\nuser = 'a b'\npassword_file = token\n", 0600);
	assert_int_equal(secrets_value(path, "Main", "user", &user, &error), 0);
	assert_string_equal(user, "a b");
	assert_int_equal(secrets_value(path, "main", "password", &password, &error), 0);
	assert_string_equal(password, "word");
	assert_int_equal(secrets_value(path, "main", "token", &none, &error), 0);
	assert_int_equal(secrets_value(path, "other", "user", &none, &error), 0);
	assert_int_equal(secrets_value(nowhere, "main", "user", &none, &error), 0);
	assert_null(none);
}

static void count_fault(void *context, const struct error *fault)
{
	int *count = context;

	(*count)++;
	assert_int_equal(fault->kind, ERROR_CONFIG);
}

static void all_faults_are_told(void **state)
{
	static const struct row {
		const char *text; /* NULL: no file */
		int count;
		const char *first;
	} rows[] = {
		{ NULL, 0, NULL },
		{ "[a]\nuser = x\npassword = y\n", 0, NULL },
		{ "[a]\nuser = x#\npassword = y;\n[b]\nuse = 1\n", 3, "line 2" },
		/* Of the files that are named, too. */
		{ "[a]\nuser = x\npassword_file = missing\n[b]\nuser = x\ntoken_file = open\n", 2,
		    "missing, which does not exist" },
	};
	CLEANUP(memory_free_string) char *path = path_of("secrets.ini");

	(void)state;
	write_file("open", "hunter\n", 0644);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct error error = { 0 };
		int count = 0;

		(void)unlink(path);
		if (rows[i].text != NULL)
			write_file("secrets.ini", rows[i].text, 0600);
		int outcome = secrets_check(path, count_fault, &count, &error);
		assert_int_equal(outcome, rows[i].count != 0 ? -1 : 0);
		assert_int_equal(count, rows[i].count);
		if (rows[i].first != NULL && strstr(error.text, rows[i].first) == NULL)
			fail_msg("row %zu: %s", i, error.text);
	}
	write_file("secrets.ini", "", 0644);
	int count = 0;
	struct error error;
	assert_int_equal(secrets_check(path, count_fault, &count, &error), -1);
	assert_string_equal(error.code, "MC-CONF-14");
	assert_non_null(strstr(error.next, "chmod o= "));
}

static void what_a_runtime_leaves_open_is_worth_a_word(void **state)
{
	CLEANUP(memory_free_string) char *path = path_of("open");

	(void)state;
	write_file("open", "x\n", 0640);
	assert_null(secrets_warning(path));
	assert_null(secrets_warning("/nowhere"));
	write_file("open", "x\n", 0444);
	CLEANUP(memory_free_string) char *warning = secrets_warning(path);
	assert_non_null(strstr(warning, "/open holds a secret and is 0444"));
	assert_true(secrets_are_of_runtime("/run/secrets/x"));
	assert_true(secrets_are_of_runtime("/run/credentials/mailchute.service/secrets.ini"));
	assert_false(secrets_are_of_runtime("/etc/mailchute/secrets.ini"));
	assert_false(secrets_are_of_runtime("/run/secretsx"));
}

static void a_certificate_needs_no_secret(void **state)
{
	CLEANUP(smarthost_finish) struct smarthost anonymous = { 0 };
	CLEANUP(smarthost_finish) struct smarthost named = { 0 };
	struct error error;

	(void)state;
	smarthost_init(&anonymous);
	anonymous.auth = SMARTHOST_AUTH_EXTERNAL;
	write_file("secrets.ini", "[other]\nuser = a\npassword = b\n", 0600);
	assert_int_equal(read_section("main", &anonymous, &error), 0);
	assert_string_equal(anonymous.user, "");
	smarthost_init(&named);
	named.auth = SMARTHOST_AUTH_EXTERNAL;
	write_file("secrets.ini", "[main]\nuser = a\n", 0600);
	assert_int_equal(read_section("main", &named, &error), 0);
	assert_string_equal(named.user, "a");
	assert_null(named.password);
}

static void none_forgets_the_login(void **state)
{
	CLEANUP(smarthost_finish) struct smarthost smarthost = { 0 };
	struct error error;

	(void)state;
	smarthost_init(&smarthost);
	smarthost.auth = SMARTHOST_AUTH_NONE;
	smarthost.user = memory_copy_string("url@example.com");
	smarthost.password = memory_copy_string("hunter");
	write_file("secrets.ini", "[main]\nuser = file\npassword = file\n", 0600);
	assert_int_equal(read_section("main", &smarthost, &error), 0);
	assert_null(smarthost.user);
	assert_null(smarthost.password);
	assert_string_equal(smarthost.from, "url@example.com");
}

static void the_url_comes_first(void **state)
{
	CLEANUP(smarthost_finish) struct smarthost smarthost = { 0 };
	struct error error;

	(void)state;
	smarthost_init(&smarthost);
	smarthost.user = memory_copy_string("url@example.com");
	write_file("secrets.ini", "[main]\nuser = file\npassword = file\n", 0600);
	assert_int_equal(read_section("main", &smarthost, &error), 0);
	assert_string_equal(smarthost.user, "url@example.com");
	assert_string_equal(smarthost.password, "file");
	assert_string_equal(smarthost.from, "url@example.com");
	/* With both there is nothing to look for, not even a fault. */
	write_file("secrets.ini", "[main", 0644);
	assert_int_equal(read_section("main", &smarthost, &error), 0);
	assert_string_equal(smarthost.password, "file");
}

static void unreadable_names_mode_and_command(void **state)
{
	CLEANUP(smarthost_finish) struct smarthost smarthost = { 0 };
	struct error error;

	(void)state;
	smarthost_init(&smarthost);
	write_file("secrets.ini", "[main]\nuser = file\npassword = file\n", 0600);
	if (geteuid() != 0)
		assert_int_equal(chmod(folder, 0), 0);
	else
		assert_int_equal(seteuid(65534), 0);
	int outcome = read_section("main", &smarthost, &error);
	if (getuid() == 0)
		assert_int_equal(seteuid(0), 0);
	assert_int_equal(chmod(folder, 0700), 0);
	assert_int_equal(outcome, -1);
	assert_int_equal(error.kind, ERROR_CONFIG);
	assert_non_null(strstr(error.text, "Permission denied, the file is "));
	assert_non_null(strstr(
	    error.next, getgrnam("mailchute") != NULL ? "chgrp mailchute" : "mailchute serve"));
	assert_string_equal(error.code, "MC-CONF-14");
}

static int make_folder(void **state)
{
	(void)state;
	return mkdtemp(folder) != NULL ? 0 : -1;
}

static int remove_folder(void **state)
{
	static const char *const names[] = { "secrets.ini", "open", "control", "token" };

	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		CLEANUP(memory_free_string) char *path = path_of(names[i]);

		(void)unlink(path);
	}
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(odd_passwords_come_whole),
		cmocka_unit_test(faults_are_named),
		cmocka_unit_test(missing_is_no_login),
		cmocka_unit_test(password_file_lies_beside),
		cmocka_unit_test(a_token_stands_beside_or_in_a_file),
		cmocka_unit_test(a_command_is_handed_on),
		cmocka_unit_test(values_are_given_one_by_one),
		cmocka_unit_test(all_faults_are_told),
		cmocka_unit_test(what_a_runtime_leaves_open_is_worth_a_word),
		cmocka_unit_test(a_certificate_needs_no_secret),
		cmocka_unit_test(none_forgets_the_login),
		cmocka_unit_test(the_url_comes_first),
		cmocka_unit_test(unreadable_names_mode_and_command),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
