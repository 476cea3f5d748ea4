/* SPDX-License-Identifier: MIT */

/* Tests config/alias_list.c. */

#include "config/alias_list.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/memory.h"

static void lists_are_split_at_commas(void **state)
{
	static const struct row {
		const char *text;
		size_t count;
		const char *last;
		int outcome; /* of alias_list_check */
	} rows[] = {
		{ "a@x", 1, "a@x", 0 },
		{ " a@x ,\tb", 2, "b", 0 },
		{ ",,a,", 1, "a", 0 },
		{ "\\root", 1, "\\root", 0 },
		{ "", 0, NULL, -1 },
		{ " , ", 0, NULL, -1 },
		{ "a,|prog", 2, "|prog", -1 },
		{ "/dev/null", 1, "/dev/null", -1 },
		{ ":include:/x", 1, ":include:/x", -1 },
		{ "a b", 1, "a b", -1 },
		{ "\\", 1, "\\", -1 },
	};
	const struct check_place place = { "here", "to" };

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		CLEANUP(alias_list_finish) struct config_alias alias = { 0 };
		struct error error = { 0 };

		alias_list_add_targets(&alias, rows[i].text);
		assert_int_equal(alias.target_count, rows[i].count);
		if (rows[i].count != 0)
			assert_string_equal(alias.targets[rows[i].count - 1], rows[i].last);
		if (alias_list_check(&place, &alias, &error) != rows[i].outcome)
			fail_msg("%s: %s", rows[i].text, error.text);
	}
}

static void a_name_is_there_once(void **state)
{
	CLEANUP(config_finish) struct config config = { 0 };
	static const char *const names[] = { "Root", "*", "root" };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct config_alias alias = { .name = memory_copy_string(names[i]) };

		alias_list_add_targets(&alias, names[i]);
		alias_list_put(&config, &alias);
		assert_null(alias.name);
	}
	assert_int_equal(config.alias_count, 2);
	assert_string_equal(alias_list_find(&config, "ROOT")->targets[0], "root");
	assert_null(alias_list_find(&config, "other"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists_are_split_at_commas),
		cmocka_unit_test(a_name_is_there_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
