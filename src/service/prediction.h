/* SPDX-License-Identifier: MIT */

/*
 * prediction - what would leave of a message, smarthost by smarthost
 *
 * Made by the functions that make the real one: prepare_message as receive
 * calls it, route_list, permission_filter, outgoing_message.  What it cannot
 * know is what only time tells: which smarthost is down then, and whether one
 * has refused a sender whom from_policy = "auto" replaces for that.
 *
 * Does not know: what is said of it.
 */

#ifndef SERVICE_PREDICTION_H
#define SERVICE_PREDICTION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "config/config.h"
#include "delivery/request.h"
#include "message/envelope.h"
#include "message/header.h"
#include "policy/route.h"

struct prediction_question {
	const struct config *config;  /* borrowed by the answer, too */
	const struct envelope *given; /* its sender complete */
	const struct header *header;  /* as it was written */
	const char *full_name;
	int64_t wall;
	int64_t uid;	 /* of the submitter; -1: unknown */
	bool is_owner;	 /* he is the service's own user */
	uint64_t octets; /* of the whole message, in wire form */
};

/* What goes to one smarthost. */
struct prediction_leg {
	struct route_list list;		/* of its first recipient */
	struct smarthost known;		/* with its from; no secret */
	struct request_attempt attempt; /* envelope and header */
	struct error fault;		/* that its login cannot be read: its from is not known */
};

struct prediction {
	struct header header;	  /* as it would be queued, without the Received field */
	struct envelope expanded; /* the same */
	struct prediction_leg *legs;
	size_t count;
};

/* -1: the error that the message would get; prediction stays zeroed. */
int prediction_make(
    struct prediction *prediction, const struct prediction_question *question, struct error *error);
void prediction_finish(struct prediction *prediction);

#endif
