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

/* Fills expanded (zeroed before) with the sender of given and the expanded recipients. */
int expand_envelope(const struct config *config, const struct aliases *aliases,
    const struct envelope *given, struct envelope *expanded, struct error *error);

/* localhost, localhost.localdomain, the host name, its FQDN: but never identity.domain alone. */
bool expand_is_this_host(struct span domain);

#endif
