/* SPDX-License-Identifier: MIT */

/*
 * tokens - what a message needs before it goes: a token of its smarthost's
 * rate, and one of its route's
 *
 * Both or none are reserved.  A route's bucket is kept among those of the
 * smarthosts (rates.h) under a name that no smarthost can have.  Where the
 * recipients of a leg have several routes, the first that has a rate counts.
 */

#ifndef SERVICE_TOKENS_H
#define SERVICE_TOKENS_H

#include <stdbool.h>
#include <stdint.h>

#include "config/config.h"
#include "service/legs.h"
#include "service/rates.h"
#include "smtp/smarthost.h"
#include "spool/queue_file.h"

/* Names are rates'; NULL: none is reserved there. */
struct tokens {
	const char *smarthost;
	const char *route;
};

/* The route with a rate that this leg is of; NULL: there is none. */
const struct config_route *tokens_route(
    const struct config *config, const struct queue_file *file, const struct legs *legs);

/* False: one of them is missing, and none is reserved.  route may be NULL. */
bool tokens_reserve(struct rates *rates, const struct smarthost *smarthost,
    const struct config_route *route, int64_t now, struct tokens *tokens);
void tokens_take(struct rates *rates, struct tokens *tokens, int64_t now);
void tokens_release(struct rates *rates, struct tokens *tokens);

/* There is none of this route (may be NULL) now, and file waits for it.  False: there is one. */
bool tokens_wait(struct rates *rates, const struct config_route *route,
    const struct queue_file *file, int64_t now);

/* Whether a name of rates' is a route's, and the route, which is NULL when it is gone. */
bool tokens_is_route(const char *name);
const struct config_route *tokens_find_route(const struct config *config, const char *name);

#endif
