/* SPDX-License-Identifier: MIT */

/* Tests service/admission.c. */

#include "service/admission.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/memory.h"
#include "tests/support/cmocka.h"

/* Connections are no descriptors here, but for the tests that say so. */
static struct admission_guest guest_of(int64_t uid, int connection)
{
	return (struct admission_guest){ .connection = connection, .uid = uid };
}

static void finish(struct admission *admission)
{
	/* Nothing of it is ours to close. */
	admission->waiting_count = 0;
	admission_finish(admission);
}

static struct admission make(unsigned sessions, unsigned sessions_per_uid)
{
	struct config_limits limits = { .sessions = sessions,
		.sessions_per_uid = sessions_per_uid };
	struct admission admission = { 0 };

	admission_limit(&admission, &limits);
	return admission;
}

static enum admission_verdict arrive(
    struct admission *admission, const struct admission_guest *guest)
{
	struct admission_guest turned_away = { .connection = -1 };
	enum admission_verdict verdict = admission_arrive(admission, guest, &turned_away);

	if (verdict == ADMISSION_NOW)
		admission_enter(admission, guest->uid);
	if (verdict == ADMISSION_NEVER)
		assert_int_not_equal(turned_away.connection, -1);
	return verdict;
}

/* So many of this uid come; how many of them are served. */
static unsigned come(struct admission *admission, int64_t uid, unsigned count)
{
	unsigned served = 0;

	for (unsigned i = 0; i < count; i++) {
		struct admission_guest guest = guest_of(uid, 1000);

		served += arrive(admission, &guest) == ADMISSION_NOW;
	}
	return served;
}

static void a_flood_of_one_uid_delays_no_other(void **state)
{
	CLEANUP(finish) struct admission admission = make(100, 20);

	(void)state;
	assert_int_equal(come(&admission, 1000, 60), 20);
	assert_int_equal(admission.waiting_count, 40);
	assert_int_equal(come(&admission, 1001, 1), 1);
	assert_int_equal(come(&admission, -1, 21), 20);
	/* Others leave, and none of it helps him. */
	admission_leave(&admission, 1001);
	struct admission_guest guest;
	assert_false(admission_take(&admission, &guest));
	admission_leave(&admission, 1000);
	assert_true(admission_take(&admission, &guest));
	assert_int_equal(guest.uid, 1000);
	admission_enter(&admission, 1000);
	assert_false(admission_take(&admission, &guest));
}

static void the_last_places_are_for_those_who_have_none(void **state)
{
	CLEANUP(finish) struct admission admission = make(100, 20);

	(void)state;
	for (int64_t uid = 1; uid <= 4; uid++)
		assert_int_equal(come(&admission, uid, 60), 20);
	for (int64_t uid = 5; uid < 25; uid++)
		assert_int_equal(come(&admission, uid, 3), 1);
	assert_int_equal(admission.total, 100);
	assert_int_equal(come(&admission, 25, 1), 0);
	/* He has the fewest, so the next place is his. */
	struct admission_guest guest;
	assert_false(admission_take(&admission, &guest));
	admission_leave(&admission, 1);
	assert_true(admission_take(&admission, &guest));
	assert_int_equal(guest.uid, 25);
}

static void an_administrator_always_gets_in(void **state)
{
	CLEANUP(finish) struct admission admission = make(10, 2);
	struct admission_guest root = guest_of(0, 1000);

	(void)state;
	root.is_administrator = true;
	for (unsigned i = 0; i < 10; i++)
		assert_int_equal(arrive(&admission, &root), ADMISSION_NOW);
	/* A root from elsewhere is like anybody. */
	assert_int_equal(come(&admission, 1000, 1), 0);
	for (unsigned i = 0; i < ADMISSION_KEPT; i++)
		assert_int_equal(arrive(&admission, &root), ADMISSION_NOW);
	assert_int_equal(arrive(&admission, &root), ADMISSION_WAITS);
	admission_leave(&admission, 0);
	struct admission_guest guest;
	assert_true(admission_take(&admission, &guest));
	assert_int_equal(guest.uid, 0);
}

