/* SPDX-License-Identifier: MIT */

/* Tests message/date.c. */

#include "message/date.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static void set_zone(const char *zone)
{
	assert_int_equal(setenv("TZ", zone, 1), 0);
	tzset();
}

static void dates_have_one_form(void **state)
{
	static const struct row {
		const char *zone;
		int64_t wall;
		const char *want;
	} rows[] = {
		{ "UTC0", 0, "Thu, 1 Jan 1970 00:00:00 +0000" },
		{ "UTC0", 999, "Thu, 1 Jan 1970 00:00:00 +0000" },
		{ "XXX-1", INT64_C(1795408620000), "Mon, 23 Nov 2026 05:37:00 +0100" },
		{ "XXX-5:30", INT64_C(1795408620000), "Mon, 23 Nov 2026 10:07:00 +0530" },
		{ "XXX3:30", INT64_C(1795408620000), "Mon, 23 Nov 2026 01:07:00 -0330" },
		{ "UTC0", INT64_C(951782400000), "Tue, 29 Feb 2000 00:00:00 +0000" },
		{ "UTC0", -5000, "Thu, 1 Jan 1970 00:00:00 +0000" },
		{ "UTC0", INT64_MIN, "Thu, 1 Jan 1970 00:00:00 +0000" },
		{ "XXX-14", INT64_MAX, "Fri, 31 Dec 9999 13:59:59 +1400" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char text[DATE_SIZE];

		set_zone(rows[i].zone);
		date_format(rows[i].wall, text);
		assert_string_equal(text, rows[i].want);
	}
}

static void every_month_and_day_is_named_in_english(void **state)
{
	static const char *const months[] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul",
		"Aug", "Sep", "Oct", "Nov", "Dec" };
	char text[DATE_SIZE];

	(void)state;
	(void)setlocale(LC_ALL, "de_DE.UTF-8");
	set_zone("UTC0");
	for (int i = 0; i < 12; i++) {
		/* The 16th of each month of 1970. */
		date_format((INT64_C(15) + i * 30 + i / 2) * 86400000, text);
		assert_non_null(strstr(text, months[i]));
	}
	static const char *const days[] = { "Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed" };
	for (int i = 0; i < 7; i++) {
		date_format(i * INT64_C(86400000), text);
		assert_memory_equal(text, days[i], 3);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(dates_have_one_form),
		cmocka_unit_test(every_month_and_day_is_named_in_english),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
