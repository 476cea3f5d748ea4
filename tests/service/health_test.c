/* SPDX-License-Identifier: MIT */

/* Tests service/health.c. */

#include "service/health.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

static const int64_t steps[] = { 2000, 5000 };

enum { NOW = 1000000, LONG_STEP = 6000, WALL = 77 };

struct scene {
	struct health health;
	struct schedule released;
	unsigned worse;
	unsigned better;
	size_t waiting_at_change;
	enum health_state told;
};

static void hear(void *context, const struct health_entry *entry, bool is_up)
{
	struct scene *scene = context;

	if (is_up)
		scene->better++;
	else
		scene->worse++;
	scene->told = entry->state;
	scene->waiting_at_change = entry->waiting.count;
}

static int set_up(void **state)
{
	static struct scene scene;

	scene = (struct scene){ 0 };
	scene.health = (struct health){
		.tell = hear,
		.context = &scene,
		.released = &scene.released,
		.steps = steps,
		.step_count = 2,
	};
	*state = &scene;
	return 0;
}

static int tear_down(void **state)
{
	struct scene *scene = *state;

	health_finish(&scene->health);
	schedule_finish(&scene->released);
	return 0;
}

/* Its time is its number, so that they are in order. */
static const char *id_of(unsigned number)
{
	static char ids[8][QUEUE_ID_SIZE];
	static unsigned at;

	at = (at + 1) % 8;
	snprintf(ids[at], sizeof ids[at], "%025u", number);
	return ids[at];
}

static struct health_sign sign_of(enum health_sign_kind kind, enum health_state state)
{
	struct health_sign sign = { .kind = kind, .state = state, .words = "words" };

	return sign;
}

static void note(struct scene *scene, const char *sender, const char *id,
    enum health_sign_kind kind, enum health_state state, int64_t now)
{
	struct health_sign sign = sign_of(kind, state);

	health_note(&scene->health, "a", sender, id, &sign, now);
}

static void bad(struct scene *scene, const char *id, int64_t now)
{
	note(scene, NULL, id, HEALTH_SHOWS_BAD, HEALTH_DOWN, now);
}

static void waits(struct scene *scene, const char *sender, unsigned number, int64_t now)
{
	const struct health_entry *obstacle = health_obstacle(&scene->health, "a", sender, now);

	assert_non_null(obstacle);
	health_wait(&scene->health, obstacle, id_of(number), WALL + number);
}

/* The next probe, which begins. */
static unsigned take_probe(struct scene *scene, const char *sender, int64_t now)
{
	char id[QUEUE_ID_SIZE];
	unsigned number = 0;

	if (!health_take_probe(&scene->health, now, id))
		return 0;
	assert_true(health_may_try(&scene->health, "a", sender, id, now));
	health_begin(&scene->health, "a", sender, id);
	assert_int_equal(sscanf(id, "%u", &number), 1);
	return number;
}

static void one_probe_a_step(void **state)
{
	struct scene *scene = *state;
	struct health *health = &scene->health;

	assert_true(health_may_try(health, "a", NULL, id_of(1), NOW));
	health_begin(health, "a", NULL, id_of(1));
	bad(scene, id_of(1), NOW);
	assert_int_equal(scene->worse, 1);
	assert_false(health_may_try(health, "a", NULL, id_of(2), NOW));
	assert_true(health_may_try(health, "b", NULL, id_of(2), NOW));
	assert_int_equal(health_due(health), INT64_MAX);
	for (unsigned i = 2; i <= 200; i++)
		waits(scene, NULL, i, NOW);
	assert_int_equal(health_waiting(health), 199);
	assert_true(health_has(health, id_of(7)));
	int64_t due = health_due(health);
	assert_in_range(due, NOW + 2000, NOW + 2200);
	assert_int_equal(take_probe(scene, NULL, due - 1), 0);
	assert_int_equal(take_probe(scene, NULL, due), 2);
	/* While it is on its way no other goes. */
	assert_int_equal(take_probe(scene, NULL, due + LONG_STEP), 0);
	assert_false(health_may_try(health, "a", NULL, id_of(300), due + LONG_STEP));
	assert_int_equal(health_due(health), INT64_MAX);
	bad(scene, id_of(2), due);
	assert_in_range(health_due(health), due + 5000, due + 5500);
	assert_int_equal(scene->worse, 1);
	assert_int_equal(health_obstacle(health, "a", NULL, due)->failures, 2);
	due = health_due(health);
	assert_int_equal(take_probe(scene, NULL, due), 3);
	note(scene, NULL, id_of(3), HEALTH_SHOWS_GOOD, HEALTH_UP, due);
	assert_int_equal(scene->better, 1);
	assert_int_equal(scene->waiting_at_change, 197);
	assert_int_equal(health_waiting(health), 0);
	assert_int_equal(scene->released.count, 197);
	assert_true(health_may_try(health, "a", NULL, id_of(2), due));
	char id[QUEUE_ID_SIZE];
	for (unsigned i = 4; i <= 200; i++) {
		assert_true(schedule_take(&scene->released, 0, id));
		assert_string_equal(id, id_of(i));
	}
}

