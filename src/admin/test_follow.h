/* SPDX-License-Identifier: MIT */

/*
 * test_follow - a message that was queued, until it has been tried
 */

#ifndef ADMIN_TEST_FOLLOW_H
#define ADMIN_TEST_FOLLOW_H

#include <stdint.h>

#include "base/error.h"
#include "base/span.h"

enum test_follow_outcome {
	TEST_FOLLOW_GONE,  /* it is in the queue no more */
	TEST_FOLLOW_TRIED, /* it was tried, and waits: reply says why */
	TEST_FOLLOW_TIME,  /* the time is over; reply may say why */
	TEST_FOLLOW_BLIND, /* nobody who knows of it answers */
};

struct test_follow {
	char state[200];  /* "deferred, 1 attempt, next in 32s" */
	char reply[2000]; /* of the first recipient that has one; lines */
	bool is_in_reply;
};

/*
 * Looks again and again until there is an outcome; limit in milliseconds.
 * Asks a service that listens for all, else that of this spool, if one is named.
 */
enum test_follow_outcome test_follow_run(
    struct test_follow *follow, const char *spool, const char *id, int64_t limit);

/* One line of the answer to XQUEUE SHOW. */
bool test_follow_line(void *follow, struct span line);

/* An attempt has been made. */
bool test_follow_was_tried(const struct test_follow *follow);

#endif
