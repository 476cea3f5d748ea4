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
	struct queue_file file = { .progress.attempts = 1 };

	(void)make_id(number, file.id);
	rates_wait(rates, smarthost, &file, 0);
}

static void check_next(struct rates *rates, int64_t now, unsigned want)
{
	char id[QUEUE_ID_SIZE];
	char wanted[QUEUE_ID_SIZE];

	if (want == 0) {
		assert_null(rates_next(rates, now, NULL, NULL, id));
		return;
	}
	assert_non_null(rates_next(rates, now, NULL, NULL, id));
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
	assert_int_equal(rates_due(&rates, 0, NULL, NULL), INT64_MAX);
	hold(&rates, &slow, 2);
	assert_int_equal(rates_due(&rates, 0, NULL, NULL), 60000);
	hold(&rates, &fast, 4);
	hold(&rates, &slow, 1);
	hold(&rates, &fast, 3);
	assert_int_equal(rates_waiting(&rates), 4);
	assert_int_equal(rates_waiting_at(&rates, slow.name), 2);
	assert_int_equal(rates_waiting_at(&rates, without.name), 0);
	assert_true(rates_has(&rates, make_id(2, id)));
	assert_true(rates_has(&rates, make_id(3, id)));
	assert_false(rates_has(&rates, make_id(5, id)));

	assert_int_equal(rates_due(&rates, 0, NULL, NULL), 100);
	check_next(&rates, 99, 0);
	check_next(&rates, 100, 3);
	assert_true(pass(&rates, &fast, 100));
	check_next(&rates, 100, 0);
	check_next(&rates, 200, 4);
	assert_true(pass(&rates, &fast, 200));
	assert_int_equal(rates_due(&rates, 200, NULL, NULL), 60000);
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
	assert_int_equal(rates_due(&rates, 5000, NULL, NULL), INT64_MAX);
	check_next(&rates, 5000, 0);
	rates_release(&rates, fast_name);
	assert_int_equal(rates_due(&rates, 5000, NULL, NULL), 5000);
	check_next(&rates, 5000, 1);
}

static bool is_open(const void *context, const char *smarthost)
{
	return strcmp(context, smarthost) == 0;
}

/* Without a rate too, and none waits for the room of another. */
static void some_wait_for_room(void **state)
{
	struct rates rates CLEANUP(rates_finish) = { 0 };
	char id[QUEUE_ID_SIZE];

	(void)state;
	hold(&rates, &without, 1);
	hold(&rates, &fast, 2);
	assert_int_equal(rates_full(&rates, 0), INT64_MAX);
	assert_int_equal(rates_due(&rates, 7, is_open, "nobody"), INT64_MAX);
	assert_null(rates_next(&rates, 7, is_open, "nobody", id));
	assert_int_equal(rates_due(&rates, 7, is_open, fast.name), 7);
	assert_string_equal(rates_next(&rates, 7, is_open, fast.name, id), fast.name);
	assert_null(rates_next(&rates, 7, is_open, fast.name, id));
	assert_int_equal(rates_due(&rates, 7, is_open, without.name), 7);
	check_next(&rates, 7, 1);
	/* Room is not enough where there is no token. */
	assert_true(pass(&rates, &fast, 7));
	hold(&rates, &fast, 3);
	assert_int_equal(rates_due(&rates, 7, is_open, fast.name), 107);
}

/* In turns between submitters, as everywhere: a flood of one delays no other. */
static void new_mail_waits_in_turns(void **state)
{
	struct rates rates CLEANUP(rates_finish) = { 0 };
	struct queue_file file = { .attributes.uid = 1000 };

	(void)state;
	for (unsigned number = 1; number <= 9; number++) {
		(void)make_id(number, file.id);
		file.attributes.uid = number == 9 ? 1001 : 1000;
		rates_wait(&rates, &without, &file, 0);
	}
	bool has_come = false;
	for (int i = 0; i < 2; i++) {
		char id[QUEUE_ID_SIZE];

		assert_non_null(rates_next(&rates, 0, NULL, NULL, id));
		has_come = has_come || strcmp(id, file.id) == 0;
	}
	assert_true(has_come);
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
		cmocka_unit_test(some_wait_for_room),
		cmocka_unit_test(new_mail_waits_in_turns),
		cmocka_unit_test(other_settings_count_from_then_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
