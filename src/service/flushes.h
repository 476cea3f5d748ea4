/* SPDX-License-Identifier: MIT */

/*
 * flushes - who has asked lately that his mail be tried now; pure
 *
 * A uid may ask every FLUSHES_PAUSE.  The table is of fixed size: while it is
 * full of those who have just asked, others wait as if they had.
 */

#ifndef SERVICE_FLUSHES_H
#define SERVICE_FLUSHES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FLUSHES_PAUSE = 10000 /* milliseconds */, FLUSHES_LIMIT = 64 };

/* Zeroed before the first use. */
struct flushes {
	struct flushes_entry {
		int64_t uid;
		int64_t at; /* clock_monotonic */
	} entries[FLUSHES_LIMIT];
	size_t count;
};

/* Whether it may, and then it has.  False: *ago is how long ago it last did. */
bool flushes_begin(struct flushes *flushes, int64_t uid, int64_t now, int64_t *ago);

#endif
