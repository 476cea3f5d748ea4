/* SPDX-License-Identifier: MIT */

/* Tests service/health_view.c. */

#include "service/health_view.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "tests/support/cmocka.h"

enum { NOW = 5000000 };

static const int64_t WALL = 1763878000000;
static const int64_t steps[] = { 60000 };

static void note(struct health *health, const char *sender, enum health_state state,
    const char *words, int64_t now)
{
	struct health_sign sign = { .kind = HEALTH_SHOWS_BAD, .state = state };

	snprintf(sign.words, sizeof sign.words, "%s", words);
	health_note(health, "a", sender, "0000000000000000000000001", &sign, now);
}

static char *view(const struct health *health, bool as_json, size_t limit)
{
	struct buffer lines = { 0 };

	buffer_init(&lines, limit);
	health_view_write(health, as_json, NOW, WALL, &lines);
	assert_false(lines.has_overflowed);
	return buffer_take_string(&lines);
}

static void nothing_is_nothing(void **state)
{
	struct health health = { .steps = steps, .step_count = 1 };
	struct health_sign good = { .kind = HEALTH_SHOWS_DOUBT, .state = HEALTH_DOWN };

	(void)state;
	health_note(&health, "a", NULL, "0000000000000000000000001", &good, NOW);
	health_replace(&health, "a", "x@y", NOW);
	char *text CLEANUP(memory_free_string) = view(&health, false, 1000);
	assert_string_equal(text, "");
	health_finish(&health);
}

static void what_is_paused_is_a_line(void **state)
{
	struct health health = { .steps = steps, .step_count = 1 };

	(void)state;
	setenv("TZ", "UTC0", 1);
	note(&health, "x@y", HEALTH_SENDER, "550 \"no\"", NOW);
	note(&health, NULL, HEALTH_LOGIN_REFUSED, "535 no", NOW - 100000);
	health_wait(&health, health_obstacle(&health, "a", NULL, NOW - 100000),
	    "0000000000000000000000002", 0);
	char *text CLEANUP(memory_free_string) = view(&health, false, 1000);
	assert_non_null(strstr(text, "-- smarthost a refuses the login since Sun Nov 23 06:05:00, "
				     "1 wait, next try in 0s: 535 no\n"));
	/* The smarthost first. */
	assert_non_null(strstr(text, "\n-- smarthost a refuses the sender x@y since "));
	char *json CLEANUP(memory_free_string) = view(&health, true, 1000);
	assert_non_null(strstr(json, "{\"smarthost\": \"a\", \"state\": \"login_refused\", "
				     "\"since\": 1763877900, \"waiting\": 1, \"next_try\": "));
	assert_non_null(strstr(json, "\"sender\": \"x@y\", \"state\": \"sender_refused\""));
	assert_non_null(strstr(json, "\"reason\": \"550 \\\"no\\\"\"}\n"));
	health_begin(&health, "a", NULL, "0000000000000000000000002");
	free(json);
	json = view(&health, true, 1000);
	assert_non_null(strstr(json, "\"next_try\": null, \"reason\": \"535 no\"}\n"));
	free(text);
	text = view(&health, false, 1000);
	assert_non_null(strstr(text, "1 wait, next try is on its way: 535 no\n"));
	health_finish(&health);
}

static void whole_lines_as_far_as_they_fit(void **state)
{
	struct health health = { .steps = steps, .step_count = 1 };
	char sender[32];

	(void)state;
	for (unsigned i = 0; i < 100; i++) {
		snprintf(sender, sizeof sender, "s%u@there.example", i);
		note(&health, sender, HEALTH_SENDER, "550 no", NOW);
	}
	for (size_t limit = 0; limit < 1000; limit += 37) {
		char *text CLEANUP(memory_free_string) = view(&health, true, limit);
		size_t length = strlen(text);

		assert_true(length <= limit);
		assert_true(length == 0 || text[length - 1] == '\n');
	}
	health_finish(&health);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_nothing),
		cmocka_unit_test(what_is_paused_is_a_line),
		cmocka_unit_test(whole_lines_as_far_as_they_fit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
