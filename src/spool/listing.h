/* SPDX-License-Identifier: MIT */

/*
 * listing - the queue IDs in the spool, in order
 */

#ifndef SPOOL_LISTING_H
#define SPOOL_LISTING_H

#include <stddef.h>

#include "base/error.h"
#include "spool/queue_id.h"

struct listing {
	char (*ids)[QUEUE_ID_SIZE]; /* owned */
	size_t count;
	size_t capacity;
};

/* Reads all names of queue_directory, oldest first; names that are no queue IDs are passed over. */
int listing_read(struct listing *listing, int queue_directory, struct error *error);
void listing_finish(struct listing *listing);

#endif
