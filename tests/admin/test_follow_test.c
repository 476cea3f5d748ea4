/* SPDX-License-Identifier: MIT */

/* Tests admin/test_follow.c: has it been tried?  Lines as XQUEUE SHOW says them. */

#include "admin/test_follow.h"

#include <stdio.h>

#include "tests/support/cmocka.h"

static struct test_follow follow(const char *state, const char *reply)
{
	struct test_follow follow = { 0 };
	char line[200];

	assert_true(test_follow_line(&follow, span_from_string(" Message:    ID")));
	snprintf(line, sizeof line, " State:      %s", state);
	assert_true(test_follow_line(&follow, span_from_string(line)));
	assert_true(
	    test_follow_line(&follow, span_from_string(" Recipient:  b@far.example: waits")));
	if (reply != NULL) {
		snprintf(line, sizeof line, "             %s", reply);
		assert_true(test_follow_line(&follow, span_from_string(line)));
		assert_true(
		    test_follow_line(&follow, span_from_string("               fix:     words")));
	}
	assert_true(test_follow_line(&follow, span_from_string(" ")));
	assert_true(
	    test_follow_line(&follow, span_from_string(" Recipient: a field of the header")));
	assert_true(test_follow_line(&follow, span_from_string("             text")));
	return follow;
}

static void what_has_a_reply_was_tried(void **state)
{
	struct test_follow one = follow("deferred, 1 attempt, next in 32s", "450 4.2.0 later");

	(void)state;
	assert_true(test_follow_was_tried(&one));
	assert_string_equal(one.state, "deferred, 1 attempt, next in 32s");
	assert_string_equal(one.reply, "450 4.2.0 later\n  fix:     words\n");
}

static void what_is_being_tried_is_waited_for(void **state)
{
	struct test_follow active = follow("active, 1 attempt", "450 4.2.0 of the last time");
	struct test_follow incoming = follow("incoming, no attempt yet", "words");
	struct test_follow nothing = { 0 };

	(void)state;
	assert_false(test_follow_was_tried(&active));
	assert_false(test_follow_was_tried(&incoming));
	assert_false(test_follow_was_tried(&nothing));
	assert_true(test_follow_line(&nothing, (struct span){ 0 }));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_has_a_reply_was_tried),
		cmocka_unit_test(what_is_being_tried_is_waited_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
