/* SPDX-License-Identifier: MIT */

/*
 * split - the recipients of one attempt, in as many transactions as it takes
 *
 * A recipient is left, or in a part that is on its way, or has its fate:
 *
 *	left -> in a part [-> left, for the next part] -> settled
 *
 * Parts are taken in the order of the envelope.
 *
 * Does not know: transactions, why there is a limit.
 */

#ifndef WORKER_SPLIT_H
#define WORKER_SPLIT_H

#include <stdbool.h>
#include <stddef.h>

#include "message/envelope.h"

struct split {
	const struct envelope *envelope; /* borrowed */
	bool *is_left;			 /* owned; one a recipient */
	size_t first;			 /* nobody is left before this one */
	size_t left;
	size_t unsettled;
};

/* Some of the recipients; the strings are those of the whole envelope. */
struct split_part {
	struct envelope envelope;
	size_t *indices; /* of each of its recipients in the whole; owned */
};

/* All recipients are left; from the first part on the envelope is not to change. */
void split_init(struct split *split, const struct envelope *envelope);
void split_finish(struct split *split);

/* The first that are left, limit at most (0: all of them), which are not left any more. */
void split_take(struct split *split, size_t limit, struct split_part *part);
void split_finish_part(struct split_part *part);

/* This one was in a part, and is for another. */
void split_put_back(struct split *split, size_t recipient);

/* This one has its fate. */
void split_settle(struct split *split);

/* How many parts those make that are left. */
size_t split_parts(const struct split *split, size_t limit);

#endif
