/* SPDX-License-Identifier: MIT */

/* Tests base/error.c. */

#include "base/error.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

static void an_error_is_filled_whole(void **state)
{
	struct error error;

	(void)state;
	memset(&error, 'x', sizeof error);
	assert_int_equal(error_set(&error, ERROR_DATA, "5.6.0", "bad %s %d", "thing", 7), -1);
	assert_int_equal(error.kind, ERROR_DATA);
	assert_string_equal(error.status, "5.6.0");
	assert_string_equal(error.text, "bad thing 7");
	assert_string_equal(error.next, "");
	assert_int_equal(error_next(&error, "do %s", "this"), -1);
	assert_string_equal(error.next, "do this");
	/* A new error forgets the old one's advice. */
	error_set(&error, ERROR_IO, "4.3.0", "x");
	assert_string_equal(error.next, "");
}

static void its_own_words_may_be_its_arguments(void **state)
{
	struct error error;

	(void)state;
	error_set(&error, ERROR_DATA, "5.1.3", "inner");
	error_set(&error, error.kind, error.status, "outer: %s", error.text);
	assert_string_equal(error.text, "outer: inner");
	assert_string_equal(error.status, "5.1.3");
	assert_int_equal(error_prefix(&error, "line %d: ", 3), -1);
	assert_string_equal(error.text, "line 3: outer: inner");
	error_prefix(&error, "%s / ", error.text);
	assert_string_equal(error.text, "line 3: outer: inner / line 3: outer: inner");
	assert_int_equal(error.kind, ERROR_DATA);
}

static void controls_are_masked(void **state)
{
	struct error error;

	(void)state;
	error_set(&error, ERROR_DATA, "5.6.0", "a\r\nb\x1b[0m\x7f\tc\xc3\xa4");
	assert_string_equal(error.text, "a??b?[0m??c\xc3\xa4");
	error_next(&error, "x\ny");
	assert_string_equal(error.next, "x?y");
	error_prefix(&error, "p\n");
	assert_memory_equal(error.text, "p?a", 3);
}

static void what_is_too_long_ends_in_dots(void **state)
{
	struct error error;
	char text[2000];

	(void)state;
	memset(text, 'x', sizeof text - 1);
	text[sizeof text - 1] = '\0';
	error_set(&error, ERROR_DATA, "5.6.0", "%s", text);
	assert_int_equal(strlen(error.text), ERROR_TEXT_SIZE - 1);
	assert_string_equal(error.text + ERROR_TEXT_SIZE - 5, "x...");
	error_next(&error, "%s", text);
	assert_int_equal(strlen(error.next), ERROR_NEXT_SIZE - 1);
	error_prefix(&error, "begin ");
	assert_int_equal(strlen(error.text), ERROR_TEXT_SIZE - 1);
	assert_memory_equal(error.text, "begin xx", 8);
	assert_string_equal(error.text + ERROR_TEXT_SIZE - 5, "x...");
	text[ERROR_TEXT_SIZE - 1] = '\0';
	error_set(&error, ERROR_DATA, "5.6.0", "%s", text);
	assert_string_equal(error.text, text);
	error_set(&error, ERROR_DATA, "5.6.0.1.2.3.4.5.6.7", "x");
	assert_int_equal(strlen(error.status), ERROR_STATUS_SIZE - 1);
}

