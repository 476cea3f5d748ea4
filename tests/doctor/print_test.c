/* SPDX-License-Identifier: MIT */

/* Tests doctor/print.c: the same findings in each form. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "doctor/doctor.h"
#include "tests/support/cmocka.h"

/* What doctor_print writes; the caller frees it. */
static char *printed(const struct doctor_report *report, enum doctor_form form)
{
	char *text = NULL;
	size_t size = 0;
	FILE *file = open_memstream(&text, &size);

	assert_non_null(file);
	doctor_print(report, form, file);
	assert_int_equal(fclose(file), 0);
	return text;
}

static void fill(struct doctor_report *report)
{
	struct error error;

	finding_add(&report->findings, FINDING_GREEN, "a.green", "fine");
	finding_add(&report->findings, FINDING_YELLOW, "a.yellow", "say \"hello\"");
	finding_next(&report->findings, "write: x = \"y\"");
	error_set(&error, ERROR_CONFIG, "5.3.5", "broken: 550 no");
	error_means(&error, "it is broken");
	error_code(&error, "MC-CONF-15");
	finding_add_error(&report->findings, FINDING_RED, "a.red", &error);
}

static void lines_say_what_to_do(void **state)
{
	struct doctor_report report CLEANUP(doctor_finish) = { 0 };

	(void)state;
	fill(&report);
	char *text CLEANUP(memory_free_string) = printed(&report, DOCTOR_FORM_LINES);
	assert_string_equal(text, "ok      a.green               fine\n"
				  "YELLOW  a.yellow              say \"hello\"\n"
				  "  fix:     write: x = \"y\"\n"
				  "RED     a.red                 broken"
				  "                                        MC-CONF-15\n"
				  "  server:  550 no\n"
				  "  means:   it is broken\n"
				  "1 red, 1 yellow\n");
}

static void colours_are_put_round_the_words_alone(void **state)
{
	struct doctor_report report CLEANUP(doctor_finish) = { 0 };

	(void)state;
	fill(&report);
	char *text CLEANUP(memory_free_string) = printed(&report, DOCTOR_FORM_COLOUR);
	assert_non_null(strstr(text, "\033[32mok    \033[0m  a.green"));
	assert_non_null(strstr(text, "\033[33mYELLOW\033[0m  a.yellow"));
	assert_non_null(strstr(text, "\033[31mRED   \033[0m  a.red"));
}

static void all_good_is_said(void **state)
{
	struct doctor_report report CLEANUP(doctor_finish) = { 0 };

	(void)state;
	finding_add(&report.findings, FINDING_GREEN, "a.green", "fine");
	char *text CLEANUP(memory_free_string) = printed(&report, DOCTOR_FORM_LINES);
	assert_non_null(strstr(text, "all good; send a real one: mailchute test ADDRESS\n"));
}

static void json_is_one_object_on_one_line(void **state)
{
	struct doctor_report report CLEANUP(doctor_finish) = { 0 };
	struct doctor_report none CLEANUP(doctor_finish) = { 0 };

	(void)state;
	fill(&report);
	char *text CLEANUP(memory_free_string) = printed(&report, DOCTOR_FORM_JSON);
	char *empty CLEANUP(memory_free_string) = printed(&none, DOCTOR_FORM_JSON);
	assert_string_equal(empty, "{\"level\":\"green\",\"findings\":[]}\n");
	assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
	assert_ptr_equal(strstr(text, "{\"level\":\"red\",\"findings\":["), text);
	assert_non_null(strstr(text, "say \\\"hello\\\""));
	assert_non_null(strstr(text, "it is broken"));
	assert_non_null(strstr(text, "MC-CONF-15"));
}

/* Neither a file nor who asks for none gets colours. */
static void a_file_is_no_terminal(void **state)
{
	FILE *file = tmpfile();

	(void)state;
	assert_non_null(file);
	assert_int_equal(setenv("TERM", "xterm", 1), 0);
	assert_int_equal(doctor_form_for(file), DOCTOR_FORM_LINES);
	(void)fclose(file);
}

static void a_terminal_gets_colours_unless_it_says_no(void **state)
{
	static const struct row {
		const char *terminal;
		const char *no_colour;
		enum doctor_form form;
	} rows[] = {
		{ "xterm", NULL, DOCTOR_FORM_COLOUR },
		{ "xterm", "", DOCTOR_FORM_COLOUR },
		{ "xterm", "1", DOCTOR_FORM_LINES },
		{ "dumb", NULL, DOCTOR_FORM_LINES },
		{ NULL, NULL, DOCTOR_FORM_LINES },
	};
	FILE *file = fopen("/dev/ptmx", "re");

	(void)state;
	if (file == NULL)
		skip();
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		(void)unsetenv("TERM");
		(void)unsetenv("NO_COLOR");
		if (rows[i].terminal != NULL)
			(void)setenv("TERM", rows[i].terminal, 1);
		if (rows[i].no_colour != NULL)
			(void)setenv("NO_COLOR", rows[i].no_colour, 1);
		assert_int_equal(doctor_form_for(file), rows[i].form);
	}
	(void)fclose(file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_say_what_to_do),
		cmocka_unit_test(colours_are_put_round_the_words_alone),
		cmocka_unit_test(all_good_is_said),
		cmocka_unit_test(json_is_one_object_on_one_line),
		cmocka_unit_test(a_file_is_no_terminal),
		cmocka_unit_test(a_terminal_gets_colours_unless_it_says_no),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