/* Who comes in when one of uid 1 leaves; 0: nobody. */
static int64_t replace_one(struct admission *admission)
{
	struct admission_guest guest;

	admission_leave(admission, 1);
	if (!admission_take(admission, &guest))
		return 0;
	admission_enter(admission, guest.uid);
	return guest.uid;
}

static void those_who_wait_take_turns(void **state)
{
	CLEANUP(finish) struct admission admission = make(10, 10);

	(void)state;
	/* The last two places are for those who have none. */
	assert_int_equal(come(&admission, 1, 12), 8);
	assert_int_equal(come(&admission, 2, 4), 1);
	assert_int_equal(come(&admission, 3, 4), 1);
	assert_int_equal(replace_one(&admission), 0);
	assert_int_equal(replace_one(&admission), 0);
	assert_int_equal(replace_one(&admission), 2);
	assert_int_equal(replace_one(&admission), 3);
	assert_int_equal(replace_one(&admission), 2);
	/* Now 1 and 3 have two each, and who of 1 waits is older. */
	assert_int_equal(replace_one(&admission), 1);
	assert_int_equal(admission.total, 8);
	assert_int_equal(come(&admission, 4, 1), 1);
}

static void of_one_uid_the_oldest_is_first(void **state)
{
	CLEANUP(finish) struct admission admission = make(100, 1);

	(void)state;
	assert_int_equal(come(&admission, 1000, 1), 1);
	for (int i = 0; i < 3; i++) {
		struct admission_guest guest = guest_of(1000, 50 + i);

		assert_int_equal(arrive(&admission, &guest), ADMISSION_WAITS);
	}
	admission_leave(&admission, 1000);
	/* Who comes when there is a place again is behind them all the same. */
	struct admission_guest late = guest_of(1000, 60);
	assert_int_equal(arrive(&admission, &late), ADMISSION_WAITS);
	for (int i = 0; i < 4; i++) {
		struct admission_guest guest;

		assert_true(admission_take(&admission, &guest));
		assert_int_equal(guest.connection, i < 3 ? 50 + i : 60);
	}
}

static void few_of_one_uid_wait(void **state)
{
	CLEANUP(finish) struct admission admission = make(100, 20);
	struct admission_guest turned_away = { 0 };
	struct admission_guest guest = guest_of(1000, 77);

	(void)state;
	(void)come(&admission, 1000, 500);
	assert_int_equal(admission.waiting_count, ADMISSION_WAITING_PER_UID);
	assert_int_equal(admission_arrive(&admission, &guest, &turned_away), ADMISSION_NEVER);
	assert_int_equal(turned_away.connection, 77);
	assert_int_equal(come(&admission, 1001, 500), 20);
	assert_int_equal(admission.waiting_count, 2 * ADMISSION_WAITING_PER_UID);
}

static void when_too_many_wait_the_flood_makes_room(void **state)
{
	CLEANUP(finish) struct admission admission = make(1, 1);
	struct admission_guest turned_away = { 0 };

	(void)state;
	assert_int_equal(come(&admission, 99, 1), 1);
	for (int64_t uid = 1; uid <= 4; uid++)
		(void)come(&admission, uid, ADMISSION_WAITING_PER_UID);
	assert_int_equal(admission.waiting_count, ADMISSION_WAITING);
	struct admission_guest guest = guest_of(5, 55);
	assert_int_equal(admission_arrive(&admission, &guest, &turned_away), ADMISSION_NEVER);
	assert_int_equal(turned_away.uid, 4);
	assert_int_equal(admission.waiting_count, ADMISSION_WAITING);
	assert_int_equal(admission.waiting[ADMISSION_WAITING - 1].connection, 55);
	/* It does not go on for ever: in the end all have the same. */
	for (int i = 0; i < 1000; i++)
		(void)admission_arrive(&admission, &guest, &turned_away);
	assert_int_equal(turned_away.uid, 5);
	assert_int_equal(admission.waiting_count, ADMISSION_WAITING);
}