static void a_failed_call_says_what_it_means(void **state)
{
	static const struct row {
		int number;
		enum error_kind kind;
		const char *status;
		const char *text;
	} rows[] = {
		{ ENOSPC, ERROR_CANNOT_CREATE, "4.3.1", "write x: No space left on device" },
		{ EDQUOT, ERROR_CANNOT_CREATE, "4.3.1", "write x: Disk quota exceeded" },
		{ EIO, ERROR_IO, "4.3.0", "write x: Input/output error" },
		{ EACCES, ERROR_NO_PERMISSION, "4.3.0", "write x: Permission denied" },
		{ ECONNREFUSED, ERROR_UNAVAILABLE, "4.4.1", "write x: Connection refused" },
		{ EPIPE, ERROR_UNAVAILABLE, "4.4.2", "write x: Broken pipe" },
		{ EINVAL, ERROR_SYSTEM, "4.3.0", "write x: Invalid argument" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct error error;

		errno = rows[i].number;
		assert_int_equal(error_system(&error, "write %s", "x"), -1);
		assert_int_equal(error.kind, rows[i].kind);
		assert_string_equal(error.status, rows[i].status);
		assert_string_equal(error.text, rows[i].text);
		assert_true(error_is_temporary(&error));
	}
}

/* DESIGN 6: the one table. */
static void statuses_map_to_sysexits(void **state)
{
	static const struct row {
		const char *status;
		enum error_kind kind;
	} rows[] = {
		{ "5.1.1", ERROR_NO_USER },
		{ "5.1.3", ERROR_NO_USER },
		{ "5.1.2", ERROR_NO_HOST },
		{ "5.1.10", ERROR_SOFTWARE },
		{ "5.3.4", ERROR_DATA },
		{ "5.6.0", ERROR_DATA },
		{ "5.6.7", ERROR_DATA },
		{ "5.5.1", ERROR_USAGE },
		{ "5.5.4", ERROR_USAGE },
		{ "5.7.1", ERROR_NO_PERMISSION },
		{ "5.7.60", ERROR_NO_PERMISSION },
		{ "5.3.5", ERROR_CONFIG },
		{ "4.3.5", ERROR_CONFIG },
		{ "4.4.1", ERROR_UNAVAILABLE },
		{ "4.5.3", ERROR_UNAVAILABLE },
		{ "4.1.1", ERROR_UNAVAILABLE },
		{ "4.7.0", ERROR_UNAVAILABLE },
		{ "5.2.2", ERROR_SOFTWARE },
		{ "5.0.0", ERROR_SOFTWARE },
		{ "5.4.6", ERROR_SOFTWARE },
		{ "", ERROR_SOFTWARE },
		{ "5", ERROR_SOFTWARE },
		{ "5.1", ERROR_SOFTWARE },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		if (error_kind_from_status(rows[i].status) != rows[i].kind)
			fail_msg(
			    "%s: %d", rows[i].status, (int)error_kind_from_status(rows[i].status));
}

static void class_five_is_final(void **state)
{
	struct error error;

	(void)state;
	error_set(&error, ERROR_DATA, "5.0.0", "x");
	assert_false(error_is_temporary(&error));
	error_set(&error, ERROR_DATA, "4.0.0", "x");
	assert_true(error_is_temporary(&error));
	error_set(&error, ERROR_DATA, "", "x");
	assert_true(error_is_temporary(&error));
}

static void the_next_step_gives_way_on_a_line(void **state)
{
	struct error error;
	char line[32];

	(void)state;
	error_set(&error, ERROR_DATA, "5.6.0", "it failed");
	error_line(&error, line, sizeof line);
	assert_string_equal(line, "it failed");
	error_next(&error, "try again");
	error_line(&error, line, 9 + 2 + 9 + 1);
	assert_string_equal(line, "it failed; try again");
	error_line(&error, line, 9 + 2 + 9);
	assert_string_equal(line, "it failed");
	error_line(&error, line, 5);
	assert_string_equal(line, "it f");
}

static struct error coded(void)
{
	struct error error;

	error_set(&error, ERROR_NO_PERMISSION, "5.7.8", "h refused: 535 no");
	error_code(&error, "MC-AUTH-01");
	error_means(&error, "app password");
	error_next(&error, "make one; then set it");
	error_mail(&error, "NOT sent");
	return error;
}

static void a_failure_with_a_name_is_labelled(void **state)
{
	static const char whole[] = "MC-AUTH-01 h refused: 535 no; means: app password; fix: make "
				    "one; then set it; mail: NOT sent";
	struct error error = coded();
	char line[200];

	(void)state;
	error_line(&error, line, sizeof line);
	assert_string_equal(line, whole);
	/* What it means gives way, then what to do, then the end of the text. */
	error_line(&error, line, sizeof whole);
	assert_string_equal(line, whole);
	error_line(&error, line, sizeof whole - 1);
	assert_string_equal(
	    line, "MC-AUTH-01 h refused: 535 no; fix: make one; then set it; mail: NOT sent");
	error_line(&error, line, 60);
	assert_string_equal(line, "MC-AUTH-01 h refused: 535 no; mail: NOT sent");
	error_line(&error, line, 40);
	assert_string_equal(line, "MC-AUTH-01 h refused...; mail: NOT sent");
}

static void a_line_is_read_again(void **state)
{
	struct error error = coded();
	struct error read;
	char line[900];

	(void)state;
	error_line(&error, line, sizeof line);
	error_read_line(line, &read);
	assert_string_equal(read.code, error.code);
	assert_string_equal(read.text, error.text);
	assert_string_equal(read.means, error.means);
	assert_string_equal(read.next, error.next);
	assert_string_equal(read.mail, error.mail);

	error_read_line("MC-GREY-07 a \x1b[m; means: x", &read);
	assert_string_equal(read.text, "a ?[m");
	assert_string_equal(read.means, "x");
	assert_string_equal(read.next, "");
	error_read_line("no name; x; mail: gone", &read);
	assert_string_equal(read.text, "no name; x");
	assert_string_equal(read.mail, "gone");
	error_read_line("no name; fix: here", &read);
	assert_string_equal(read.code, "");
	assert_string_equal(read.text, "no name; fix: here");
	error_read_line("MC-AUTH-01", &read);
	assert_string_equal(read.text, "MC-AUTH-01");
	error_read_line("MC-MUCH-TOO-LONG-TO-BE-ONE x", &read);
	assert_string_equal(read.code, "");
	error_read_line("", &read);
	assert_string_equal(read.text, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_error_is_filled_whole),
		cmocka_unit_test(its_own_words_may_be_its_arguments),
		cmocka_unit_test(controls_are_masked),
		cmocka_unit_test(what_is_too_long_ends_in_dots),
		cmocka_unit_test(a_failed_call_says_what_it_means),
		cmocka_unit_test(statuses_map_to_sysexits),
		cmocka_unit_test(class_five_is_final),
		cmocka_unit_test(the_next_step_gives_way_on_a_line),
		cmocka_unit_test(a_failure_with_a_name_is_labelled),
		cmocka_unit_test(a_line_is_read_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
