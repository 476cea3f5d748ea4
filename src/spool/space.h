/* SPDX-License-Identifier: MIT */

/*
 * space - what the spool's file system has left, and what of it stays free
 *
 * A reserve is so many octets and so much per cent of all, whichever is less:
 * a small file system is not all reserve, and a large one that is nearly full
 * still takes the mail that says so.  Of inodes it is the same percentage, or
 * SPACE_INODES.  What the owner has to write about mail that was taken (marks,
 * replies, reports) asks for no leave.
 *
 * Does not know: whose mail it is.
 */

#ifndef SPOOL_SPACE_H
#define SPOOL_SPACE_H

#include <stdint.h>

#include "base/error.h"

enum {
	SPACE_INODES = 1000,
	SPACE_INTERVAL = 1 << 20, /* octets: how often whoever writes much asks again */
};

struct space {
	uint64_t size;	 /* octets, as the next */
	uint64_t left;	 /* for this process */
	uint64_t inodes; /* 0: the file system does not count them */
	uint64_t inodes_left;
};

struct space_reserve {
	uint64_t octets;  /* 0: none */
	unsigned percent; /* 0: none */
};

/* What the file system of this directory has.  -1: it does not say. */
int space_look(int directory, struct space *space);

/* May so many octets more be written?  -1: error says what is missing (452 4.3.1). */
int space_check(const struct space *space, const struct space_reserve *reserve, uint64_t wanted,
    struct error *error);

/* Both; where the file system does not say, writing will show. */
int space_ask(
    int directory, const struct space_reserve *reserve, uint64_t wanted, struct error *error);

#endif
