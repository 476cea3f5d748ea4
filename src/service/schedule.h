/* SPDX-License-Identifier: MIT */

/*
 * schedule - which queue file is due next; pure
 *
 * New mail goes at once, in turns between its submitters: a thousand messages
 * of one do not delay another's.  What has been tried goes by due time, and of
 * those due at once the oldest first.  Where both wait, they take turns, so
 * that neither starves.
 *
 * New mail carries its turn where the rest has its due time: one that comes
 * gets the turn behind its submitter's last, or the next one if that has gone.
 * Forty octets a message; everything costs the logarithm of their number.
 *
 * Does not know: files, clocks, smarthosts.
 */

#ifndef SERVICE_SCHEDULE_H
#define SERVICE_SCHEDULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "spool/queue_id.h"

struct schedule_entry;
struct schedule_submitter;

/* Private: indexes of entries, the first to be taken at 0. */
struct schedule_heap {
	uint32_t *order; /* owned */
	size_t count;
};

/* Zeroed it is empty. */
struct schedule {
	size_t count; /* in all */
	/* Private: */
	struct schedule_entry *entries; /* owned, as the next */
	uint32_t *buckets;		/* chains of entries by their IDs */
	size_t capacity;		/* of entries, buckets and each heap; a power of two */
	uint32_t free;			/* a chain too */
	struct schedule_heap new_mail;
	struct schedule_heap tried;
	struct schedule_submitter *submitters; /* owned, by uid; of those with new mail */
	size_t submitter_count;
	size_t submitter_capacity;
	int64_t turn; /* of the new mail that was taken last */
	bool tried_is_next;
};

/* How many of them are due; when the next of the others is, or INT64_MAX. */
struct schedule_tally {
	size_t due;
	size_t later;
	int64_t next;
};

/* One that is here already moves.  Times are as clock_wall counts. */
void schedule_add(struct schedule *schedule, const char *id, int64_t due);

/* New mail of this uid (-1: nobody's that we know). */
void schedule_add_new(struct schedule *schedule, const char *id, int64_t uid);

bool schedule_has(const struct schedule *schedule, const char *id);

/* Of these, or of all when ids is NULL. */
struct schedule_tally schedule_tally(
    const struct schedule *schedule, const char (*ids)[QUEUE_ID_SIZE], size_t count, int64_t now);

/*
 * What was due later is due at now: these IDs, or all when ids is NULL.  Those
 * that are not here are passed over.
 */
void schedule_hasten(
    struct schedule *schedule, const char (*ids)[QUEUE_ID_SIZE], size_t count, int64_t now);

/* The clock by which they are due has jumped so far: they follow it, but for those due at once. */
void schedule_shift(struct schedule *schedule, int64_t jump);

/* The time of the next one; 0: new mail; INT64_MAX: there is none. */
int64_t schedule_next(const struct schedule *schedule);

/* Takes the first that is due at now.  False when none is. */
bool schedule_take(struct schedule *schedule, int64_t now, char id[static QUEUE_ID_SIZE]);

/* Takes this one out, whenever it is due.  False when it is not here. */
bool schedule_remove(struct schedule *schedule, const char *id);

void schedule_finish(struct schedule *schedule);

/*
 * When to try again after this many attempts, the first being 1: the step of
 * the list (its last one again and again) and up to a tenth more by chance.
 */
int64_t schedule_retry(const int64_t *steps, size_t count, uint32_t attempts, int64_t now);

/* How long a message has waited at least that was tried so often, whatever any clock says. */
int64_t schedule_waited(const int64_t *steps, size_t count, uint32_t attempts);

#endif
