/* SPDX-License-Identifier: MIT */

/*
 * jumps - the wall clock is set, and what it has said before means another time
 *
 * A machine without a battery starts in 1970, and is told the time by the
 * network when mail waits already.  Due times in memory follow such a jump
 * (schedule_shift); the ages of what was received before it are counted by
 * the clock that does not jump.  So a jump is no reason to try, to warn or to
 * give up.  What is on disk keeps what it was told; a later service bounds it.
 *
 * Pure: it is told what the clocks say.
 */

#ifndef SERVICE_JUMPS_H
#define SERVICE_JUMPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	JUMPS_LIMIT = 8,    /* so many are remembered */
	JUMPS_LEAST = 2000, /* milliseconds: below that it is no jump, but a clock that is led */
};

struct jump {
	int64_t before; /* the wall clock when it jumped */
	int64_t by;
};

/* Zeroed before the first use. */
struct jumps {
	struct jump list[JUMPS_LIMIT]; /* the oldest first */
	size_t count;
	unsigned total; /* that ever were */
	bool is_watched;
	int64_t distance; /* of the two clocks, when they were looked at last */
};

/* How far the wall clock has jumped since the last look; 0: it has not. */
int64_t jumps_look(struct jumps *jumps, int64_t wall, int64_t monotonic);

/*
 * What the clock of today would have said at a moment for which that of then
 * said this, the first jumps (seen) being counted in already.  At most now: a
 * time to come is that of a clock that was wrong, and has been put right since.
 */
int64_t jumps_correct(const struct jumps *jumps, int64_t time, unsigned seen, int64_t now);

/* How far the clock is ahead of the one at the first look. */
int64_t jumps_ahead(const struct jumps *jumps);

#endif
