/* SPDX-License-Identifier: MIT */

/*
 * between - attempts between two of their legs
 *
 * They have had one smarthost, and the next has room and a token for them: they
 * go on, open and locked, before anything new is begun.  Where the next one is
 * busy, the attempt is concluded, and the rest of it waits at the door (rates.h).
 */

#ifndef SERVICE_BETWEEN_H
#define SERVICE_BETWEEN_H

#include <stdbool.h>
#include <stdint.h>

#include "service/runner.h"

/*
 * Chooses a leg among the smarthosts that this attempt may try: first the one
 * at whose door it has waited (may be NULL), then one with room and a token,
 * then one that will soon have it.
 */
bool between_choose(struct runner *runner, struct attempt *attempt, const char *door);

/* The leg of this attempt is over, and its smarthost perhaps unusable.  True: it goes on. */
bool between_take(struct runner *runner, struct attempt *attempt, bool is_unusable);

/* Begins their next legs. */
void between_step(struct runner *runner);

struct attempt *between_find(const struct runner *runner, const char *id);

/* The service ends: they have no other leg. */
void between_end(struct runner *runner);

#endif
