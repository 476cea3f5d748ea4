/* SPDX-License-Identifier: MIT */

/*
 * expand - recipients as given to recipients as sent
 *
 * Bare names, and name@this-host, become what the aliases say, through as many
 * steps as it takes; loops end; what no alias knows is completed with the
 * domain.  The address as given stays in recipient.original.
 */

#ifndef POLICY_EXPAND_H
#define POLICY_EXPAND_H

#include <stdbool.h>

#include "base/error.h"
#include "config/config.h"
#include "message/envelope.h"
#include "policy/aliases.h"

/* One step of a recipient on its way. */
struct expand_step {
	const char *address;	   /* what was looked at */
	const struct alias *alias; /* what it stands for; NULL: result is its end */
	const char *result;
};

/* Who wants to know why: sees each step, in order. */
struct expand_witness {
	void (*see)(void *context, const struct expand_step *step);
	void *context;
};

/*
 * Fills expanded (zeroed before) with the sender of given and the expanded
 * recipients.  witness may be NULL.
 */
int expand_envelope_before(const struct config *config, const struct aliases *aliases,
    const struct envelope *given, const struct expand_witness *witness, struct envelope *expanded,
    struct error *error);

/* The same before nobody. */
int expand_envelope(const struct config *config, const struct aliases *aliases,
    const struct envelope *given, struct envelope *expanded, struct error *error);

/* localhost, localhost.localdomain, the host name, its FQDN: but never identity.domain alone. */
bool expand_is_this_host(struct span domain);

#endif
