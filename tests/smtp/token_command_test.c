/* SPDX-License-Identifier: MIT */

/* Tests smtp/token_command.c. */

#include "smtp/token_command.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

static const struct row {
	const char *text;
	const char *want; /* the words with | between them; NULL: refused */
} rows[] = {
	{ "/bin/true", "/bin/true" },
	{ "  /bin/a  b\tc ", "/bin/a|b|c" },
	{ "/bin/a 'b  c' \"d 'e'\" f\"g h\"i", "/bin/a|b  c|d 'e'|fg hi" },
	{ "/bin/a '' x", "/bin/a||x" },
	{ "'/opt/my tools/token' -v", "/opt/my tools/token|-v" },
	/* Nothing else means anything. */
	{ "/bin/a $HOME `id` $(id) a\\b * ; & | > x", "/bin/a|$HOME|`id`|$(id)|a\\b|*|;|&|||>|x" },
	{ "", NULL },
	{ "  ", NULL },
	{ "token", NULL },
	{ "bin/token", NULL },
	{ "''", NULL },
	{ "/bin/a 'b", NULL },
	{ "/bin/a \"b'", NULL },
};

static char *join(const struct token_command *command)
{
	char *joined = memory_copy_string("");

	for (size_t i = 0; i < command->count; i++) {
		char *longer = memory_format(
		    "%s%s%s", joined, i != 0 ? "|" : "", command->words[i]);

		free(joined);
		joined = longer;
	}
	assert_null(command->words[command->count]);
	return joined;
}

static void commands_are_split(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct token_command command CLEANUP(token_command_finish) = { 0 };
		struct error error = { 0 };
		int outcome = token_command_split(rows[i].text, &command, &error);

		if (outcome != (rows[i].want != NULL ? 0 : -1))
			fail_msg("%s: returned %d (%s)", rows[i].text, outcome, error.text);
		if (outcome < 0) {
			assert_non_null(strstr(error.next, "token_command = "));
			continue;
		}
		char *words CLEANUP(memory_free_string) = join(&command);
		assert_string_equal(words, rows[i].want);
	}
}

static void too_many_words_are_refused(void **state)
{
	struct token_command command CLEANUP(token_command_finish) = { 0 };
	char text[200] = "/bin/a";
	struct error error;

	(void)state;
	for (size_t i = 1; i < TOKEN_COMMAND_WORDS; i++)
		memcpy(text + strlen(text), " x", 3);
	assert_int_equal(token_command_split(text, &command, &error), 0);
	assert_int_equal(command.count, TOKEN_COMMAND_WORDS);
	token_command_finish(&command);
	memcpy(text + strlen(text), " x", 3);
	assert_int_equal(token_command_split(text, &command, &error), -1);
	assert_int_equal(command.count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(commands_are_split),
		cmocka_unit_test(too_many_words_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
