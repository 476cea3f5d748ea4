/* SPDX-License-Identifier: MIT */

/* Tests import/postfix_reader.c. */

#include "import/postfix_reader.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/memory.h"

static void times_have_units(void **state)
{
	static const struct row {
		const char *text;
		uint64_t unit;
		uint64_t seconds;
	} rows[] = {
		{ "5", 86400, 432000 },
		{ "5d", 1, 432000 },
		{ "90s", 3600, 90 },
		{ "2m", 1, 120 },
		{ "3h", 1, 10800 },
		{ "1w", 1, 604800 },
		{ "0h", 1, 0 },
		{ "", 1, 0 },
		{ "soon", 1, 0 },
		{ "s", 1, 0 },
		{ "-1", 1, 0 },
		{ "99999999999w", 1, 0 },
		{ "366d", 1, 366ull * 86400 },
		{ "367d", 1, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		if (postfix_reader_seconds(rows[i].text, rows[i].unit) != rows[i].seconds)
			fail_msg("%s", rows[i].text);
}

static void parameters_are_asked_for(void **state)
{
	CLEANUP(plan_finish) struct plan plan = { 0 };
	const struct source_room room = { "", &plan };
	CLEANUP(postfix_reader_finish) struct postfix_reader reader = { .room = &room };

	(void)state;
	source_open_text(&reader.source, "main.cf", span_from_string("a = Yes\nb = $a x\n"));
	postfix_parameters_read(&reader.parameters, &reader.source, &plan);
	CLEANUP(memory_free_string) char *b = postfix_reader_value(&reader, "b");
	CLEANUP(memory_free_string) char *none = postfix_reader_value(&reader, "myhostname");
	assert_string_equal(b, "Yes x");
	/* What Postfix would take by itself is nobody's setting. */
	assert_string_equal(none, "");
	assert_true(postfix_reader_is_yes(&reader, "a"));
	assert_false(postfix_reader_is_yes(&reader, "b") || postfix_reader_is_yes(&reader, "c"));
	assert_string_equal(postfix_reader_first_set(&reader, "a", "b"), "a");
	assert_string_equal(postfix_reader_first_set(&reader, "c", "b"), "b");
	postfix_reader_note(&reader, PLAN_LOST, "b", "why");
	assert_int_equal(plan.notes[0].line, 2);
	assert_string_equal(plan.notes[0].text, "b: why");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(times_have_units),
		cmocka_unit_test(parameters_are_asked_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
