/* SPDX-License-Identifier: MIT */

/*
 * test_view - what a person sees of a test mail: the conversation, and what
 * it tells about the way that the mail took
 *
 * Knows the lines of smtp/client/transcript.h.
 */

#ifndef ADMIN_TEST_VIEW_H
#define ADMIN_TEST_VIEW_H

#include <stdbool.h>
#include <stdio.h>

#include "admin/test_share.h"
#include "base/error.h"
#include "base/span.h"

enum { TEST_VIEW_TEXT = 500 };

/* Moments are in milliseconds since the conversation began; -1: it did not come so far. */
struct test_facts {
	char relay[TEST_VIEW_TEXT];	 /* "smtp.example.com:587 [192.0.2.1]" */
	char security[TEST_VIEW_TEXT];	 /* "TLSv1.3 ..., certificate of ..." */
	char mechanism[32];		 /* of the login */
	char sender[TEST_VIEW_TEXT];	 /* in MAIL FROM */
	char recipients[TEST_VIEW_TEXT]; /* in RCPT TO */
	char reply[TEST_VIEW_TEXT];	 /* the last line of the last reply */
	bool was_auth;			 /* the last command was AUTH */
	int64_t connected;
	int64_t secured;
	int64_t logged_in;
	int64_t answered;
};

struct test_view {
	FILE *output;
	bool is_coloured;
	bool is_quiet; /* the conversation is not shown */
	bool is_shared;
	struct test_share share;
	struct test_facts facts;
};

void test_view_init(struct test_view *view, FILE *output, bool is_coloured);
void test_view_finish(struct test_view *view);

/* A line of the conversation. */
void test_view_line(struct test_view *view, struct span line);

enum test_view_tone { TEST_VIEW_PLAIN, TEST_VIEW_GOOD, TEST_VIEW_DOUBTFUL, TEST_VIEW_BAD };

/* Text of several lines, the first in this tone. */
void test_view_block(struct test_view *view, enum test_view_tone tone, struct span text);

/* What the conversation has shown, for a block. */
void test_view_facts(const struct test_facts *facts, struct buffer *text);

#endif
