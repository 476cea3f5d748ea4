/* SPDX-License-Identifier: MIT */

/* Tests import/postfix_table.c. */

#include "import/postfix_table.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"

static char directory[] = "/tmp/mailchute-table-XXXXXX";

static int make_files(void **state)
{
	(void)state;
	assert_non_null(mkdtemp(directory));
	CLEANUP(memory_free_string) char *hash = memory_format("%s/hash", directory);
	CLEANUP(memory_free_string) char *regexp = memory_format("%s/regexp", directory);
	FILE *file = fopen(hash, "w");

	assert_non_null(file);
	fputs("# comment\n[h]:587 u:p w\nKey  a,\n  b\n\nlone\n", file);
	fclose(file);
	file = fopen(regexp, "w");
	assert_non_null(file);
	fputs("/^a b\\/c$/i  x y\n/.+/ z\n", file);
	fclose(file);
	return 0;
}

static int remove_files(void **state)
{
	(void)state;
	CLEANUP(memory_free_string) char *hash = memory_format("%s/hash", directory);
	CLEANUP(memory_free_string) char *regexp = memory_format("%s/regexp", directory);

	return unlink(hash) + unlink(regexp) + rmdir(directory);
}

static void tables_are_read(void **state)
{
	static const struct row {
		const char *text; /* %s: the directory */
		const char *key;
		const char *value; /* NULL: it is not there */
		size_t count;
		size_t notes;
	} rows[] = {
		{ "hash:%s/hash", "[h]:587", "u:p w", 3, 0 },
		{ "proxy:lmdb:%s/hash", "KEY", "a, b", 3, 0 },
		{ "texthash:%s/hash", "lone", "", 3, 0 },
		{ "hash:/elsewhere/hash", "lone", "", 3, 0 }, /* beside main.cf */
		{ "hash:/elsewhere/gone", "lone", NULL, 0, 1 },
		{ "regexp:%s/regexp", "/.+/", NULL, 2, 0 }, /* no key, but a pattern */
		{ "hash:%s/hash, pcre:%s/regexp", "key", "a, b", 5, 0 },
		{ "static:u:p", "*", "u:p", 1, 0 },
		{ "static:{a b}", "*", "a b", 1, 0 },
		{ "inline:{a=b, {c = d e}}", "c", "d e", 2, 0 },
		{ "inline:{{[h]:1 = u:p}} static:x", "[h]:1", "u:p", 2, 0 },
		{ "ldap:/etc/x.cf", "a", NULL, 0, 1 },
		{ "", "a", NULL, 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		CLEANUP(plan_finish) struct plan plan = { 0 };
		CLEANUP(postfix_table_finish) struct postfix_table table = { 0 };
		const struct source_room room = { "", &plan };
		const struct postfix_table_place place = { "main.cf", 5, directory, "some_maps" };
		CLEANUP(buffer_finish) struct buffer text = { 0 };
		struct error error;

		buffer_init(&text, 1000);
		for (const char *p = rows[i].text; *p != '\0'; p++)
			if (p[0] == '%')
				buffer_append_string(&text, directory);
			else if (p == rows[i].text || p[-1] != '%')
				buffer_append_byte(&text, *p);
		assert_int_equal(
		    postfix_table_read(&room, &place, buffer_span(&text), &table, &error), 0);
		const struct postfix_entry *entry = postfix_table_find(&table, rows[i].key);

		if (table.count != rows[i].count || plan.note_count != rows[i].notes ||
		    (entry != NULL) != (rows[i].value != NULL))
			fail_msg("%s: %zu", rows[i].text, table.count);
		if (entry != NULL)
			assert_string_equal(entry->value, rows[i].value);
	}
}

static void patterns_may_hold_blanks(void **state)
{
	CLEANUP(plan_finish) struct plan plan = { 0 };
	CLEANUP(postfix_table_finish) struct postfix_table table = { 0 };
	const struct source_room room = { "", &plan };
	const struct postfix_table_place place = { "main.cf", 5, directory, "some_maps" };
	CLEANUP(memory_free_string) char *text = memory_format("regexp:%s/regexp", directory);
	struct error error;

	(void)state;
	assert_int_equal(
	    postfix_table_read(&room, &place, span_from_string(text), &table, &error), 0);
	assert_string_equal(table.items[0].key, "/^a b\\/c$/i");
	assert_string_equal(table.items[0].value, "x y");
	assert_int_equal(table.items[1].line, 2);
	assert_string_equal(postfix_table_file(&table, &table.items[1]), text + strlen("regexp:"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tables_are_read),
		cmocka_unit_test(patterns_may_hold_blanks),
	};

	return cmocka_run_group_tests(tests, make_files, remove_files);
}
