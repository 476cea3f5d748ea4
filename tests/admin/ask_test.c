/* SPDX-License-Identifier: MIT */

/* Tests admin/ask.c without a terminal; tests/secrets_test.py has one. */

#include "admin/ask.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"

static const struct row {
	const char *input;
	size_t length;
	const char *answer; /* NULL: refused */
} rows[] = {
	{ "word", 4, "word" },
	{ "word\n", 5, "word" },
	{ "word\r\n", 6, "word" },
	{ " two words \n", 12, " two words " },
	{ "word\n\n\r\n", 8, "word" },
	{ "\n", 1, "" },
	{ "p\xc3\xa4ss", 5, "p\xc3\xa4ss" },
	{ "", 0, NULL },
	{ "one\ntwo\n", 8, NULL },
	{ "one\n two", 8, NULL },
	{ "w\0rd\n", 5, NULL },
};

static void give(const char *input, size_t length)
{
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	assert_int_equal(file_write_all(ends[1], span_from_bytes(input, length)), 0);
	close(ends[1]);
	assert_int_equal(dup2(ends[0], STDIN_FILENO), STDIN_FILENO);
	close(ends[0]);
}

static void check_row(const struct row *row, bool is_secret)
{
	char *answer CLEANUP(memory_free_secret) = NULL;
	struct error error = { 0 };

	give(row->input, row->length);
	assert_false(ask_is_possible());
	int outcome = is_secret ? ask_secret("never shown", &answer, &error)
				: ask_line("never shown", &answer, &error);
	if (outcome != (row->answer != NULL ? 0 : -1))
		fail_msg("%s: returned %d (%s)", row->input, outcome, error.text);
	if (row->answer != NULL)
		assert_string_equal(answer, row->answer);
	else
		assert_null(answer);
}

static void one_line_is_the_answer(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		check_row(&rows[i], false);
		check_row(&rows[i], true);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_line_is_the_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
