/* SPDX-License-Identifier: MIT */

/* Tests config/entries.c. */

#include "config/entries.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

static void put(struct entries *entries, size_t block, const char *name, const char *first,
    const char *second, int file, int line)
{
	struct entry entry = { .name = memory_copy_string(name), .file = file, .line = line };

	entry.items = memory_allocate(2 * sizeof *entry.items);
	if (first != NULL)
		entry.items[entry.count++] = memory_copy_string(first);
	if (second != NULL)
		entry.items[entry.count++] = memory_copy_string(second);
	entries_put(entries, block, &entry);
	assert_null(entry.name);
}

static void later_ones_take_the_place_of_earlier_ones(void **state)
{
	CLEANUP(entries_finish) struct entries entries = { 0 };
	int main_file = entries_add_file(&entries, "/m", true);
	int drop_in = entries_add_file(&entries, "/d", false);
	size_t block = entries_open(&entries, "smarthost", "a", main_file, 3);

	(void)state;
	put(&entries, block, "from_allow", "x", "y", main_file, 4);
	put(&entries, block, "url", "u", NULL, main_file, 5);
	assert_int_equal(entries_open(&entries, "smarthost", "a", drop_in, 9), block);
	put(&entries, block, "from_allow", "z", NULL, drop_in, 10);
	const struct entry_block *found = entries_find_block(&entries, "smarthost", "a");
	assert_int_equal(found->count, 2);
	/* Where it first stood, and in its order. */
	assert_int_equal(found->line, 3);
	const struct entry *list = entries_find(found, "from_allow");
	assert_int_equal(list->count, 1);
	assert_string_equal(list->items[0], "z");
	CLEANUP(memory_free_string) char *where = entries_where(&entries, list->file, list->line);
	assert_string_equal(where, "/d line 10");
	put(&entries, block, "url", NULL, NULL, drop_in, 11);
	assert_int_equal(entries_find(found, "url")->count, 0);
	assert_null(entries_find(found, "from"));
	assert_null(entries_find(NULL, "from"));
}

static void blocks_differ_by_name_and_title(void **state)
{
	CLEANUP(entries_finish) struct entries entries = { 0 };

	(void)state;
	entries_add_file(&entries, "/m", true);
	assert_int_equal(entries_open(&entries, "route", "a", 0, 1), 0);
	assert_int_equal(entries_open(&entries, "smarthost", "a", 0, 2), 1);
	assert_int_equal(entries_open(&entries, "smarthost", "A", 0, 3), 2);
	assert_int_equal(entries_open(&entries, "queue", NULL, 0, 4), 3);
	assert_int_equal(entries_open(&entries, "queue", NULL, 0, 5), 3);
	assert_int_equal(entries_open(&entries, "route", "a", 0, 6), 0);
	assert_null(entries_find_block(&entries, "route", NULL));
	assert_null(entries_find_block(&entries, "queue", "a"));
	assert_int_equal(entries_find_block(&entries, "queue", NULL)->line, 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(later_ones_take_the_place_of_earlier_ones),
		cmocka_unit_test(blocks_differ_by_name_and_title),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
