/* SPDX-License-Identifier: MIT */

#include "service/usage.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

void usage_finish(struct usage *usage)
{
	free(usage->entries);
	*usage = (struct usage){ 0 };
}

/* Where this uid stands, or would have to. */
static size_t find(const struct usage *usage, int64_t uid)
{
	size_t low = 0;
	size_t high = usage->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (usage->entries[middle].uid < uid)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool is_at(const struct usage *usage, size_t place, int64_t uid)
{
	return place < usage->count && usage->entries[place].uid == uid;
}

static struct usage_figures *make(struct usage *usage, int64_t uid)
{
	size_t place = find(usage, uid);

	if (is_at(usage, place, uid))
		return &usage->entries[place].figures;
	if (usage->count == usage->room) {
		usage->room = usage->room != 0 ? 2 * usage->room : 16;
		usage->entries = memory_resize_array(
		    usage->entries, usage->room, sizeof *usage->entries);
	}
	memmove(usage->entries + place + 1, usage->entries + place,
	    (usage->count - place) * sizeof *usage->entries);
	usage->entries[place] = (struct usage_entry){ .uid = uid };
	usage->count++;
	return &usage->entries[place].figures;
}

void usage_add(struct usage *usage, int64_t uid, uint64_t octets)
{
	struct usage_figures *figures = make(usage, uid);

	figures->messages++;
	figures->octets += octets;
}

/* What is counted off twice must not become a number beyond all limits. */
static void take_off(struct usage *usage, size_t place, uint64_t octets)
{
	struct usage_figures *figures = &usage->entries[place].figures;

	figures->messages--;
	figures->octets -= octets < figures->octets ? octets : figures->octets;
	if (figures->messages != 0)
		return;
	usage->count--;
	memmove(usage->entries + place, usage->entries + place + 1,
	    (usage->count - place) * sizeof *usage->entries);
}

void usage_remove(struct usage *usage, int64_t uid, uint64_t octets)
{
	size_t place = find(usage, uid);

	if (is_at(usage, place, uid))
		take_off(usage, place, octets);
}

void usage_forget(struct usage *usage, int64_t uid)
{
	struct usage_figures figures = usage_of(usage, uid);

	if (figures.messages != 0)
		usage_remove(usage, uid, figures.octets / figures.messages);
}

struct usage_figures usage_of(const struct usage *usage, int64_t uid)
{
	size_t place = find(usage, uid);

	return is_at(usage, place, uid) ? usage->entries[place].figures
					: (struct usage_figures){ 0 };
}
