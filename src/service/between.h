/* SPDX-License-Identifier: MIT */

/*
 * between - attempts between two of their legs
 *
 * They have had one smarthost, and wait, open and locked, for room and a token
 * at the next.  They come before all that is not begun.
 */

#ifndef SERVICE_BETWEEN_H
#define SERVICE_BETWEEN_H

#include <stdbool.h>
#include <stdint.h>

#include "service/runner.h"

/*
 * The leg of this attempt is over.  True: it has another, and is between them
 * now; is_unusable: its smarthost cannot be used.
 */
bool between_take(struct runner *runner, struct attempt *attempt, bool is_unusable);

/* Begins the next leg of those who can. */
void between_step(struct runner *runner);

/* When there is a token for one of them. */
int64_t between_deadline(const struct runner *runner);

struct attempt *between_find(const struct runner *runner, const char *id);

/* They have no other leg: the service ends, or their results are to be kept. */
void between_end(struct runner *runner);

#endif
