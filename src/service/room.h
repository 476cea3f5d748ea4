/* SPDX-License-Identifier: MIT */

/*
 * room - which connection an attempt is given, and whether there is one
 *
 * The rules that workers.h tells of.
 */

#ifndef SERVICE_ROOM_H
#define SERVICE_ROOM_H

#include <stdbool.h>

#include "config/config.h"
#include "service/workers.h"

/*
 * A connection that stands, or the slot for a new one; NULL: neither.  alone:
 * by a connection of its own.
 */
const struct workers_slot *room_choose(const struct workers *workers, const struct config *config,
    const struct smarthost *smarthost, bool alone);

/* An attempt may be assigned to this smarthost; to any of those that are configured. */
bool room_is_at(const struct workers *workers, const struct config *config,
    const struct smarthost *smarthost, bool alone);
bool room_is_anywhere(const struct workers *workers, const struct config *config);

/*
 * An attempt waits for room there.  Where all connections are others' and this
 * one has none, the oldest takes no more, and makes room when it is done.
 */
void room_want(struct workers *workers, const char *smarthost);

#endif
