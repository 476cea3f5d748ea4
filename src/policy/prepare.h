/* SPDX-License-Identifier: MIT */

/*
 * prepare - what a message becomes when it is received
 *
 * Its recipients are those that the aliases name, its header is completed: all
 * that depends on no smarthost.  Whoever receives a message calls this, and
 * whoever explains what would become of one.
 *
 * Does not know: smarthosts, Received fields, where the message is kept.
 */

#ifndef POLICY_PREPARE_H
#define POLICY_PREPARE_H

#include <stdint.h>

#include "base/error.h"
#include "config/config.h"
#include "message/envelope.h"
#include "message/header.h"
#include "policy/aliases.h"
#include "policy/expand.h"

struct prepare_question {
	const struct config *config;
	const struct aliases *aliases;	      /* read now, for this message */
	const struct envelope *given;	      /* its sender complete */
	const char *full_name;		      /* of the submitter, UTF-8; "" without one */
	int64_t wall;			      /* for a missing Date */
	const struct expand_witness *witness; /* sees the aliases' steps; may be NULL */
};

/*
 * Changes header (parsed, to its end) and fills expanded (zeroed before).  -1:
 * the message cannot be received like that.
 */
int prepare_message(const struct prepare_question *question, struct header *header,
    struct envelope *expanded, struct error *error);

#endif
