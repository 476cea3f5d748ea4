/* SPDX-License-Identifier: MIT */

/* Tests service/jumps.c. */

#include "service/jumps.h"

#include "tests/support/cmocka.h"

enum { MINUTE = 60000, HOUR = 3600000 };

static const int64_t day = INT64_C(86400000);
static const int64_t year = INT64_C(31536000000);

static void only_a_jump_is_one(void **state)
{
	struct jumps jumps = { 0 };

	(void)state;
	assert_int_equal(jumps_look(&jumps, 10 * year, 500), 0);
	/* An hour passes, the machine sleeps for a day, the clock is led to the right time. */
	assert_int_equal(jumps_look(&jumps, 10 * year + HOUR, 500 + HOUR), 0);
	assert_int_equal(jumps_look(&jumps, 10 * year + day, 500 + day), 0);
	for (int i = 1; i < 100; i++)
		assert_int_equal(jumps_look(&jumps, 10 * year + day + i * (MINUTE + 300),
				     500 + day + i * MINUTE),
		    0);
	assert_int_equal(jumps.count, 0);
	assert_int_equal(
	    jumps_look(&jumps, 11 * year, 500 + day + HOUR * 2), year - day - 2 * HOUR - 99 * 300);
	assert_int_equal(
	    jumps_look(&jumps, 11 * year - 1000, 500 + day + HOUR * 2 + 1000), 0 - 2000);
}

/* What happened, and what the clock says after it of a moment for which it said something else. */
static void times_are_corrected(void **state)
{
	const int64_t then = 20 * year;
	const struct row {
		const char *name;
		int64_t first;	/* jump at the second minute */
		int64_t second; /* at the fourth; it is the sixth now */
	} rows[] = {
		{ "none", 0, 0 },
		{ "a day forward", day, 0 },
		{ "a day forward and back", day, -day },
		{ "ten years forward and back", 10 * year, -10 * year },
		{ "twice forward", HOUR, year },
		{ "a day back and forward", -day, day },
		{ "from 1970", 36 * year, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct jumps jumps = { 0 };
		int64_t sum = rows[i].first + rows[i].second;
		int64_t now = then + sum + 6 * MINUTE;

		jumps_look(&jumps, then, 0);
		jumps_look(&jumps, then + rows[i].first + 2 * MINUTE, 2 * MINUTE);
		jumps_look(&jumps, then + sum + 4 * MINUTE, 4 * MINUTE);
		int64_t first = jumps_correct(&jumps, then + MINUTE, 0, now);
		int64_t second = jumps_correct(&jumps, then + rows[i].first + 3 * MINUTE, 0, now);
		int64_t third = jumps_correct(&jumps, then + sum + 5 * MINUTE, 0, now);
		if (first != now - 5 * MINUTE || second != now - 3 * MINUTE ||
		    third != now - MINUTE)
			fail_msg("%s: %lld %lld %lld", rows[i].name, (long long)(now - first),
			    (long long)(now - second), (long long)(now - third));
	}
}

/* It may be of before or of after: then it is younger than it is, and never older. */
static void a_jump_back_makes_nothing_older(void **state)
{
	struct jumps jumps = { 0 };
	const int64_t then = 20 * year;

	(void)state;
	jumps_look(&jumps, then, 0);
	jumps_look(&jumps, then - day, 0);
	assert_int_equal(jumps_ahead(&jumps), 0);
	int64_t now = then - day + HOUR;
	assert_int_equal(jumps_correct(&jumps, then - MINUTE, 0, now), now - HOUR - MINUTE);
	assert_int_equal(jumps_correct(&jumps, then - 2 * day, 0, now), then - 2 * day);
	/* A time to come of which nobody knows where it is from. */
	assert_int_equal(jumps_correct(&jumps, then + day, 0, now), now);
}

static void the_oldest_are_forgotten(void **state)
{
	struct jumps jumps = { 0 };

	(void)state;
	jumps_look(&jumps, 20 * year, 0);
	for (int i = 1; i <= 3 * JUMPS_LIMIT; i++)
		assert_int_equal(jumps_look(&jumps, 20 * year + i * day, 0), day);
	assert_int_equal(jumps.count, JUMPS_LIMIT);
	int64_t now = 20 * year + 3 * JUMPS_LIMIT * day;
	assert_int_equal(jumps_correct(&jumps, now - day, 0, now), now);
	/* Of those that are forgotten nothing is known; the others count. */
	assert_int_equal(
	    jumps_correct(&jumps, now - 2 * JUMPS_LIMIT * day, 0, now), now - JUMPS_LIMIT * day);
}

/* What was counted in when a message was opened is not counted in again when it is concluded. */
static void a_jump_counts_once(void **state)
{
	struct jumps jumps = { 0 };
	const int64_t then = 20 * year;

	(void)state;
	jumps_look(&jumps, then, 0);
	jumps_look(&jumps, then + day, 0);
	int64_t now = then + day;
	int64_t received = jumps_correct(&jumps, then - 5 * day, 0, now);
	assert_int_equal(received, then - 4 * day);
	assert_int_equal(jumps_ahead(&jumps), day);
	assert_int_equal(jumps.total, 1);
	assert_int_equal(jumps_correct(&jumps, received, 1, now), received);
	jumps_look(&jumps, then + 2 * day, 0);
	assert_int_equal(jumps_correct(&jumps, received, 1, then + 2 * day), then - 3 * day);
	assert_int_equal(jumps_correct(&jumps, then - 5 * day, 0, then + 2 * day), then - 3 * day);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_a_jump_is_one),
		cmocka_unit_test(times_are_corrected),
		cmocka_unit_test(a_jump_back_makes_nothing_older),
		cmocka_unit_test(a_jump_counts_once),
		cmocka_unit_test(the_oldest_are_forgotten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
