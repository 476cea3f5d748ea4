/* SPDX-License-Identifier: MIT */

/*
 * route - which smarthosts a message may go to, in which order
 *
 * The first route block that matches says so, recipient by recipient; where
 * none does, it is the first smarthost.  Without weights the order is that of
 * the block.  With weights, one is drawn for the message by its queue ID, so
 * that each try draws the same, and the others follow, the heaviest first.
 *
 * Does not know: which smarthost can be reached.
 */

#ifndef POLICY_ROUTE_H
#define POLICY_ROUTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/config.h"

/* What a route looks at.  Strings are borrowed. */
struct route_question {
	const char *sender; /* of the envelope, complete; where it is empty, author counts */
	const char *author; /* the address in From; NULL: none, or not known */
	const char *recipient;
	int64_t uid;	/* of the submitter; -1: unknown */
	const char *id; /* the queue ID, or NULL where there is none yet */
};

struct route_list {
	const struct config_route *route; /* NULL: none matches */
	const struct config_smarthost *smarthosts[CONFIG_VIA_LIMIT];
	size_t count; /* 0: no smarthost is configured */
};

void route_list(
    const struct config *config, const struct route_question *question, struct route_list *list);

/* An answer may depend on the From field of a message without a sender. */
bool route_needs_author(const struct config *config, const char *sender);

/*
 * Why the list begins as it does: "the only smarthost", "by route "news" in
 * line 7", with the rate of that route.  The caller frees it.
 */
char *route_reason(const struct config *config, const struct route_list *list);

/* This address is meant by "*@example.com", "me@example.com" or "example.com". */
bool route_matches(const char *pattern, const char *address);

#endif
