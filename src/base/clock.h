/* SPDX-License-Identifier: MIT */

/*
 * clock - the two clocks, deadlines and durations
 *
 * Time is in milliseconds as int64_t.  What must survive a jump of the wall
 * clock (timeouts, deadlines) is measured by clock_monotonic; what must
 * survive a restart (queue times) by clock_wall.
 */

#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

#include "base/span.h"

/* Milliseconds since boot, suspended time included. */
int64_t clock_monotonic(void);

/* Milliseconds since 1970-01-01 00:00 UTC. */
int64_t clock_wall(void);

/* A deadline that never comes. */
#define CLOCK_NEVER INT64_MAX

/* The deadline that lies this many milliseconds ahead on clock_monotonic. */
int64_t clock_deadline(int64_t milliseconds);

/* The one that comes first. */
int64_t clock_earlier(int64_t a, int64_t b);

/* What poll(2) takes: milliseconds until deadline, 0 when it is over, -1 for CLOCK_NEVER. */
int clock_poll_timeout(int64_t deadline);

/* "30s", "2m", "1h", "5d", "250ms", or seconds without a unit.  False when it is none of these. */
bool clock_parse_duration(struct span text, int64_t *milliseconds);

/* "45s", "2m", "1h30m", "3d4h": the two largest units, for people. */
void clock_format_duration(int64_t milliseconds, char text[static 24]);

#endif
