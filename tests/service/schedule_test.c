/* SPDX-License-Identifier: MIT */

/* Tests service/schedule.c. */

#include "service/schedule.h"

#include <stdio.h>
#include <string.h>

#include "base/random.h"
#include "tests/support/cmocka.h"

static const char *make_id(unsigned number, char id[static QUEUE_ID_SIZE])
{
	snprintf(id, QUEUE_ID_SIZE, "%025u", number);
	return id;
}

static void entries_come_by_due_time_then_by_age(void **state)
{
	struct schedule schedule = { 0 };
	char id[QUEUE_ID_SIZE];
	char previous[QUEUE_ID_SIZE] = "";
	int64_t last = -1;

	(void)state;
	for (unsigned i = 0; i < 2000; i++)
		schedule_add(&schedule, make_id((unsigned)random_below(1000000), id),
		    (int64_t)random_below(50));
	for (unsigned i = 0; i < 2000; i++) {
		int64_t due = schedule_next(&schedule);

		assert_true(schedule_take(&schedule, 50, id));
		assert_true(due > last || (due == last && strcmp(id, previous) >= 0));
		last = due;
		memcpy(previous, id, sizeof id);
	}
	assert_false(schedule_take(&schedule, 50, id));
	assert_true(schedule_next(&schedule) == INT64_MAX);
	schedule_finish(&schedule);
}

static void nothing_is_taken_before_its_time(void **state)
{
	struct schedule schedule = { 0 };
	char id[QUEUE_ID_SIZE];

	(void)state;
	schedule_add(&schedule, make_id(1, id), 100);
	assert_true(schedule_has(&schedule, id));
	assert_false(schedule_take(&schedule, 99, id));
	assert_true(schedule_take(&schedule, 100, id));
	assert_string_equal(id, "0000000000000000000000001");
	assert_false(schedule_has(&schedule, id));
	schedule_finish(&schedule);
}

static void retries_follow_the_list_and_stay_at_its_end(void **state)
{
	static const int64_t steps[] = { 30000, 120000, 600000 };
	static const struct row {
		uint32_t attempts;
		int64_t step;
	} rows[] = { { 1, 30000 }, { 2, 120000 }, { 3, 600000 }, { 4, 600000 },
		{ 4000000, 600000 } };

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		int64_t due = schedule_retry(steps, 3, rows[i].attempts, 1000);

		assert_in_range(due, 1000 + rows[i].step, 1000 + rows[i].step + rows[i].step / 10);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(entries_come_by_due_time_then_by_age),
		cmocka_unit_test(nothing_is_taken_before_its_time),
		cmocka_unit_test(retries_follow_the_list_and_stay_at_its_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
