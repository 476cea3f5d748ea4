/* SPDX-License-Identifier: MIT */

/* Tests import/postfix_parameters.c. */

#include "import/postfix_parameters.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/memory.h"

static void values_are_put_together(void **state)
{
	static const struct row {
		const char *text;
		const char *name;
		const char *value;
	} rows[] = {
		{ "a = b\n", "a", "b" },
		{ "a=b c  \n", "a", "b c" },
		{ "a =\n  b,\n# comment\n\n\tc\n", "a", "b, c" },
		{ "a = 1\na = 2\n", "a", "2" },
		{ "# a = b\n", "a", "" },
		{ "x = 1\na = $x ${x} $(x)\n", "a", "1 1 1" },
		{ "x = 1\na = $x.y $$x\n", "a", "1.y $x" },
		{ "a = $nothing-here\n", "a", "-here" },
		{ "x = 1\na = ${x?yes} ${x:no} ${y?yes} ${y:no}\n", "a", "yes   no" },
		{ "x = 1\na = ${x?{yes}:{no}} ${y?{yes}:{no}}\n", "a", "yes no" },
		{ "x = 1\na = ${x?<$x>}\n", "a", "<1>" },
		{ "a = ${unclosed\n", "a", "${unclosed" },
		{ "a = $\n", "a", "$" },
		{ "myhostname = h.b.example\na = $mydomain $myorigin\n", "a",
		    "b.example h.b.example" },
		{ "myhostname = h.$mydomain\n", "a", "" },
		{ "a = $config_directory\n", "a", "/here" },
		{ " first line goes on nothing\na = b\n", "a", "b" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		CLEANUP(plan_finish) struct plan plan = { 0 };
		CLEANUP(source_finish) struct source source = { 0 };
		CLEANUP(postfix_parameters_finish) struct postfix_parameters parameters = { 0 };

		source_open_text(&source, "main.cf", span_from_string(rows[i].text));
		parameters.directory = memory_copy_string("/here");
		postfix_parameters_read(&parameters, &source, &plan);
		CLEANUP(memory_free_string)
		char *value = postfix_parameters_value(&parameters, rows[i].name);
		if (strcmp(value, rows[i].value) != 0)
			fail_msg("%s: \"%s\"", rows[i].text, value);
		CLEANUP(memory_free_string)
		char *host = postfix_parameters_value(&parameters, "myhostname");
		assert_non_null(host);
	}
}

static void what_is_made_of_itself_ends(void **state)
{
	CLEANUP(plan_finish) struct plan plan = { 0 };
	CLEANUP(source_finish) struct source source = { 0 };
	CLEANUP(postfix_parameters_finish) struct postfix_parameters parameters = { 0 };

	(void)state;
	source_open_text(&source, "main.cf",
	    span_from_string("a = $b$b$b$b$b$b$b$b\nb = $a$a$a$a$a$a$a$a x${a?{$b}}\n"));
	postfix_parameters_read(&parameters, &source, &plan);
	CLEANUP(memory_free_string) char *value = postfix_parameters_value(&parameters, "a");
	assert_in_range(strlen(value), 0, 1 << 16);
}

static void lines_are_known(void **state)
{
	CLEANUP(plan_finish) struct plan plan = { 0 };
	CLEANUP(source_finish) struct source source = { 0 };
	CLEANUP(postfix_parameters_finish) struct postfix_parameters parameters = { 0 };

	(void)state;
	source_open_text(
	    &source, "main.cf", span_from_string("\na = 1\n  2\nno setting\nb = 3\na = 4\n"));
	postfix_parameters_read(&parameters, &source, &plan);
	assert_int_equal(postfix_parameters_line(&parameters, "a"), 6);
	assert_int_equal(postfix_parameters_line(&parameters, "b"), 5);
	assert_int_equal(postfix_parameters_line(&parameters, "c"), 0);
	assert_int_equal(plan.note_count, 1);
	assert_int_equal(plan.notes[0].line, 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_are_put_together),
		cmocka_unit_test(what_is_made_of_itself_ends),
		cmocka_unit_test(lines_are_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
