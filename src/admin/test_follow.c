/* SPDX-License-Identifier: MIT */

#include "admin/test_follow.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/text.h"
#include "sendmail/query.h"

enum {
	FIRST_PAUSE = 50, /* milliseconds, between two looks; grows */
	LONGEST_PAUSE = 1000,
};

enum { WORDS_COLUMN = 12 }; /* of all that stands behind a label, or below one */

/* What was said of him stands below, indented; what is one part of it further. */
static void add_reply(struct test_follow *follow, struct span words)
{
	char *line CLEANUP(memory_free_string) = span_copy(span_after(words, WORDS_COLUMN));

	text_append(follow->reply, sizeof follow->reply, line);
	text_append(follow->reply, sizeof follow->reply, "\n");
}

bool test_follow_line(void *context, struct span line)
{
	static const char state[] = "State:";
	struct test_follow *follow = context;
	struct span words = span_after(line, line.length != 0);
	bool is_below = words.length > WORDS_COLUMN && span_starts_with(words, "            ");

	if (span_starts_with(words, state))
		text_copy_span(follow->state, sizeof follow->state,
		    span_trim(span_after(words, strlen(state))));
	if (is_below && follow->is_in_reply)
		add_reply(follow, words);
	if (!is_below)
		follow->is_in_reply = follow->reply[0] == '\0' &&
				      span_starts_with(words, "Recipient:");
	return true;
}

bool test_follow_was_tried(const struct test_follow *follow)
{
	return follow->reply[0] != '\0' && strncmp(follow->state, "active", 6) != 0 &&
	       strncmp(follow->state, "incoming", 8) != 0;
}

static bool ask(
    struct test_follow *follow, const char *spool, const char *command, struct reply *reply)
{
	struct error error;

	if (query_run_listening(command, test_follow_line, follow, reply, &error) == 0)
		return true;
	/* A caller with settings of its own is passed by there. */
	if (spool == NULL)
		return false;
	char *path CLEANUP(memory_free_string) = memory_format("%s/submit.sock", spool);
	return query_run_at(path, command, test_follow_line, follow, reply, &error) == 0;
}

/* 1: not yet. */
static int look(struct test_follow *follow, const char *spool, const char *command,
    enum test_follow_outcome *outcome)
{
	struct reply reply = { 0 };

	*follow = (struct test_follow){ 0 };
	if (!ask(follow, spool, command, &reply)) {
		*outcome = TEST_FOLLOW_BLIND;
		return 0;
	}
	if (reply.code / 100 != 2 || follow->state[0] == '\0') {
		*outcome = TEST_FOLLOW_GONE;
		return 0;
	}
	*outcome = TEST_FOLLOW_TRIED;
	return test_follow_was_tried(follow) ? 0 : 1;
}

enum test_follow_outcome test_follow_run(
    struct test_follow *follow, const char *spool, const char *id, int64_t limit)
{
	int64_t deadline = clock_deadline(limit);
	enum test_follow_outcome outcome = TEST_FOLLOW_BLIND;
	char command[80];

	snprintf(command, sizeof command, "XQUEUE SHOW %s", id);
	for (int pause = FIRST_PAUSE; look(follow, spool, command, &outcome) != 0;) {
		if (clock_monotonic() >= deadline)
			return TEST_FOLLOW_TIME;
		(void)poll(NULL, 0, pause);
		pause = pause < LONGEST_PAUSE ? 2 * pause : pause;
	}
	return outcome;
}
