/* SPDX-License-Identifier: MIT */

/*
 * direct - a received message is relayed while its caller waits
 *
 * For a machine without a spool: the message lies in memory (a memfd), one
 * worker carries it to the smarthost, and the answer is the smarthost's.
 * Nothing is kept, and every refusal says so.
 */

#ifndef SERVICE_DIRECT_H
#define SERVICE_DIRECT_H

#include "base/writer.h"
#include "config/config.h"
#include "service/store.h"
#include "service/stumbles.h"
#include "spool/queue_id.h"
#include "worker/worker.h"

struct direct_store {
	const struct config *config;  /* borrowed */
	struct worker_parent *parent; /* borrowed */
	int fd;			      /* -1: no message */
	char id[QUEUE_ID_SIZE];	      /* as the message is called */
	struct envelope envelope;
	struct writer *writer;
	uint64_t header_length;
	struct stumbles stumbles; /* of this caller's messages */
	int64_t latest; /* another way has cost time: its end (clock_monotonic); 0: none */
};

struct store direct_store_table(struct direct_store *store);
void direct_store_finish(struct direct_store *store);

#endif
