/* SPDX-License-Identifier: MIT */

/*
 * permission - who may send through which smarthost (from_policy = "reject")
 *
 * A smarthost that does not allow the sender is passed over like one that does
 * not stand in the route.  Where all of a recipient's are, the message is
 * refused (5.7.1): when it is received, so that the caller hears of it; or, if
 * the settings have changed since, when an attempt begins.  Our own reports may
 * go everywhere.
 */

#ifndef SERVICE_PERMISSION_H
#define SERVICE_PERMISSION_H

#include <stdbool.h>

#include "base/error.h"
#include "config/config.h"
#include "message/header.h"
#include "policy/route.h"

/* A message that wants to go.  All borrowed. */
struct permission {
	const struct config *config;
	const char *sender;
	const struct header *header;
};

/* Some smarthost has this policy; else all that follows is idle. */
bool permission_matters(const struct config *config);

/* -1: this smarthost does not allow it.  What cannot be read of a login is in nobody's way here. */
int permission_check(const struct permission *permission, const struct config_smarthost *smarthost,
    struct error *error);

/*
 * Takes those that do not allow it out of the list.  -1: that would be all; the
 * list stays, and error is the first one's.
 */
int permission_filter(
    const struct permission *permission, struct route_list *list, struct error *error);

#endif
