/* SPDX-License-Identifier: MIT */

/*
 * direct_log - what the log says of a message that goes out without a queue
 *
 * Every recipient has one event, as in a queue: sent, or bounced, which means
 * here that the caller was told; in doubt where nobody knows.
 */

#ifndef SERVICE_DIRECT_LOG_H
#define SERVICE_DIRECT_LOG_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "delivery/result.h"
#include "message/envelope.h"
#include "service/relay.h"
#include "service/store.h"

struct direct_log {
	const char *id;			 /* borrowed, like the next three */
	const struct envelope *envelope; /* of the whole message */
	const struct queue_attributes *attributes;
	const char *smarthost;
	struct relay relay;
	struct relay_times times;
	bool *is_told;	  /* of each recipient; owned */
	bool is_captured; /* what is delivered is in a Maildir, not sent (capture.h) */
};

void direct_log_init(struct direct_log *log, const char *id, const struct envelope *envelope,
    const struct queue_attributes *attributes);
void direct_log_finish(struct direct_log *log);

/* The message is whole. */
void direct_log_received(
    const struct direct_log *log, const struct store_wish *wish, uint64_t size);

/* A connection is asked for; name: its host and port. */
void direct_log_open(struct direct_log *log, const char *smarthost, const char *name);
/* Its session stands. */
void direct_log_ready(struct direct_log *log, const struct result *ready);
/* The message goes out on it. */
void direct_log_sent(struct direct_log *log);

void direct_log_result(struct direct_log *log, const char *address, const struct result *result);

/* Those of whom nothing was told: why; in_doubt: they may have it all the same. */
void direct_log_rest(struct direct_log *log, const struct error *why, bool in_doubt);

#endif