static void what_runs_beside_the_probe_moves_no_step(void **state)
{
	struct scene *scene = *state;
	struct health *health = &scene->health;

	bad(scene, id_of(1), NOW);
	bad(scene, id_of(2), NOW + 500);
	waits(scene, NULL, 3, NOW + 500);
	assert_in_range(health_due(health), NOW + 2000, NOW + 2200);
	assert_int_equal(health_obstacle(health, "a", NULL, NOW)->failures, 1);
	/* But what it says is heard. */
	note(scene, NULL, id_of(4), HEALTH_SHOWS_BAD, HEALTH_LOGIN_REFUSED, NOW);
	assert_int_equal(scene->worse, 2);
	assert_int_equal(scene->told, HEALTH_LOGIN_REFUSED);
}

static void a_probe_without_outcome_is_followed_by_another(void **state)
{
	struct scene *scene = *state;

	bad(scene, id_of(1), NOW);
	waits(scene, NULL, 2, NOW);
	waits(scene, NULL, 3, NOW);
	assert_int_equal(take_probe(scene, NULL, NOW + LONG_STEP), 2);
	note(scene, NULL, id_of(2), HEALTH_SHOWS_NOTHING, HEALTH_UP, NOW + LONG_STEP);
	assert_int_equal(take_probe(scene, NULL, NOW + LONG_STEP), 3);
	health_drop(&scene->health, id_of(3));
	assert_true(health_may_try(&scene->health, "a", NULL, id_of(2), NOW + LONG_STEP));
}

static void one_message_asks_one_smarthost(void **state)
{
	struct scene *scene = *state;
	struct health *health = &scene->health;
	struct health_sign bad_sign = sign_of(HEALTH_SHOWS_BAD, HEALTH_DOWN);

	bad(scene, id_of(1), NOW);
	health_note(health, "b", NULL, id_of(1), &bad_sign, NOW);
	health_begin(health, "a", NULL, id_of(2));
	assert_false(health_may_try(health, "a", NULL, id_of(3), NOW + LONG_STEP));
	/* It goes to the other one instead: the first may be asked by another. */
	health_begin(health, "b", NULL, id_of(2));
	assert_true(health_may_try(health, "a", NULL, id_of(3), NOW + LONG_STEP));
	health_begin(health, "a", NULL, id_of(3));
	/* Noted of one, it is no probe of any. */
	health_note(health, "c", NULL, id_of(3), &bad_sign, NOW);
	assert_true(health_may_try(health, "a", NULL, id_of(4), NOW + LONG_STEP));
}

static void one_message_is_not_the_probe_again_and_again(void **state)
{
	struct scene *scene = *state;
	int64_t now = NOW;

	bad(scene, id_of(9), now);
	waits(scene, NULL, 1, now);
	waits(scene, NULL, 2, now);
	for (unsigned i = 0; i < 4; i++) {
		now += LONG_STEP;
		assert_int_equal(take_probe(scene, NULL, now), 1 + i % 2);
		bad(scene, id_of(1 + i % 2), now);
		waits(scene, NULL, 1 + i % 2, now);
	}
	/* Alone it is. */
	assert_true(health_remove(&scene->health, id_of(1)));
	now += LONG_STEP;
	assert_int_equal(take_probe(scene, NULL, now), 2);
}

