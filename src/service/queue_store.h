/* SPDX-License-Identifier: MIT */

/*
 * queue_store - a received message goes into the spool
 *
 * Runs in the receive process.  "250" is said when the queue file is durable;
 * where the caller waits for the outcome, when the service has told it or
 * wait_limit is over.  Needs nothing but the queue directory: a service that
 * has gone meanwhile finds the file at its next start, or is told of it (successor.h).
 */

#ifndef SERVICE_QUEUE_STORE_H
#define SERVICE_QUEUE_STORE_H

#include "base/channel.h"
#include "config/config.h"
#include "service/board.h"
#include "service/store.h"

struct queue_store {
	int queue_directory;	 /* borrowed */
	const char *spool;	 /* borrowed; where the next service listens, too */
	struct channel *service; /* borrowed; its fd is negative without a service */
	struct board *board;	 /* borrowed; NULL: nobody counts what waits */
	size_t place;		 /* on the board */
	int64_t uid;		 /* of the client; -1 unknown */
	bool has_no_quota;	 /* it is an administrator */
	const struct config_limits *limits;
	bool waits_by_default;	/* for the outcome, where the caller did not say */
	int64_t wait_limit;	/* milliseconds */
	int64_t first_step;	/* of the retry list, milliseconds: for mail that is queued alone */
	struct queue_file file; /* the draft */
	uint64_t octets;	/* written to it */
	uint64_t asked_at;	/* of these: then it was looked whether there is room for more */
	struct error fault;	/* there was none, and the draft is gone */
	bool has_fault;
};

/* A table that works on store, which must outlive it. */
struct store queue_store_table(struct queue_store *store, const char *way);

#endif
