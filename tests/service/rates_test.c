/* SPDX-License-Identifier: MIT */

/* Tests service/rates.c. */

#include "service/rates.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "tests/support/cmocka.h"

static char slow_name[] = "slow";
static char fast_name[] = "fast";
static char free_name[] = "free";

static const struct smarthost slow = {
	.name = slow_name, .rate = 1, .rate_period = 60000, .burst = 2
};
static const struct smarthost fast = {
	.name = fast_name, .rate = 10, .rate_period = 1000, .burst = 1
};
static const struct smarthost without = { .name = free_name, .burst = 1 };

static const char *make_id(unsigned number, char id[static QUEUE_ID_SIZE])
{
	snprintf(id, QUEUE_ID_SIZE, "%025u", number);
	return id;
}

static bool pass(struct rates *rates, const struct smarthost *smarthost, int64_t now)
{
	bool has_token;

	if (!rates_reserve(rates, smarthost, now, &has_token))
		return false;
	assert_int_equal(has_token, smarthost->rate != 0);
	if (has_token)
		rates_take(rates, smarthost->name, now);
	return true;
}

static void hold(struct rates *rates, const struct smarthost *smarthost, unsigned number)
{
	char id[QUEUE_ID_SIZE];

	rates_wait(rates, smarthost->name, make_id(number, id));
}

static void check_next(struct rates *rates, int64_t now, unsigned want)
{
	char id[QUEUE_ID_SIZE];
	char wanted[QUEUE_ID_SIZE];

	if (want == 0) {
		assert_false(rates_next(rates, now, id));
		return;
	}
	assert_true(rates_next(rates, now, id));
	assert_string_equal(id, make_id(want, wanted));
}

static void each_smarthost_has_its_own(void **state)
{
	struct rates rates CLEANUP(rates_finish) = { 0 };

	(void)state;
	assert_int_equal(rates_full(&rates, 0), INT64_MAX);
	assert_true(pass(&rates, &slow, 0));
	assert_true(pass(&rates, &slow, 0));
	assert_false(pass(&rates, &slow, 0));
	assert_true(pass(&rates, &fast, 0));
	assert_false(pass(&rates, &fast, 99));
	assert_true(pass(&rates, &fast, 100));
	for (int i = 0; i < 100; i++)
		assert_true(pass(&rates, &without, 0));
	assert_int_equal(rates.count, 2);
	/* The slowest says when all is forgotten. */
	assert_int_equal(rates_full(&rates, 100), 120000);
	assert_int_equal(rates_full(&rates, 120000), INT64_MAX);
}

static void nobody_waits_for_the_rate_of_another(void **state)
{
	struct rates rates CLEANUP(rates_finish) = { 0 };
	char id[QUEUE_ID_SIZE];

	(void)state;
	while (pass(&rates, &slow, 0) || pass(&rates, &fast, 0))
		;
	assert_int_equal(rates_due(&rates, 0), INT64_MAX);
	hold(&rates, &slow, 2);
	assert_int_equal(rates_due(&rates, 0), 60000);
	hold(&rates, &fast, 4);
	hold(&rates, &slow, 1);
	hold(&rates, &fast, 3);
	assert_int_equal(rates_waiting(&rates), 4);
	assert_true(rates_has(&rates, make_id(2, id)));
	assert_true(rates_has(&rates, make_id(3, id)));
	assert_false(rates_has(&rates, make_id(5, id)));

	assert_int_equal(rates_due(&rates, 0), 100);
	check_next(&rates, 99, 0);
	check_next(&rates, 100, 3);
	assert_true(pass(&rates, &fast, 100));
	check_next(&rates, 100, 0);
	check_next(&rates, 200, 4);
	assert_true(pass(&rates, &fast, 200));
	assert_int_equal(rates_due(&rates, 200), 60000);
	check_next(&rates, 60000, 1);
	assert_int_equal(rates_waiting(&rates), 1);
}

/* The connection is being made: whoever waits is not woken before that is over. */
static void all_that_is_reserved_wakes_nobody(void **state)
{
	struct rates rates CLEANUP(rates_finish) = { 0 };
	bool has_token;

	(void)state;
	assert_true(rates_reserve(&rates, &fast, 0, &has_token));
	hold(&rates, &fast, 1);
	assert_int_equal(rates_due(&rates, 5000), INT64_MAX);
	check_next(&rates, 5000, 0);
	rates_release(&rates, fast_name);
	assert_int_equal(rates_due(&rates, 5000), 5000);
	check_next(&rates, 5000, 1);
}

static void other_settings_count_from_then_on(void **state)
{
	struct smarthost changed = slow;
	struct schedule schedule = { 0 };
	struct rates rates CLEANUP(rates_finish) = { 0 };
	char id[QUEUE_ID_SIZE];

	(void)state;
	while (pass(&rates, &slow, 0))
		;
	hold(&rates, &slow, 7);
	rates_forget(&rates, &schedule);
	assert_int_equal(rates_waiting(&rates), 0);
	assert_true(schedule_take(&schedule, 0, id));
	changed.rate = 60;
	assert_false(pass(&rates, &changed, 0));
	assert_true(pass(&rates, &changed, 1000));
	assert_false(pass(&rates, &changed, 1000));
	changed.rate = 0;
	assert_true(pass(&rates, &changed, 1000));
	schedule_finish(&schedule);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_smarthost_has_its_own),
		cmocka_unit_test(nobody_waits_for_the_rate_of_another),
		cmocka_unit_test(all_that_is_reserved_wakes_nobody),
		cmocka_unit_test(other_settings_count_from_then_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