static void doubts_count_for_different_messages_in_a_row(void **state)
{
	struct scene *scene = *state;
	struct health *health = &scene->health;

	for (unsigned i = 0; i < 5; i++)
		note(scene, NULL, id_of(1), HEALTH_SHOWS_DOUBT, HEALTH_THROTTLED, NOW);
	note(scene, NULL, id_of(2), HEALTH_SHOWS_DOUBT, HEALTH_THROTTLED, NOW);
	note(scene, NULL, id_of(3), HEALTH_SHOWS_GOOD, HEALTH_UP, NOW);
	note(scene, NULL, id_of(1), HEALTH_SHOWS_DOUBT, HEALTH_THROTTLED, NOW);
	note(scene, NULL, id_of(2), HEALTH_SHOWS_DOUBT, HEALTH_THROTTLED, NOW);
	assert_true(health_may_try(health, "a", NULL, id_of(4), NOW));
	assert_int_equal(scene->worse + scene->better, 0);
	note(scene, NULL, id_of(3), HEALTH_SHOWS_DOUBT, HEALTH_THROTTLED, NOW);
	assert_false(health_may_try(health, "a", NULL, id_of(4), NOW));
	assert_int_equal(scene->told, HEALTH_THROTTLED);
	/* The doubt of a probe is enough for the next step. */
	waits(scene, NULL, 4, NOW);
	assert_int_equal(take_probe(scene, NULL, NOW + LONG_STEP), 4);
	note(scene, NULL, id_of(4), HEALTH_SHOWS_DOUBT, HEALTH_THROTTLED, NOW + LONG_STEP);
	assert_false(health_may_try(health, "a", NULL, id_of(5), NOW + LONG_STEP));
}

static void a_sender_is_held_alone(void **state)
{
	struct scene *scene = *state;
	struct health *health = &scene->health;

	assert_false(health_knows_senders(health, "a"));
	note(scene, "s", id_of(1), HEALTH_SHOWS_BAD, HEALTH_SENDER, NOW);
	assert_true(health_knows_senders(health, "a"));
	assert_false(health_knows_senders(health, "b"));
	assert_true(health_may_try(health, "a", NULL, id_of(2), NOW));
	assert_true(health_may_try(health, "a", "t", id_of(2), NOW));
	assert_false(health_may_try(health, "a", "s", id_of(2), NOW));
	waits(scene, "s", 2, NOW);
	waits(scene, "s", 3, NOW);
	/* What comes of others is nothing to it. */
	note(scene, "t", id_of(4), HEALTH_SHOWS_GOOD, HEALTH_UP, NOW);
	assert_int_equal(health_waiting(health), 2);
	assert_int_equal(take_probe(scene, "s", NOW + LONG_STEP), 2);
	note(scene, "s", id_of(2), HEALTH_SHOWS_GOOD, HEALTH_UP, NOW + LONG_STEP);
	assert_int_equal(scene->released.count, 1);
	assert_false(health_knows_senders(health, "a"));
}

static void a_sender_waits_for_its_smarthost(void **state)
{
	struct scene *scene = *state;
	struct health *health = &scene->health;

	note(scene, "s", id_of(1), HEALTH_SHOWS_BAD, HEALTH_SENDER, NOW);
	waits(scene, "s", 2, NOW);
	bad(scene, id_of(3), NOW + LONG_STEP);
	assert_int_equal(take_probe(scene, "s", NOW + LONG_STEP), 0);
	assert_in_range(health_due(health), NOW + LONG_STEP + 2000, NOW + LONG_STEP + 2200);
	assert_int_equal(take_probe(scene, "s", NOW + 2 * LONG_STEP), 2);
	/* Refused again, but by a smarthost that stands. */
	note(scene, "s", id_of(2), HEALTH_SHOWS_BAD, HEALTH_SENDER, NOW + 2 * LONG_STEP);
	assert_true(health_may_try(health, "a", "t", id_of(4), NOW + 2 * LONG_STEP));
	assert_false(health_may_try(health, "a", "s", id_of(4), NOW + 2 * LONG_STEP));
	assert_int_equal(scene->better, 1);
}

static void a_replaced_sender_is_remembered(void **state)
{
	struct scene *scene = *state;
	struct health *health = &scene->health;

	assert_false(health_is_replaced(health, "a", "s"));
	health_replace(health, "a", "s", NOW);
	assert_true(health_is_replaced(health, "a", "s"));
	assert_false(health_is_replaced(health, "b", "s"));
	assert_true(health_may_try(health, "a", "s", id_of(1), NOW));
	note(scene, "s", id_of(1), HEALTH_SHOWS_GOOD, HEALTH_UP, NOW);
	assert_true(health_is_replaced(health, "a", "s"));
	/* The other one may be refused as well. */
	note(scene, "s", id_of(1), HEALTH_SHOWS_BAD, HEALTH_SENDER, NOW);
	assert_false(health_may_try(health, "a", "s", id_of(2), NOW));
	note(scene, "s", id_of(1), HEALTH_SHOWS_GOOD, HEALTH_UP, NOW);
	assert_true(health_is_replaced(health, "a", "s"));
	assert_int_equal(scene->worse, 1);
	assert_int_equal(scene->better, 1);
}

