/* SPDX-License-Identifier: MIT */

/*
 * schedule - which queue file is due next; pure
 *
 * A heap by due time; of those due, the oldest queue ID comes first.
 *
 * Does not know: files, clocks, smarthosts.
 */

#ifndef SERVICE_SCHEDULE_H
#define SERVICE_SCHEDULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "spool/queue_id.h"

struct schedule_entry {
	int64_t due; /* clock_wall */
	char id[QUEUE_ID_SIZE];
};

struct schedule {
	struct schedule_entry *entries; /* owned */
	size_t count;
	size_t capacity;
};

void schedule_add(struct schedule *schedule, const char *id, int64_t due);
bool schedule_has(const struct schedule *schedule, const char *id);

/*
 * What was due later is due at now: these IDs, or all when ids is NULL.  ids
 * come sorted; those that are not here are passed over.
 */
void schedule_hasten(
    struct schedule *schedule, const char (*ids)[QUEUE_ID_SIZE], size_t count, int64_t now);

/* The time of the next one; INT64_MAX when there is none. */
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

#endif
