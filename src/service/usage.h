/* SPDX-License-Identifier: MIT */

/*
 * usage - how much of the queue is whose; pure
 *
 * Each message that waits is counted once, under the uid of its submitter,
 * from the moment that the service knows of it until its file is gone.  Our
 * own reports are nobody's, and not counted.
 *
 * Does not know: files, limits, who asks.
 */

#ifndef SERVICE_USAGE_H
#define SERVICE_USAGE_H

#include <stddef.h>
#include <stdint.h>

struct usage_figures {
	uint64_t messages;
	uint64_t octets; /* of the messages: header and body */
};

/* Zeroed before the first use. */
struct usage {
	struct usage_entry {
		int64_t uid;
		struct usage_figures figures;
	} * entries; /* owned; by uid, only those who have something waiting */
	size_t count;
	size_t room;
};

void usage_finish(struct usage *usage);

/* A message of this uid (-1: unknown) waits, or does no longer. */
void usage_add(struct usage *usage, int64_t uid, uint64_t octets);
void usage_remove(struct usage *usage, int64_t uid, uint64_t octets);

/* One is gone whose size nobody can tell any more: a mean one is taken off. */
void usage_forget(struct usage *usage, int64_t uid);

struct usage_figures usage_of(const struct usage *usage, int64_t uid);

#endif
