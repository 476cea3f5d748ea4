/* SPDX-License-Identifier: MIT */

/*
 * queue_flush - waits until what was flushed is gone
 */

#ifndef ADMIN_QUEUE_FLUSH_H
#define ADMIN_QUEUE_FLUSH_H

#include "admin/queue_access.h"
#include "service/queue_requests.h"
#include "service/queue_selection.h"

/* How many of these (empty: of all) wait and are being delivered.  QUERY_NOBODY: no service. */
int queue_flush_count(const struct queue_access *access, const struct queue_selection *selection,
    struct queue_counts *counts, struct error *error);

/*
 * Waits until none of them is left (0), or, as an error, until nothing can be
 * sent any more before the time is over.  total is how many there were.
 * Progress goes to standard error if that is a terminal, the result to
 * standard output.
 */
int queue_flush_wait(const struct queue_access *access, const struct queue_selection *selection,
    size_t total, int64_t milliseconds, struct error *error);

#endif
