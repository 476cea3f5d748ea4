/* SPDX-License-Identifier: MIT */

/* Tests import/variable_list.c. */

#include "import/variable_list.h"

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

static void read_text(struct variable_list *list, const char *text)
{
	char path[] = "/tmp/mailchute-variables-XXXXXX";
	int fd = mkstemp(path);
	struct plan plan = { 0 };
	const struct source_room room = { "", &plan };
	struct error error;

	assert_true(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	assert_int_equal(close(fd), 0);
	assert_int_equal(variable_list_read_file(list, &room, path, &error), 0);
	assert_int_equal(unlink(path), 0);
	plan_finish(&plan);
}

static void values_are_those_of_dotenv(void **state)
{
	static const struct row {
		const char *text;
		const char *value; /* of A; NULL: unset */
	} rows[] = {
		{ "A=b\n", "b" },
		{ "export A=b\n", "b" },
		{ " A = b c # d\n", "b c" },
		{ "A=b#c\n", "b#c" },
		{ "A=\"b # c\" # d\n", "b # c" },
		{ "A='b \"$X\" \\'\n", "b \"$X\" \\" },
		{ "A=\"b\\\"\\\\\\$c\\n\"\n", "b\"\\$c\\n" },
		{ "X=1\nA=${X}2\"\n", "12\"" },
		{ "X=1\nA=\"${X}2\"\n", "12" },
		{ "X=1\nA='${X}2'\n", "${X}2" },
		{ "A=${Y}z\n", "z" },
		{ "A=$Y\n", "$Y" },
		{ "A=\"no end\n", "\"no end" },
		{ "A=1\nA=2\n", "2" },
		{ "A=1\nA=\n", NULL },
		{ "#A=1\nB=2\n", NULL },
		{ "A B=1\n1A=2\nA-B=3\n", NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct variable_list list = { 0 };

		read_text(&list, rows[i].text);
		const struct variable *found = variable_list_find(&list, span_from_string("A"));
		if ((found != NULL) != (rows[i].value != NULL) ||
		    (found != NULL && strcmp(found->value, rows[i].value) != 0))
			fail_msg("%s: %s", rows[i].text, found != NULL ? found->value : "unset");
		variable_list_finish(&list);
	}
}

static void the_first_of_several_names_counts(void **state)
{
	struct variable_list list = { 0 };

	(void)state;
	read_text(&list, "C=3\nB=2\nB_FILE=/b\nD_FILE=/d\n");
	assert_string_equal(variable_list_find_any(&list, "A B C")->value, "2");
	assert_int_equal(variable_list_find_any(&list, "A B C")->line, 2);
	assert_null(variable_list_find_any(&list, "A E"));
	assert_null(variable_list_find_any(&list, ""));
	assert_string_equal(variable_list_find_file(&list, "A D B")->value, "/d");
	assert_null(variable_list_find_file(&list, "C"));
	variable_list_finish(&list);
	setenv("MAILCHUTE_TEST_VARIABLE", "here", 1);
	variable_list_read_environment(&list);
	assert_string_equal(
	    variable_list_find_any(&list, "MAILCHUTE_TEST_VARIABLE")->value, "here");
	variable_list_finish(&list);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_are_those_of_dotenv),
		cmocka_unit_test(the_first_of_several_names_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
