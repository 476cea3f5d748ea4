/* SPDX-License-Identifier: MIT */

/* Tests service/relay.c: every moment of a delivery is counted once. */

#include "service/relay.h"

#include "base/memory.h"
#include "tests/support/cmocka.h"

static void every_moment_is_counted_once(void **state)
{
	static const struct row {
		const char *name;
		struct relay relay;
		struct relay_times times;
		int64_t age;
		int64_t now;
		struct event_delays delays;
	} rows[] = {
		{ "a new connection", { .opened = 1010, .ready = 1200 },
		    { .opened = 1000, .assigned = 1011, .sent = 1200 }, 800, 1300,
		    { 500, 11, 189, 100 } },
		{ "one that stood", { .opened = 10, .ready = 100, .freed = 900, .uses = 1 },
		    { .opened = 1000, .assigned = 1005, .sent = 1005 }, 300, 1300,
		    { 0, 5, 0, 295 } },
		{ "behind another", { .opened = 10, .ready = 100, .freed = 1200, .uses = 2 },
		    { .opened = 1000, .assigned = 1005, .sent = 1006 }, 300, 1300,
		    { 0, 200, 0, 100 } },
		{ "assigned while it was being made", { .opened = 900, .ready = 1200 },
		    { .opened = 1000, .assigned = 1100, .sent = 1200 }, 300, 1200,
		    { 100, 100, 100, 0 } },
		{ "never connected", { .opened = 1000 }, { .opened = 1000, .assigned = 1000 },
		    90000, 6000, { 85000, 0, 5000, 0 } },
		{ "nowhere", { 0 }, { 0 }, 90000, 6000, { 90000, 0, 0, 0 } },
		{ "a wall clock that went back", { .opened = 1000, .ready = 1100 },
		    { .opened = 1000, .assigned = 1000, .sent = 1100 }, -5000, 1300,
		    { 0, 0, 100, 200 } },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const struct row *row = &rows[i];
		struct event_delays delays;

		print_message("\t%s\n", row->name);
		relay_delays(&row->relay, &row->times, row->age, row->now, &delays);
		assert_int_equal(delays.queued, row->delays.queued);
		assert_int_equal(delays.waiting, row->delays.waiting);
		assert_int_equal(delays.connecting, row->delays.connecting);
		assert_int_equal(delays.sending, row->delays.sending);
	}
}

static void without_a_relay_all_is_waiting(void **state)
{
	const struct relay_times times = { .opened = 1000 };
	struct event_delays delays;

	(void)state;
	relay_delays(NULL, &times, 700, 1200, &delays);
	assert_int_equal(delays.queued, 500);
	assert_int_equal(delays.waiting, 200);
	assert_int_equal(delays.connecting, 0);
	assert_int_equal(delays.sending, 0);
}

static void what_is_known_of_a_connection_is_kept(void **state)
{
	struct relay relay CLEANUP(relay_finish) = { .name = memory_copy_string("x:25") };

	(void)state;
	relay_connected(&relay, "x:25 [192.0.2.1]", "TLSv1.3 A", 5);
	relay_used(&relay, 7);
	relay_used(&relay, 9);
	assert_string_equal(relay.name, "x:25 [192.0.2.1]");
	assert_string_equal(relay.security, "TLSv1.3 A");
	assert_int_equal(relay.ready, 5);
	assert_int_equal(relay.freed, 9);
	assert_int_equal(relay.uses, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_moment_is_counted_once),
		cmocka_unit_test(without_a_relay_all_is_waiting),
		cmocka_unit_test(what_is_known_of_a_connection_is_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
