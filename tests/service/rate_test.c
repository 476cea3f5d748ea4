/* SPDX-License-Identifier: MIT */

/* Tests service/rate.c. */

#include "service/rate.h"

#include "tests/support/cmocka.h"

enum { SECOND = 1000, MINUTE = 60000, HOUR = 3600000 };

static bool take(struct rate *rate, int64_t now)
{
	if (!rate_reserve(rate, now))
		return false;
	rate_take(rate, now);
	return true;
}

static unsigned take_all(struct rate *rate, int64_t now)
{
	unsigned taken = 0;

	while (take(rate, now))
		taken++;
	return taken;
}

/* What can be taken at each of these times, one after the other, from a bucket made at 1000. */
static void tokens_come_with_the_time(void **state)
{
	static const struct row {
		const char *name;
		int64_t count;
		int64_t period;
		int64_t burst;
		struct {
			int64_t now;
			unsigned taken;
		} steps[6];
	} rows[] = {
		{ "it begins full", 30, MINUTE, 1, { { 1000, 1 }, { 1000, 0 } } },
		{ "one each two seconds", 30, MINUTE, 1,
		    { { 1000, 1 }, { 2999, 0 }, { 3000, 1 }, { 3001, 0 }, { 4999, 0 },
			{ 5000, 1 } } },
		{ "a burst after a pause, and no more", 600, MINUTE, 3,
		    { { 1000, 3 }, { 1099, 0 }, { 1100, 1 }, { 1250, 1 }, { 1300, 1 },
			{ 99999, 3 } } },
		{ "several in one millisecond", 100000, SECOND, 100000,
		    { { 1000, 100000 }, { 1001, 100 }, { 1003, 200 } } },
		{ "a token is never early by a part", 14, SECOND, 1,
		    { { 1000, 1 }, { 1071, 0 }, { 1072, 1 }, { 1143, 0 }, { 1144, 1 } } },
		{ "one an hour", 1, HOUR, 1,
		    { { 1000, 1 }, { 3600999, 0 }, { 3601000, 1 }, { 7201000, 1 } } },
		{ "a clock that stands still brings nothing", 14, SECOND, 2,
		    { { 1000, 2 }, { 1000, 0 }, { 1000, 0 } } },
		{ "nor does one that goes back, but then it goes on", 10, SECOND, 1,
		    { { 1000, 1 }, { 500, 0 }, { 599, 0 }, { 600, 1 } } },
		{ "a jump fills the bucket, at most", 14, SECOND, 5,
		    { { 1000, 5 }, { INT64_MAX, 5 }, { INT64_MAX, 0 } } },
		{ "from the first moment to the last", 14, SECOND, 5,
		    { { INT64_MIN, 5 }, { INT64_MAX, 5 } } },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct rate rate;

		rate_init(&rate, rows[i].count, rows[i].period, rows[i].burst, 1000);
		for (size_t j = 0; j < 6 && rows[i].steps[j].now != 0; j++) {
			unsigned taken = take_all(&rate, rows[i].steps[j].now);

			if (taken != rows[i].steps[j].taken)
				fail_msg("%s: step %zu: %u", rows[i].name, j, taken);
		}
	}
}

/* Asked at odd times for ten days, it gives what the numbers say, to the token. */
static void nothing_drifts_over_days(void **state)
{
	static const struct row {
		int64_t count;
		int64_t period;
	} rows[] = { { 14, SECOND }, { 7, SECOND }, { 30, MINUTE }, { 999, HOUR } };
	const int64_t days = INT64_C(10) * 24 * HOUR;

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct rate rate;
		int64_t taken = 0;
		int64_t now = 0;

		rate_init(&rate, rows[i].count, rows[i].period, 2, 0);
		assert_int_equal(take_all(&rate, 0), 2);
		for (unsigned j = 0; now < days; j++) {
			/* Shorter than a token takes, so that none goes past the brim. */
			now += 1 + (j * 37) % 61;
			taken += take_all(&rate, now < days ? now : days);
		}
		assert_int_equal(taken, days * rows[i].count / rows[i].period);
	}
}

/* Who sleeps until then finds one, and who wakes a millisecond earlier finds none. */
static void what_is_due_is_there(void **state)
{
	static const struct row {
		int64_t count;
		int64_t period;
	} rows[] = { { 14, SECOND }, { 30, MINUTE }, { 7, MINUTE }, { 999, HOUR }, { 1, HOUR } };

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct rate rate;
		int64_t now = 50;

		rate_init(&rate, rows[i].count, rows[i].period, 1, now);
		assert_int_equal(rate_due(&rate, now), now);
		for (int j = 0; j < 1000; j++) {
			assert_true(take(&rate, now));
			int64_t due = rate_due(&rate, now);
			assert_true(due > now);
			assert_false(take(&rate, due - 1));
			assert_int_equal(rate_due(&rate, due - 1), due);
			now = due;
		}
	}
}

