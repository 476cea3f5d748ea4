/* SPDX-License-Identifier: MIT */

/*
 * legs - one attempt, smarthost by smarthost
 *
 * Recipients of one message may have different routes.  All who go to the same
 * smarthost are a leg; the legs go one after the other, and one who has an
 * answer from a server is in no other leg of this attempt.  One whose
 * smarthost could not be used at all has the next of his route:
 *
 *	legs_choose -> (the leg runs) legs_settle... -> legs_end -> legs_choose ...
 *
 * Who may have been delivered (in doubt) has the first of his route alone.
 *
 * Does not know: requests, why a smarthost may not be used.
 */

#ifndef SERVICE_LEGS_H
#define SERVICE_LEGS_H

#include <stdbool.h>
#include <stddef.h>

#include "config/config.h"
#include "spool/queue_file.h"

struct legs {
	/* Of each recipient: where in his route it goes on; owned. */
	unsigned char *next;
	unsigned char *at; /* the one of the leg; owned */
	bool *is_member;   /* of the leg; owned */
	bool *is_settled;  /* an answer has come; owned */
	size_t count;
};

/* For all of file's recipients, from the beginning. */
void legs_init(struct legs *legs, const struct queue_file *file);
void legs_finish(struct legs *legs);

/* What is known of smarthosts.  Each may be NULL. */
struct legs_rules {
	/* This one may be used now; else the next of a route takes over. */
	bool (*may_use)(void *context, const char *smarthost);
	/* Of several legs that which has the lowest comes first. */
	int (*rank)(void *context, const char *smarthost);
	void *context;
};

/*
 * Chooses the next leg: its smarthost, and who belongs to it.  NULL: for all
 * who still wait, none is left that may be used.  rules may be NULL.
 */
const struct config_smarthost *legs_choose(struct legs *legs, const struct config *config,
    const struct queue_file *file, const struct legs_rules *rules);

/* This recipient has his answer, or may have been delivered. */
void legs_settle(struct legs *legs, size_t recipient);

/* The leg is over; its smarthost cannot be used: others take over for whom it has no answer. */
void legs_end(struct legs *legs, bool is_unusable);

#endif
