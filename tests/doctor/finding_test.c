/* SPDX-License-Identifier: MIT */

/* Tests doctor/finding.c. */

#include "doctor/finding.h"

#include <string.h>

#include "base/memory.h"
#include "base/span.h"
#include "tests/support/cmocka.h"

static void the_worst_counts(void **state)
{
	struct findings findings CLEANUP(finding_finish_all) = { 0 };

	(void)state;
	assert_int_equal(finding_worst(&findings), FINDING_GREEN);
	finding_add(&findings, FINDING_GREEN, "a.green", "fine");
	assert_int_equal(finding_worst(&findings), FINDING_GREEN);
	finding_add(&findings, FINDING_YELLOW, "a.yellow", "number %d", 7);
	finding_add(&findings, FINDING_RED, "a.red", "broken");
	finding_add(&findings, FINDING_GREEN, "a.green", "fine, too");
	assert_int_equal(finding_worst(&findings), FINDING_RED);
	assert_int_equal(findings.count, 4);
	assert_string_equal(findings.items[1].text, "number 7");
	assert_ptr_equal(finding_find(&findings, "a.green"), &findings.items[0]);
	assert_null(finding_find(&findings, "a.blue"));
}

static void the_next_step_is_of_the_last(void **state)
{
	struct findings findings CLEANUP(finding_finish_all) = { 0 };

	(void)state;
	finding_add(&findings, FINDING_RED, "a.red", "broken");
	finding_add(&findings, FINDING_RED, "b.red", "broken, too");
	finding_next(&findings, "do %s", "this");
	finding_next(&findings, "do %s", "that");
	assert_null(findings.items[0].next);
	assert_string_equal(findings.items[1].next, "do that");
	finding_suggest(&findings, "do nothing");
	assert_string_equal(findings.items[1].next, "do that");
	finding_add(&findings, FINDING_RED, "c.red", "broken");
	finding_suggest(&findings, "do number %d", 3);
	assert_string_equal(findings.items[2].next, "do number 3");
}

static void an_error_keeps_all_it_says(void **state)
{
	struct findings findings CLEANUP(finding_finish_all) = { 0 };
	struct error error;

	(void)state;
	error_set(&error, ERROR_CONFIG, "5.3.5", "what is wrong");
	finding_add_error(&findings, FINDING_RED, "a.red", &error);
	assert_string_equal(findings.items[0].text, "what is wrong");
	assert_null(findings.items[0].next);
	assert_null(findings.items[0].code);
	error_means(&error, "what it means");
	error_next(&error, "what to do");
	error_code(&error, "MC-CONF-14");
	finding_add_error(&findings, FINDING_YELLOW, "b.yellow", &error);
	assert_string_equal(findings.items[1].text, "what is wrong");
	assert_string_equal(findings.items[1].means, "what it means");
	assert_string_equal(findings.items[1].next, "what to do");
	assert_string_equal(findings.items[1].code, "MC-CONF-14");
}

static void nothing_drives_a_terminal(void **state)
{
	struct findings findings CLEANUP(finding_finish_all) = { 0 };

	(void)state;
	finding_add(&findings, FINDING_RED, "a.red", "a\x1b[31m%s\n", "b\x07");
	finding_next(&findings, "\x1b]0;title\x07\r\n");
	assert_false(span_has_control(span_from_string(findings.items[0].text)));
	assert_false(span_has_control(span_from_string(findings.items[0].next)));
}

static void a_text_without_end_is_cut(void **state)
{
	struct findings findings CLEANUP(finding_finish_all) = { 0 };
	char text[4000];

	(void)state;
	memset(text, 'x', sizeof text);
	text[sizeof text - 1] = '\0';
	finding_add(&findings, FINDING_RED, "a.red", "%s", text);
	finding_next(&findings, "%s", text);
	assert_in_range(strlen(findings.items[0].text), 1000, 2000);
	assert_in_range(strlen(findings.items[0].next), 1000, 2000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_worst_counts),
		cmocka_unit_test(the_next_step_is_of_the_last),
		cmocka_unit_test(an_error_keeps_all_it_says),
		cmocka_unit_test(nothing_drives_a_terminal),
		cmocka_unit_test(a_text_without_end_is_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
