/* SPDX-License-Identifier: MIT */

/*
 * changes - what clients want done to the queue, done by the service that runs it
 *
 * Does not know: clients, their channels.
 */

#ifndef SERVICE_CHANGES_H
#define SERVICE_CHANGES_H

#include "service/queue_change.h"
#include "service/queue_requests.h"
#include "service/runner.h"

/* Changes one message, on disk and in the schedule. */
void changes_make(struct runner *runner, const struct queue_viewer *viewer, const char *id,
    enum queue_verb verb, struct queue_change *change);

/* What waits and what runs: of these (sorted), or all when ids is NULL. */
void changes_count(const struct runner *runner, const char (*ids)[QUEUE_ID_SIZE], size_t count,
    struct queue_counts *counts);

#endif
