/* SPDX-License-Identifier: MIT */

#include "service/jumps.h"

#include <string.h>

static void remember(struct jumps *jumps, int64_t before, int64_t by)
{
	if (jumps->count == JUMPS_LIMIT)
		memmove(jumps->list, jumps->list + 1, --jumps->count * sizeof jumps->list[0]);
	jumps->list[jumps->count++] = (struct jump){ before, by };
	jumps->total++;
}

int64_t jumps_look(struct jumps *jumps, int64_t wall, int64_t monotonic)
{
	int64_t distance = wall - monotonic;
	int64_t by = distance - jumps->distance;

	jumps->distance = distance;
	if (!jumps->is_watched || (by < JUMPS_LEAST && by > -JUMPS_LEAST)) {
		jumps->is_watched = true;
		return 0;
	}
	remember(jumps, wall - by, by);
	return by;
}

int64_t jumps_ahead(const struct jumps *jumps)
{
	int64_t sum = 0;

	for (size_t i = 0; i < jumps->count; i++)
		sum += jumps->list[i].by;
	return sum > 0 ? sum : 0;
}

/*
 * Between a jump back and the moment in which the clock has made up for it,
 * a time may be that of before or of after: only what is still to come is
 * surely that of before.
 */
int64_t jumps_correct(const struct jumps *jumps, int64_t time, unsigned seen, int64_t now)
{
	size_t unseen = jumps->total - seen;
	size_t first = unseen < jumps->count ? jumps->count - unseen : 0;

	for (size_t i = first; i < jumps->count; i++) {
		const struct jump *jump = &jumps->list[i];

		if (jump->by > 0 ? time <= jump->before : time > now && time <= jump->before)
			time += jump->by;
	}
	return time < now ? time : now;
}
