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

static void what_is_hastened_is_due_and_stays_in_order(void **state)
{
	char ids[500][QUEUE_ID_SIZE];
	char id[QUEUE_ID_SIZE];

	(void)state;
	for (size_t count = 0; count <= 1001; count += 7) {
		struct schedule schedule = { 0 };
		size_t chosen = 0;
		size_t taken = 0;

		/* Every third is asked for, and some that are not there. */
		for (unsigned i = 0; i < count; i++) {
			schedule_add(
			    &schedule, make_id(2 * i, id), 1000 + (int64_t)random_below(50));
			if (i % 3 == 0 && chosen < 400)
				make_id(2 * i, ids[chosen++]);
		}
		make_id(999999, ids[chosen]);
		schedule_add(&schedule, make_id(5, id), 3);
		schedule_hasten(&schedule, (const char(*)[QUEUE_ID_SIZE])ids, chosen + 1, 100);
		/* What was due before stays so. */
		assert_int_equal(schedule_next(&schedule), 3);
		assert_true(schedule_take(&schedule, 100, id));
		while (schedule_take(&schedule, 100, id))
			assert_string_equal(id, ids[taken++]);
		assert_int_equal(taken, chosen);
		schedule_hasten(&schedule, NULL, 0, 100);
		assert_int_equal(schedule_next(&schedule), schedule.count != 0 ? 100 : INT64_MAX);
		char previous[QUEUE_ID_SIZE] = "";
		while (schedule_take(&schedule, 100, id)) {
			assert_true(strcmp(previous, id) < 0);
			memcpy(previous, id, sizeof id);
			taken++;
		}
		assert_int_equal(taken, count);
		schedule_finish(&schedule);
	}
}

static void what_is_removed_is_gone_and_the_rest_stays_in_order(void **state)
{
	enum { COUNT = 300 };

	(void)state;
	for (unsigned removed = 0; removed < COUNT; removed += 7) {
		struct schedule schedule = { 0 };
		char id[QUEUE_ID_SIZE];
		char gone[QUEUE_ID_SIZE];
		char previous[QUEUE_ID_SIZE] = "";
		int64_t last = -1;

		for (unsigned i = 0; i < COUNT; i++)
			schedule_add(
			    &schedule, make_id(i, id), (int64_t)((i * 37 + removed) % 101));
		make_id(removed, gone);
		assert_true(schedule_remove(&schedule, gone));
		assert_false(schedule_remove(&schedule, gone));
		for (unsigned i = 0; i < COUNT - 1; i++) {
			int64_t due = schedule_next(&schedule);

			assert_true(schedule_take(&schedule, 101, id));
			assert_string_not_equal(id, gone);
			assert_true(due > last || (due == last && strcmp(id, previous) > 0));
			last = due;
			memcpy(previous, id, sizeof id);
		}
		assert_false(schedule_take(&schedule, 101, id));
		schedule_finish(&schedule);
	}
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
		cmocka_unit_test(what_is_hastened_is_due_and_stays_in_order),
		cmocka_unit_test(what_is_removed_is_gone_and_the_rest_stays_in_order),
		cmocka_unit_test(retries_follow_the_list_and_stay_at_its_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