static void nobody_waits_for_ever(void **state)
{
	CLEANUP(finish) struct admission admission = make(100, 1);
	struct admission_guest guest;

	(void)state;
	assert_int_equal(admission_deadline(&admission), CLOCK_NEVER);
	assert_int_equal(come(&admission, 1000, 1), 1);
	for (int i = 0; i < 2; i++) {
		guest = guest_of(1000, 50 + i);
		guest.came_at = 1000 + 500 * i;
		assert_int_equal(arrive(&admission, &guest), ADMISSION_WAITS);
	}
	assert_int_equal(admission_deadline(&admission), 11000);
	assert_false(admission_take_late(&admission, 10999, &guest));
	assert_true(admission_take_late(&admission, 11000, &guest));
	assert_int_equal(guest.connection, 50);
	assert_false(admission_take_late(&admission, 11000, &guest));
	assert_true(admission_take_any(&admission, &guest));
	assert_int_equal(guest.connection, 51);
	assert_false(admission_take_any(&admission, &guest));
}

static void who_has_left_waits_no_more(void **state)
{
	CLEANUP(admission_finish) struct admission admission = make(100, 1);
	int pairs[3][2];

	(void)state;
	assert_int_equal(come(&admission, 1000, 1), 1);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pairs[i]), 0);
		struct admission_guest guest = guest_of(1000, pairs[i][0]);
		assert_int_equal(arrive(&admission, &guest), ADMISSION_WAITS);
	}
	/* One is in a hurry, one has said all that it has to say, one is gone. */
	assert_int_equal(file_write_all(pairs[0][1], span_from_string("EHLO x\r\n")), 0);
	assert_int_equal(shutdown(pairs[1][1], SHUT_WR), 0);
	file_close(&pairs[2][1]);
	admission_forget_gone(&admission);
	assert_int_equal(admission.waiting_count, 2);
	assert_int_equal(admission.waiting[0].connection, pairs[0][0]);
	assert_int_equal(admission.waiting[1].connection, pairs[1][0]);
	file_close(&pairs[0][1]);
	file_close(&pairs[1][1]);
}

static void a_place_is_wanted_by_whom_it_helps(void **state)
{
	CLEANUP(finish) struct admission admission = make(10, 2);

	(void)state;
	assert_false(admission_wants(&admission, 1000));
	assert_int_equal(come(&admission, 1000, 3), 2);
	assert_int_equal(come(&admission, 1001, 1), 1);
	assert_true(admission_wants(&admission, 1000));
	assert_false(admission_wants(&admission, 1001));
	/* Then all are taken. */
	for (int64_t uid = 1; uid <= 7; uid++)
		assert_int_equal(come(&admission, uid, 1), 1);
	assert_int_equal(come(&admission, 8, 1), 0);
	assert_true(admission_wants(&admission, 1001));
}

static void the_limit_that_counts_is_named(void **state)
{
	CLEANUP(finish) struct admission admission = make(4, 2);
	char text[200];

	(void)state;
	(void)come(&admission, 1000, 2);
	(void)come(&admission, -1, 2);
	admission_explain(&admission, 1000, text, sizeof text);
	assert_non_null(strstr(text, "2 of 2 places for clients of uid 1000"));
	assert_non_null(strstr(text, "limits { sessions_per_uid }"));
	admission_explain(&admission, -1, text, sizeof text);
	assert_non_null(strstr(text, "2 of 2 places for clients of unknown uid"));
	admission_explain(&admission, 1001, text, sizeof text);
	assert_non_null(strstr(text, "4 of 4 places for clients are taken (limits"));
	assert_non_null(strstr(text, "limits { sessions }"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_flood_of_one_uid_delays_no_other),
		cmocka_unit_test(the_last_places_are_for_those_who_have_none),
		cmocka_unit_test(an_administrator_always_gets_in),
		cmocka_unit_test(those_who_wait_take_turns),
		cmocka_unit_test(of_one_uid_the_oldest_is_first),
		cmocka_unit_test(few_of_one_uid_wait),
		cmocka_unit_test(when_too_many_wait_the_flood_makes_room),
		cmocka_unit_test(nobody_waits_for_ever),
		cmocka_unit_test(who_has_left_waits_no_more),
		cmocka_unit_test(a_place_is_wanted_by_whom_it_helps),
		cmocka_unit_test(the_limit_that_counts_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
