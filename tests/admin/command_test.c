/* SPDX-License-Identifier: MIT */

/* Tests admin/command.c: the options of every command, and how one fails. */

#include "admin/command.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/cmocka.h"

enum { WORDS = 6 };

static int read_words(
    const char *const words[WORDS], struct command_option options[2], struct error *error)
{
	char *argv[WORDS + 1] = { NULL };
	int argc = 0;

	for (; argc < WORDS && words[argc] != NULL; argc++)
		argv[argc] = (char *)(uintptr_t)words[argc];
	options[0] = (struct command_option){ .name = "--listen", .takes_value = true };
	options[1] = (struct command_option){ .name = "--count" };
	*error = (struct error){ 0 };
	return command_read_options(argc, argv, options, 2, error);
}

static void words_come_to_the_front(void **state)
{
	static const struct row {
		const char *words[WORDS];
		int count;
		const char *all;
		const char *listen;
	} rows[] = {
		{ { "hold" }, 0, "", NULL },
		{ { "hold", "A", "B" }, 2, "A,B,", NULL },
		{ { "hold", "A", "--listen", "x", "B" }, 2, "A,B,", "x" },
		{ { "hold", "--listen", "-x", "", "--count" }, 1, ",", "-x" },
		{ { "hold", "--count", "--", "--listen", "--" }, 2, "--listen,--,", NULL },
		{ { "hold", "-" }, -1, "", NULL },
		{ { "hold", "A", "--other" }, -1, "", NULL },
		{ { "hold", "A", "--listen" }, -1, "", NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct command_option options[2] = {
			{ .name = "--listen", .takes_value = true },
			{ .name = "--count" },
		};
		char *argv[WORDS + 1] = { NULL };
		char all[100] = "";
		struct error error;
		int argc = 0;
		int count;

		for (; argc < WORDS && rows[i].words[argc] != NULL; argc++)
			argv[argc] = (char *)(uintptr_t)rows[i].words[argc];
		int outcome = command_read_words(argc, argv, options, 2, &count, &error);
		assert_int_equal(outcome < 0, rows[i].count < 0);
		if (outcome < 0) {
			assert_int_equal(error.kind, ERROR_USAGE);
			continue;
		}
		assert_int_equal(count, rows[i].count);
		for (int j = 0; j < count; j++)
			snprintf(all + strlen(all), sizeof all - strlen(all), "%s,", argv[1 + j]);
		assert_string_equal(all, rows[i].all);
		assert_true((options[0].value == NULL) == (rows[i].listen == NULL));
		if (rows[i].listen != NULL)
			assert_string_equal(options[0].value, rows[i].listen);
	}
}

static bool is_same(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static void options_are_read(void **state)
{
	static const struct row {
		const char *words[WORDS];
		const char *listen;
		const char *count;
	} rows[] = {
		{ { "serve" }, NULL, NULL },
		{ { "serve", "--listen", "/x" }, "/x", NULL },
		{ { "serve", "--count" }, NULL, "--count" },
		{ { "serve", "--count", "--listen", "/x" }, "/x", "--count" },
		{ { "serve", "--listen", "--count" }, "--count", NULL },
		{ { "serve", "--listen", "" }, "", NULL },
		{ { "serve", "--listen", "/x", "--listen", "/y" }, "/y", NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct command_option options[2];
		struct error error;

		if (read_words(rows[i].words, options, &error) < 0)
			fail_msg("row %zu: %s", i, error.text);
		if (!is_same(options[0].value, rows[i].listen) ||
		    !is_same(options[1].value, rows[i].count))
			fail_msg("row %zu: other values", i);
	}
}

static void what_is_no_option_is_named(void **state)
{
	static const struct row {
		const char *words[WORDS];
		const char *named;
	} rows[] = {
		{ { "serve", "--what" }, "--what" },
		{ { "serve", "word" }, "word" },
		{ { "serve", "--count", "--listen" }, "--listen" },
		{ { "serve", "--lis", "/x" }, "--lis" },
		{ { "serve", "--count=3" }, "--count=3" },
		{ { "serve", "" }, "serve" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct command_option options[2];
		struct error error;

		assert_int_equal(read_words(rows[i].words, options, &error), -1);
		assert_int_equal(error.kind, ERROR_USAGE);
		assert_non_null(strstr(error.text, "serve"));
		assert_non_null(strstr(error.text, rows[i].named));
	}
}

static void a_failure_is_one_line_and_an_exit_status(void **state)
{
	struct error error;
	char line[1000] = "";
	int ends[2];

	(void)state;
	error_set(&error, ERROR_CONFIG, "4.3.5", "line 3 is\nwrong");
	(void)error_next(&error, "mend it");
	assert_int_equal(pipe(ends), 0);
	int kept = dup(STDERR_FILENO);
	assert_true(dup2(ends[1], STDERR_FILENO) >= 0);
	int status = command_fail(&error);
	assert_true(dup2(kept, STDERR_FILENO) >= 0);
	(void)close(kept);
	(void)close(ends[1]);
	assert_true(read(ends[0], line, sizeof line - 1) > 0);
	(void)close(ends[0]);
	assert_int_equal(status, 78);
	assert_string_equal(line, "mailchute: line 3 is?wrong; mend it\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(options_are_read),
		cmocka_unit_test(words_come_to_the_front),
		cmocka_unit_test(what_is_no_option_is_named),
		cmocka_unit_test(a_failure_is_one_line_and_an_exit_status),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
