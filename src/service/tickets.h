/* SPDX-License-Identifier: MIT */

/*
 * tickets - what the last connection to each smarthost has left for the next
 *
 * Opaque here: a worker makes it and a worker judges whether it still fits
 * the settings (net/tls_resumption.h).  It is a secret, so it is in memory
 * alone, and handed out once (RFC 8446, C.4).
 */

#ifndef SERVICE_TICKETS_H
#define SERVICE_TICKETS_H

#include <stddef.h>

#include "base/span.h"

struct ticket;

/* Zeroed before the first use. */
struct tickets {
	struct ticket *list; /* owned */
	size_t count;
};

/* Replaces what was kept for this smarthost; an empty one leaves it. */
void tickets_keep(struct tickets *tickets, const char *smarthost, struct span octets);

/* Hands it over to the caller, who frees it: *length octets, or NULL. */
char *tickets_take(struct tickets *tickets, const char *smarthost, size_t *length);

void tickets_finish(struct tickets *tickets);

#endif
