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

/* The number of the one that is taken; UINT32_MAX when none is. */
static unsigned take(struct schedule *schedule, int64_t now)
{
	char id[QUEUE_ID_SIZE];
	unsigned number = 0;

	if (!schedule_take(schedule, now, id))
		return UINT32_MAX;
	assert_int_equal(sscanf(id, "%u", &number), 1);
	return number;
}

static void entries_come_by_due_time_then_by_age(void **state)
{
	struct schedule schedule = { 0 };
	char id[QUEUE_ID_SIZE];
	char previous[QUEUE_ID_SIZE] = "";
	int64_t last = -1;

	(void)state;
	for (unsigned i = 0; i < 2000; i++)
		schedule_add(&schedule, make_id(i * 7919 % 2003, id), (int64_t)random_below(50));
	for (unsigned i = 0; i < 2000; i++) {
		int64_t due = schedule_next(&schedule);

		assert_true(schedule_take(&schedule, 50, id));
		assert_true(due > last || (due == last && strcmp(id, previous) > 0));
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
	assert_false(schedule_has(&schedule, make_id(1, id)));
	assert_false(schedule_remove(&schedule, id));
	schedule_add(&schedule, id, 100);
	assert_true(schedule_has(&schedule, id));
	assert_int_equal(take(&schedule, 99), UINT32_MAX);
	assert_int_equal(take(&schedule, 100), 1);
	assert_false(schedule_has(&schedule, id));
	schedule_finish(&schedule);
}

static void what_is_added_again_moves(void **state)
{
	struct schedule schedule = { 0 };
	char id[QUEUE_ID_SIZE];

	(void)state;
	schedule_add(&schedule, make_id(1, id), 100);
	schedule_add(&schedule, id, 50);
	assert_int_equal(schedule.count, 1);
	assert_int_equal(schedule_next(&schedule), 50);
	schedule_add_new(&schedule, id, 1000);
	assert_int_equal(schedule.count, 1);
	assert_int_equal(schedule_next(&schedule), 0);
	schedule_add(&schedule, id, -5);
	assert_int_equal(schedule_next(&schedule), 0);
	assert_int_equal(take(&schedule, 0), 1);
	assert_int_equal(schedule.count, 0);
	schedule_finish(&schedule);
}

static void new_mail_of_many_does_not_delay_anothers_one(void **state)
{
	struct schedule schedule = { 0 };
	char id[QUEUE_ID_SIZE];

	(void)state;
	for (unsigned i = 0; i < 1000; i++)
		schedule_add_new(&schedule, make_id(i, id), 1000);
	for (unsigned i = 0; i < 100; i++)
		assert_int_equal(take(&schedule, 0), i);
	schedule_add_new(&schedule, make_id(5000, id), 1001);
	unsigned first = take(&schedule, 0);
	unsigned second = take(&schedule, 0);
	assert_true(first == 5000 || second == 5000);
	/* And once it has gone, the next of the same. */
	schedule_add_new(&schedule, make_id(5001, id), 1001);
	first = take(&schedule, 0);
	second = take(&schedule, 0);
	assert_true(first == 5001 || second == 5001);
	assert_int_equal(take(&schedule, 0), 102);
	schedule_finish(&schedule);
}

static void submitters_take_turns(void **state)
{
	enum { UIDS = 5, EACH = 40 };
	struct schedule schedule = { 0 };
	char id[QUEUE_ID_SIZE];

	(void)state;
	/* One after the other, so that the oldest are all of the first. */
	for (unsigned i = 0; i < UIDS * EACH; i++)
		schedule_add_new(&schedule, make_id(i, id), 1000 - (int64_t)(i / EACH));
	for (unsigned round = 0; round < EACH; round++)
		for (unsigned uid = 0; uid < UIDS; uid++)
			assert_int_equal(take(&schedule, 0), uid * EACH + round);
	assert_int_equal(take(&schedule, 0), UINT32_MAX);
	schedule_finish(&schedule);
}

static void new_and_tried_mail_take_turns(void **state)
{
	struct schedule schedule = { 0 };
	char id[QUEUE_ID_SIZE];

	(void)state;
	for (unsigned i = 0; i < 10000; i++)
		schedule_add(&schedule, make_id(i, id), 1000 + (i * 7919) % 10000);
	schedule_add_new(&schedule, make_id(20000, id), 1000);
	unsigned first = take(&schedule, 20000);
	unsigned second = take(&schedule, 20000);
	assert_true(first == 20000 || second == 20000);
	assert_true(first == 0 || second == 0);
	for (unsigned i = 0; i < 100; i++)
		schedule_add_new(&schedule, make_id(30000 + i, id), 1000);
	unsigned new_count = 0;
	for (unsigned i = 0; i < 200; i++)
		new_count += take(&schedule, 20000) >= 30000;
	assert_int_equal(new_count, 100);
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

/* ---- against a model that looks at everything each time ---- */

enum { IDS = 400, UIDS = 7 };

struct model {
	struct model_entry {
		bool is_here;
		bool is_new;
		int64_t due; /* or turn */
	} entries[IDS];
	int64_t turn;
	int64_t turns[UIDS];
	bool tried_is_next;
};

static size_t model_count(const struct model *model)
{
	size_t count = 0;

	for (unsigned i = 0; i < IDS; i++)
		count += model->entries[i].is_here;
	return count;
}

static void model_forget(struct model *model)
{
	if (model_count(model) != 0)
		return;
	model->turn = 0;
	memset(model->turns, 0, sizeof model->turns);
}

static void model_add(struct model *model, unsigned number, int64_t due)
{
	model->entries[number].is_here = false;
	model_forget(model);
	model->entries[number] = (struct model_entry){ true, false, due };
}

static void model_add_new(struct model *model, unsigned number, unsigned uid)
{
	model->entries[number].is_here = false;
	model_forget(model);
	if (model->turns[uid] < model->turn)
		model->turns[uid] = model->turn;
	model->entries[number] = (struct model_entry){ true, true, ++model->turns[uid] };
}

static unsigned model_first(const struct model *model, bool is_new, int64_t now)
{
	unsigned first = UINT32_MAX;

	for (unsigned i = 0; i < IDS; i++)
		if (model->entries[i].is_here && model->entries[i].is_new == is_new &&
		    (is_new || model->entries[i].due <= now) &&
		    (first == UINT32_MAX || model->entries[i].due < model->entries[first].due))
			first = i;
	return first;
}

static unsigned model_take(struct model *model, int64_t now)
{
	unsigned new_mail = model_first(model, true, now);
	unsigned tried = model_first(model, false, now);
	bool takes_tried = tried != UINT32_MAX && (new_mail == UINT32_MAX || model->tried_is_next);
	unsigned taken = takes_tried ? tried : new_mail;

	if (taken == UINT32_MAX)
		return taken;
	model->tried_is_next = !takes_tried;
	if (!takes_tried)
		model->turn = model->entries[taken].due;
	model->entries[taken].is_here = false;
	model_forget(model);
	return taken;
}

static void model_hasten(struct model *model, bool hastens_all, unsigned number, int64_t now)
{
	for (unsigned i = 0; i < IDS; i++)
		if ((hastens_all || i == number) && !model->entries[i].is_new &&
		    model->entries[i].due > now)
			model->entries[i].due = now;
}

static void check_tally(const struct schedule *schedule, const struct model *model, int64_t now)
{
	struct schedule_tally tally = schedule_tally(schedule, NULL, 0, now);
	struct schedule_tally expected = { .next = INT64_MAX };
	char ids[IDS][QUEUE_ID_SIZE];

	for (unsigned i = 0; i < IDS; i++) {
		const struct model_entry *entry = &model->entries[i];

		make_id(i, ids[i]);
		assert_int_equal(schedule_has(schedule, ids[i]), entry->is_here);
		if (!entry->is_here)
			continue;
		bool is_due = entry->is_new || entry->due <= now;
		expected.due += is_due;
		expected.later += !is_due;
		if (!is_due && entry->due < expected.next)
			expected.next = entry->due;
	}
	assert_memory_equal(&tally, &expected, sizeof tally);
	tally = schedule_tally(schedule, (const char(*)[QUEUE_ID_SIZE])ids, IDS, now);
	assert_memory_equal(&tally, &expected, sizeof tally);
	assert_int_equal(schedule->count, model_count(model));
}

static void do_one(struct schedule *schedule, struct model *model, int64_t now)
{
	unsigned number = (unsigned)random_below(IDS);
	unsigned uid = (unsigned)random_below(UIDS);
	int64_t due = (int64_t)random_below(1000);
	char id[QUEUE_ID_SIZE];

	make_id(number, id);
	switch (random_below(14)) {
	case 0:
	case 1:
	case 2:
		schedule_add(schedule, id, due);
		model_add(model, number, due);
		break;
	case 3:
	case 4:
	case 5:
		schedule_add_new(schedule, id, (int64_t)uid - 1);
		model_add_new(model, number, uid);
		break;
	case 6:
		assert_int_equal(schedule_remove(schedule, id), model->entries[number].is_here);
		model->entries[number].is_here = false;
		model_forget(model);
		break;
	case 7:
		schedule_hasten(schedule, (const char(*)[QUEUE_ID_SIZE])id, 1, now);
		model_hasten(model, false, number, now);
		break;
	case 8:
		if (random_below(20) != 0)
			break;
		schedule_hasten(schedule, NULL, 0, now);
		model_hasten(model, true, 0, now);
		break;
	default:
		assert_int_equal(take(schedule, now), model_take(model, now));
		break;
	}
}

static void it_does_what_its_model_does(void **state)
{
	(void)state;
	for (int run = 0; run < 30; run++) {
		struct schedule schedule = { 0 };
		struct model model = { 0 };
		int64_t now = 0;

		for (int i = 0; i < 2000; i++, now += i % 3 == 0) {
			do_one(&schedule, &model, now);
			if (i % 50 == 0)
				check_tally(&schedule, &model, now);
		}
		while (schedule.count != 0)
			assert_int_equal(take(&schedule, 1000), model_take(&model, 1000));
		assert_int_equal(model_count(&model), 0);
		schedule_finish(&schedule);
	}
}

/* Were anything of this the square of their number, it would take minutes. */
static void a_hundred_thousand_are_no_burden(void **state)
{
	enum { COUNT = 100000 };
	struct schedule schedule = { 0 };
	char id[QUEUE_ID_SIZE];

	(void)state;
	for (unsigned i = 0; i < COUNT; i++) {
		schedule_add(&schedule, make_id(i, id), i);
		assert_true(schedule_has(&schedule, id));
		/* As many submitters. */
		schedule_add_new(&schedule, make_id(COUNT + i, id), i);
	}
	for (unsigned i = 0; i < COUNT; i++) {
		make_id(i, id);
		schedule_hasten(&schedule, (const char(*)[QUEUE_ID_SIZE])id, 1, 0);
		assert_true(schedule_remove(&schedule, id));
	}
	for (unsigned i = 0; i < COUNT; i++)
		assert_int_equal(take(&schedule, 0), COUNT + i);
	assert_int_equal(schedule.count, 0);
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

static void a_clock_that_jumps_moves_what_waits_and_not_what_is_due(void **state)
{
	static const int64_t day = 86400000;
	struct schedule schedule = { 0 };
	char id[QUEUE_ID_SIZE];

	(void)state;
	for (unsigned i = 1; i <= 200; i++)
		schedule_add(&schedule, make_id(i, id), 2 * day + i);
	schedule_add(&schedule, make_id(300, id), 0);
	schedule_add(&schedule, make_id(301, id), INT64_MAX);
	schedule_add_new(&schedule, make_id(302, id), 1000);
	schedule_shift(&schedule, -day);
	unsigned first = take(&schedule, day);
	assert_int_equal(first + take(&schedule, day), 602);
	assert_int_equal(take(&schedule, day), UINT32_MAX);
	assert_int_equal(take(&schedule, day + 1), 1);
	schedule_shift(&schedule, 3 * day);
	assert_int_equal(take(&schedule, 4 * day + 1), UINT32_MAX);
	assert_int_equal(take(&schedule, 4 * day + 2), 2);
	/* Before 1970 is at once, and not new mail. */
	schedule_shift(&schedule, -9 * day);
	for (unsigned i = 3; i <= 200; i++)
		assert_int_equal(take(&schedule, 1), i);
	assert_int_equal(take(&schedule, 9 * day), UINT32_MAX);
	schedule_shift(&schedule, INT64_MAX);
	assert_int_equal(take(&schedule, INT64_MAX), 301);
	schedule_finish(&schedule);
}

static void attempts_tell_how_long_it_has_waited(void **state)
{
	static const int64_t steps[] = { 10, 100, 1000 };
	static const int64_t waited[] = { 0, 0, 10, 110, 1110, 2110, 3110 };

	(void)state;
	for (uint32_t i = 0; i < sizeof waited / sizeof waited[0]; i++)
		assert_int_equal(schedule_waited(steps, 3, i), waited[i]);
	static const int64_t long_steps[] = { INT64_MAX / 2 };
	assert_true(schedule_waited(long_steps, 1, UINT32_MAX) == INT64_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_clock_that_jumps_moves_what_waits_and_not_what_is_due),
		cmocka_unit_test(attempts_tell_how_long_it_has_waited),
		cmocka_unit_test(entries_come_by_due_time_then_by_age),
		cmocka_unit_test(nothing_is_taken_before_its_time),
		cmocka_unit_test(what_is_added_again_moves),
		cmocka_unit_test(new_mail_of_many_does_not_delay_anothers_one),
		cmocka_unit_test(submitters_take_turns),
		cmocka_unit_test(new_and_tried_mail_take_turns),
		cmocka_unit_test(what_is_hastened_is_due_and_stays_in_order),
		cmocka_unit_test(what_is_removed_is_gone_and_the_rest_stays_in_order),
		cmocka_unit_test(it_does_what_its_model_does),
		cmocka_unit_test(a_hundred_thousand_are_no_burden),
		cmocka_unit_test(retries_follow_the_list_and_stay_at_its_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
