/* SPDX-License-Identifier: MIT */

/*
 * test_share - a transcript that may be shown to strangers
 *
 * Addresses, host names, domains and network addresses are replaced, each
 * always by the same: user1@domain1.example, host2.example, 192.0.2.3.  So
 * one still sees which of them are the same.
 *
 * Does not know: what the lines are.
 */

#ifndef ADMIN_TEST_SHARE_H
#define ADMIN_TEST_SHARE_H

#include "base/buffer.h"
#include "base/span.h"

enum { TEST_SHARE_LIMIT = 200 }; /* names that are told apart */

struct test_share {
	char *names[TEST_SHARE_LIMIT]; /* in small letters; owned */
	size_t count;
};

void test_share_finish(struct test_share *share);

/* This word, without a dot, is a name, too: that of this machine. */
void test_share_know(struct test_share *share, const char *name);

/* Appends the text with all names replaced. */
void test_share_mask(struct test_share *share, struct span text, struct buffer *output);

#endif