static void so_many_senders_are_remembered(void **state)
{
	struct scene *scene = *state;
	struct health *health = &scene->health;
	char sender[16];

	bad(scene, id_of(1), NOW);
	for (unsigned i = 0; i <= HEALTH_SENDERS; i++) {
		snprintf(sender, sizeof sender, "s%u", i);
		note(scene, sender, id_of(1), HEALTH_SHOWS_BAD, HEALTH_SENDER, NOW);
		if (i == 0)
			waits(scene, sender, 2, NOW);
	}
	assert_int_equal(health->count, HEALTH_SENDERS);
	assert_true(health_may_try(health, "a", "s0", id_of(2), NOW));
	assert_false(health_may_try(health, "a", "s1", id_of(2), NOW));
	assert_int_equal(scene->released.count, 1);
}

static void hastened_it_is_still_one_probe(void **state)
{
	struct scene *scene = *state;
	struct health *health = &scene->health;

	bad(scene, id_of(1), NOW);
	for (unsigned i = 2; i < 100; i++)
		waits(scene, NULL, i, NOW);
	health_hasten(health, NULL, NOW);
	assert_int_equal(take_probe(scene, NULL, NOW), 2);
	assert_int_equal(take_probe(scene, NULL, NOW), 0);
	bad(scene, id_of(2), NOW);
	/* Who was named is the one; a second later, for somebody may name one after the other. */
	health_hasten(health, id_of(50), NOW + 1);
	assert_int_equal(take_probe(scene, NULL, NOW + 1), 0);
	assert_int_equal(take_probe(scene, NULL, NOW + HEALTH_HASTE), 50);
	assert_int_equal(take_probe(scene, NULL, NOW + HEALTH_HASTE), 0);
}

static void attention_is_paid_in_time(void **state)
{
	struct scene *scene = *state;
	struct health *health = &scene->health;
	char id[QUEUE_ID_SIZE];

	assert_int_equal(health_attention(health), INT64_MAX);
	bad(scene, id_of(1), NOW);
	waits(scene, NULL, 3, NOW);
	waits(scene, NULL, 2, NOW);
	assert_int_equal(health_attention(health), WALL + 2);
	assert_null(health_take_attention(health, WALL + 1, id));
	assert_non_null(health_take_attention(health, WALL + 3, id));
	assert_string_equal(id, id_of(2));
	assert_false(health_has(health, id_of(2)));
	assert_int_equal(health_attention(health), WALL + 3);
}

static void forgotten_all_are_released(void **state)
{
	struct scene *scene = *state;

	bad(scene, id_of(1), NOW);
	waits(scene, NULL, 2, NOW);
	health_replace(&scene->health, "a", "s", NOW);
	health_forget(&scene->health);
	assert_int_equal(scene->released.count, 1);
	assert_true(health_may_try(&scene->health, "a", NULL, id_of(1), NOW));
	assert_false(health_is_replaced(&scene->health, "a", "s"));
	bad(scene, id_of(1), NOW);
	assert_int_equal(scene->worse, 2);
}

int main(void)
{

	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(one_probe_a_step, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    what_runs_beside_the_probe_moves_no_step, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    a_probe_without_outcome_is_followed_by_another, set_up, tear_down),
		cmocka_unit_test_setup_teardown(one_message_asks_one_smarthost, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    one_message_is_not_the_probe_again_and_again, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    doubts_count_for_different_messages_in_a_row, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_sender_is_held_alone, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    a_sender_waits_for_its_smarthost, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_replaced_sender_is_remembered, set_up, tear_down),
		cmocka_unit_test_setup_teardown(so_many_senders_are_remembered, set_up, tear_down),
		cmocka_unit_test_setup_teardown(hastened_it_is_still_one_probe, set_up, tear_down),
		cmocka_unit_test_setup_teardown(attention_is_paid_in_time, set_up, tear_down),
		cmocka_unit_test_setup_teardown(forgotten_all_are_released, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
