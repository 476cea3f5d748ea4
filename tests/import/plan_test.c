/* SPDX-License-Identifier: MIT */

/* Tests import/plan.c. */

#include "import/plan.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/memory.h"

static void blocks_are_found_again(void **state)
{
	CLEANUP(plan_finish) struct plan plan = { 0 };
	struct plan_block *first = plan_block(&plan, "smarthost", "Gmail");

	(void)state;
	assert_ptr_equal(plan_block(&plan, "smarthost", "gmail"), first);
	assert_ptr_not_equal(plan_block(&plan, "route", "gmail"), first);
	assert_null(plan_find(&plan, "smarthost", NULL));
	assert_null(plan_find(&plan, "alias", "gmail"));
	for (int i = 0; i < 50; i++) {
		CLEANUP(memory_free_string) char *title = memory_format("t%d", i);
		plan_set(plan_block(&plan, "smarthost", title), "url", "x");
	}
	/* It has not moved. */
	assert_ptr_equal(plan_find(&plan, "smarthost", "GMAIL"), first);
	assert_int_equal(plan_count(&plan, "smarthost"), 51);
	plan_drop(&plan, first);
	assert_int_equal(plan_count(&plan, "smarthost"), 50);
	assert_null(plan_find(&plan, "smarthost", "gmail"));
}

static void options_are_set_and_lists_grow(void **state)
{
	CLEANUP(plan_finish) struct plan plan = { 0 };
	struct plan_block *block = plan_block(&plan, "", NULL);

	(void)state;
	plan_set(block, "url", "a");
	plan_set(block, "url", "b");
	plan_set(block, "url", NULL);
	assert_string_equal(plan_get(block, "url"), "b");
	plan_add(block, "to", "x");
	plan_add(block, "to", "y");
	plan_add(block, "to", "x");
	assert_int_equal(block->options[1].count, 2);
	assert_true(block->options[1].is_list);
	assert_null(plan_get(block, "from"));
}

static void notes_are_said_once_and_on_one_line(void **state)
{
	CLEANUP(plan_finish) struct plan plan = { 0 };
	char longest[1000];

	(void)state;
	plan_note(&plan, PLAN_LOST, "f", 3, "a%cb", '\n');
	plan_note(&plan, PLAN_LOST, "f", 3, "a?b");
	plan_note(&plan, PLAN_LOST, "f", 4, "a?b");
	assert_int_equal(plan.note_count, 2);
	assert_string_equal(plan.notes[0].text, "a?b");
	memset(longest, 'x', sizeof longest);
	longest[sizeof longest - 1] = '\0';
	plan_note(&plan, PLAN_LOST, "f", 5, "%s", longest);
	assert_int_equal(plan.note_count, 3);
	plan_read(&plan, "f");
	plan_read(&plan, "f");
	assert_int_equal(plan.file_count, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(blocks_are_found_again),
		cmocka_unit_test(options_are_set_and_lists_grow),
		cmocka_unit_test(notes_are_said_once_and_on_one_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
