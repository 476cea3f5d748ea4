/* SPDX-License-Identifier: MIT */

#include "service/flushes.h"

static bool is_over(const struct flushes_entry *entry, int64_t now)
{
	return now - entry->at >= FLUSHES_PAUSE;
}

static void forget_old(struct flushes *flushes, int64_t now)
{
	for (size_t i = flushes->count; i > 0; i--)
		if (is_over(&flushes->entries[i - 1], now))
			flushes->entries[i - 1] = flushes->entries[--flushes->count];
}

bool flushes_begin(struct flushes *flushes, int64_t uid, int64_t now, int64_t *ago)
{
	forget_old(flushes, now);
	for (size_t i = 0; i < flushes->count; i++) {
		if (flushes->entries[i].uid != uid)
			continue;
		*ago = now - flushes->entries[i].at;
		return false;
	}
	*ago = 0;
	if (flushes->count == FLUSHES_LIMIT)
		return false;
	flushes->entries[flushes->count++] = (struct flushes_entry){ uid, now };
	return true;
}
