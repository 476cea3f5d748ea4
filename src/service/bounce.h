/* SPDX-License-Identifier: MIT */

/*
 * bounce - whoever sent a message is told what became of it
 *
 * A report is a queue file of its own.  It is durable before the recipients
 * that it is about are marked.  Its queue ID follows from theirs: whoever comes
 * after a crash between the two finds it and makes no second one, and before it
 * goes out the marks are made up for (bounce_settle), so that it is not missed.
 *
 * It goes to the envelope sender; where that was a bare name, or is of this
 * host, to queue { bounce }, which an address there makes the place for all.
 * Nobody is told of a report, nor of a message without a sender.
 *
 * Does not know: when a recipient has failed, what becomes of the queue file.
 */

#ifndef SERVICE_BOUNCE_H
#define SERVICE_BOUNCE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "config/config.h"
#include "spool/queue_file.h"

enum {
	BOUNCE_REPORTS = 2,   /* at most, of one message at one time */
	BOUNCE_SMALL = 50000, /* octets of a message that is returned unasked (as Postfix) */
	BOUNCE_LARGE = 10 * (1 << 20), /* that is returned with RET=FULL */
};

struct bounce {
	char ids[BOUNCE_REPORTS][QUEUE_ID_SIZE]; /* of the reports that are due now */
	size_t count;
	bool is_untold; /* there are failures that nobody can be told of: they are not marked */
};

/*
 * Makes the reports that are owed in file, which is active, and marks its
 * recipients, synced.  -1: what is owed stays so; bounce holds what was made
 * before.
 */
int bounce_report(struct queue_file *file, const struct config *config, struct bounce *bounce,
    struct error *error);

/* The same for the delay of who waits, once for a message. */
int bounce_warn(struct queue_file *file, const struct config *config, struct bounce *bounce,
    struct error *error);

/*
 * Marks, synced, in the message that this report is about what a crash has left
 * unmarked.  To be called before the report is sent.
 */
int bounce_settle(const struct queue_file *report, struct error *error);

/* Something is owed. */
bool bounce_is_owed(const struct queue_file *file);

#endif
