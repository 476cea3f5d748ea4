/* SPDX-License-Identifier: MIT */

/*
 * health_view - what is paused, as lines for whoever looks at the queue; pure
 *
 * As text one line a smarthost or sender, that begins with "-- ".  As JSON an
 * object a line, without a queue_id:
 *
 *	{"smarthost": "...", "sender": "...", "state": "down", "since": 1763878000,
 *	"waiting": 12, "next_try": 1763878060, "reason": "..."}
 *
 * sender: only where it is this sender alone.  state: down, login_refused,
 * throttled, account_refused, sender_refused.  next_try is null while a probe
 * is on its way.
 */

#ifndef SERVICE_HEALTH_VIEW_H
#define SERVICE_HEALTH_VIEW_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "service/health.h"

/*
 * Appends them with LF, as far as they fit: smarthosts first.  now is
 * clock_monotonic, wall clock_wall.
 */
void health_view_write(
    const struct health *health, bool as_json, int64_t now, int64_t wall, struct buffer *lines);

#endif
