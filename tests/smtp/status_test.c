/* SPDX-License-Identifier: MIT */

/* Tests smtp/status.c. */

#include "smtp/status.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/support/guarded.h"

static void statuses_are_read_whole_or_not_at_all(void **state)
{
	static const struct row {
		const char *text;
		char class_digit;
		size_t taken;
		const char *status;
	} rows[] = {
		{ "2.1.5 ok", '2', 5, "2.1.5" },
		{ "5.7.60", '5', 6, "5.7.60" },
		{ "4.123.456 x", '4', 9, "4.123.456" },
		{ "5.1.1\tx", '5', 5, "5.1.1" },
		{ "5.1.1-x", '5', 0, "" },
		{ "5.1.1.", '5', 0, "" },
		{ "5.1.1x", '5', 0, "" },
		{ "5.1.1", '2', 0, "" },
		{ "3.1.1", '3', 0, "" },
		{ "5.1234.1", '5', 0, "" },
		{ "5.1.1234", '5', 0, "" },
		{ "5..1", '5', 0, "" },
		{ "5.1", '5', 0, "" },
		{ "5.1.", '5', 0, "" },
		{ "5", '5', 0, "" },
		{ "", '5', 0, "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char status[STATUS_SIZE] = "9.9.9";
		struct span text = guarded_string(rows[i].text);

		assert_int_equal(status_parse(text, rows[i].class_digit, status), rows[i].taken);
		assert_string_equal(status, rows[i].status);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(statuses_are_read_whole_or_not_at_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
