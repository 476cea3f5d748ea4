/* SPDX-License-Identifier: MIT */

/* Tests import/source.c. */

#include "import/source.h"

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

#include "base/memory.h"

static void lines_come_without_their_outer_form(void **state)
{
	static const struct row {
		const char *text;
		size_t length;
		const char *lines[4];
	} rows[] = {
		{ "", 0, { NULL } },
		{ "a\nb", 3, { "a", "b" } },
		{ "a\r\nb\r\n", 6, { "a", "b" } },
		{ "\xef\xbb\xbf"
		  "a\n\nb\n",
		    8, { "a", "", "b" } },
		{ "a\0b\nc\n", 6, { "a", "c" } },
		{ "\xef\xbb\xbf", 3, { NULL } },
		{ "a\r\r\n", 4, { "a" } },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		CLEANUP(source_finish) struct source source = { 0 };
		struct span line;
		int count = 0;

		source_open_text(&source, "f", span_from_bytes(rows[i].text, rows[i].length));
		while (source_next(&source, &line)) {
			assert_true(span_equals_string(line, rows[i].lines[count]));
			assert_int_equal(source.line, ++count);
		}
		assert_null(rows[i].lines[count]);
	}
}

static void files_are_looked_for_below_the_root(void **state)
{
	char root[] = "/tmp/mailchute-source-XXXXXX";
	CLEANUP(plan_finish) struct plan plan = { 0 };
	const struct source_room room = { root, &plan };
	CLEANUP(source_finish) struct source source = { 0 };
	struct error error;

	(void)state;
	assert_non_null(mkdtemp(root));
	CLEANUP(memory_free_string) char *path = memory_format("%s/name", root);
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	fputs("# a comment\n\n  host.example.com  \nmore\n", file);
	fclose(file);
	assert_true(source_exists(&room, "/name"));
	assert_false(source_exists(&room, "/other"));
	CLEANUP(memory_free_string) char *line = source_first_line(&room, "/name");
	assert_string_equal(line, "host.example.com");
	assert_null(source_first_line(&room, "/other"));
	assert_int_equal(source_open(&room, "/other", &source, &error), 1);
	assert_int_equal(source_open(&room, "/name", &source, &error), 0);
	assert_string_equal(source.path, "/name");
	assert_int_equal(plan.file_count, 1);
	assert_int_equal(source_open(&room, "/", &source, &error), -1);
	assert_non_null(strstr(error.text, root));
	assert_int_equal(unlink(path), 0);
	/* Nobody writes to it, and nobody waits. */
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_null(source_first_line(&room, "/name"));
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(root), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_come_without_their_outer_form),
		cmocka_unit_test(files_are_looked_for_below_the_root),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
