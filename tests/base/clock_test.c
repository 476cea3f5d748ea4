/* SPDX-License-Identifier: MIT */

/* Tests base/clock.c. */

#include "base/clock.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <limits.h>

#include "tests/support/guarded.h"

static void durations_are_read_whole_or_not_at_all(void **state)
{
	static const struct row {
		const char *text;
		bool is_duration;
		int64_t milliseconds;
	} rows[] = {
		{ "30s", true, 30000 },
		{ "2m", true, 120000 },
		{ "1h", true, 3600000 },
		{ "5d", true, 432000000 },
		{ "250ms", true, 250 },
		{ "20", true, 20000 },
		{ "0", true, 0 },
		{ "1 h", true, 3600000 },
		{ "106751991167d", true, INT64_C(106751991167) * 86400000 },
		{ "106751991168d", false, 0 },
		{ "9223372036854775807", false, 0 },
		{ "9223372036854775807ms", true, INT64_MAX },
		{ "9223372036854775808ms", false, 0 },
		{ "18446744073709551617ms", false, 0 },
		{ "", false, 0 },
		{ "s", false, 0 },
		{ "-1s", false, 0 },
		{ "1w", false, 0 },
		{ "1H", false, 0 },
		{ "1h30m", false, 0 },
		{ "1.5h", false, 0 },
		{ "1sec", false, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		int64_t milliseconds = 0;

		if (clock_parse_duration(guarded_string(rows[i].text), &milliseconds) !=
		    rows[i].is_duration)
			fail_msg("%s", rows[i].text);
		assert_int_equal(milliseconds, rows[i].milliseconds);
	}
}

static void durations_show_their_two_largest_units(void **state)
{
	static const struct row {
		int64_t milliseconds;
		const char *text;
	} rows[] = {
		{ 0, "0s" },
		{ 999, "0s" },
		{ -5000, "0s" },
		{ INT64_MIN, "0s" },
		{ 45000, "45s" },
		{ 120000, "2m" },
		{ 150000, "2m30s" },
		{ 5400000, "1h30m" },
		{ 3600000, "1h" },
		{ 3605000, "1h" },
		{ 273600000, "3d4h" },
		{ 86400000 + 60000, "1d" },
		{ INT64_MAX, "106751991167d7h" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char text[24];

		clock_format_duration(rows[i].milliseconds, text);
		assert_string_equal(text, rows[i].text);
	}
}

static void deadlines_become_poll_timeouts(void **state)
{
	(void)state;
	assert_int_equal(clock_poll_timeout(CLOCK_NEVER), -1);
	assert_int_equal(clock_poll_timeout(0), 0);
	assert_int_equal(clock_poll_timeout(INT64_MIN), 0);
	assert_int_equal(clock_poll_timeout(clock_deadline(0)), 0);
	assert_int_equal(clock_poll_timeout(clock_deadline(-1000)), 0);
	assert_int_equal(clock_poll_timeout(CLOCK_NEVER - 1), INT_MAX);
	assert_in_range(clock_poll_timeout(clock_deadline(3600000)), 1, 3600000);
	assert_true(clock_deadline(INT64_MAX) == CLOCK_NEVER);
}

static void the_clocks_run_forward(void **state)
{
	int64_t before = clock_monotonic();

	(void)state;
	assert_true(before > 0);
	assert_true(clock_monotonic() >= before);
	/* In milliseconds since 1970: later than 2020, before 2200. */
	assert_true(clock_wall() > INT64_C(1577836800000));
	assert_true(clock_wall() < INT64_C(7258118400000));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(durations_are_read_whole_or_not_at_all),
		cmocka_unit_test(durations_show_their_two_largest_units),
		cmocka_unit_test(deadlines_become_poll_timeouts),
		cmocka_unit_test(the_clocks_run_forward),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