static void what_is_reserved_does_not_come_on_top(void **state)
{
	struct rate rate;

	(void)state;
	rate_init(&rate, 10, SECOND, 3, 0);
	assert_true(rate_reserve(&rate, 0));
	assert_true(rate_reserve(&rate, 0));
	/* The connection takes its time; all three are there, one of them free. */
	assert_int_equal(rate_due(&rate, 9000), 9000);
	rate_take(&rate, 9000);
	rate_take(&rate, 9000);
	assert_int_equal(take_all(&rate, 9000), 1);
	assert_int_equal(rate_due(&rate, 9000), 9100);
}

static void what_is_released_is_there_at_once(void **state)
{
	struct rate rate;

	(void)state;
	rate_init(&rate, 1, HOUR, 1, 0);
	assert_true(rate_reserve(&rate, 0));
	assert_false(rate_reserve(&rate, 0));
	/* No time brings another one while this is not used. */
	assert_int_equal(rate_due(&rate, 0), INT64_MAX);
	assert_false(rate_reserve(&rate, 9 * HOUR));
	rate_release(&rate);
	assert_int_equal(take_all(&rate, 9 * HOUR), 1);
}

static void it_says_when_it_is_full(void **state)
{
	struct rate rate;

	(void)state;
	rate_init(&rate, 10, SECOND, 3, 0);
	assert_int_equal(rate_full(&rate, 5), 5);
	assert_int_equal(take_all(&rate, 5), 3);
	assert_int_equal(rate_full(&rate, 5), 305);
	assert_int_equal(rate_full(&rate, 304), 305);
	assert_int_equal(rate_full(&rate, 305), 305);
}

static void other_numbers_bring_no_token(void **state)
{
	struct rate rate;

	(void)state;
	rate_init(&rate, 10, SECOND, 3, 0);
	assert_true(take(&rate, 0));
	rate_change(&rate, 30, MINUTE, 100, 0);
	assert_int_equal(take_all(&rate, 0), 2);
	assert_int_equal(rate_due(&rate, 0), 2000);
	/* Two are reserved, and one is all that fits from now on. */
	assert_int_equal(rate_due(&rate, 4000), 2000 + 2000);
	assert_true(rate_reserve(&rate, 4000));
	assert_true(rate_reserve(&rate, 4000));
	rate_change(&rate, 10, SECOND, 1, 4000);
	assert_false(rate_reserve(&rate, 99999));
	rate_take(&rate, 99999);
	rate_take(&rate, 99999);
	assert_int_equal(rate_due(&rate, 99999), 99999 + 100);
	assert_int_equal(take_all(&rate, 999999), 1);
}

/* However it is used: from any moment on, burst and what the time brings, at most. */
static void no_use_takes_more(void **state)
{
	enum { TAKEN = 20000, BURST = 4 };
	static int64_t times[TAKEN];
	struct rate rate;
	int64_t now = 0;
	uint32_t chance = 1;
	int reserved = 0;

	(void)state;
	rate_init(&rate, 7, SECOND, BURST, now);
	for (size_t count = 0; count < TAKEN;) {
		chance = chance * 1664525 + 1013904223;
		switch (chance >> 30) {
		case 0:
			now += chance % 300;
			break;
		case 1:
			reserved += rate_reserve(&rate, now);
			break;
		case 2:
			if (reserved > 0) {
				reserved--;
				rate_take(&rate, now);
				times[count++] = now;
			}
			break;
		default:
			if (reserved > 0 && chance % 5 == 0) {
				reserved--;
				rate_release(&rate);
			}
		}
	}
	for (size_t i = 0; i < TAKEN; i++)
		for (size_t j = i; j < TAKEN && j < i + 200; j++)
			assert_true((int64_t)(j - i + 1) * 1000 <=
				    BURST * 1000 + (times[j] - times[i]) * 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tokens_come_with_the_time),
		cmocka_unit_test(nothing_drifts_over_days),
		cmocka_unit_test(what_is_due_is_there),
		cmocka_unit_test(what_is_reserved_does_not_come_on_top),
		cmocka_unit_test(what_is_released_is_there_at_once),
		cmocka_unit_test(it_says_when_it_is_full),
		cmocka_unit_test(other_numbers_bring_no_token),
		cmocka_unit_test(no_use_takes_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
