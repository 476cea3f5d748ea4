/* SPDX-License-Identifier: MIT */

/*
 * route - which smarthost a message goes to
 *
 * Without any route block (their issue comes later): the first smarthost.
 */

#ifndef POLICY_ROUTE_H
#define POLICY_ROUTE_H

#include "config/config.h"
#include "message/envelope.h"

/* NULL when no smarthost is configured. */
const struct config_smarthost *route_choose(
    const struct config *config, const struct envelope *envelope);

/* Why route_choose answers as it does: "the only smarthost". */
const char *route_reason(const struct config *config, const struct envelope *envelope);

#endif
