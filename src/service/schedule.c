/* SPDX-License-Identifier: MIT */

#include "service/schedule.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/random.h"

static bool comes_before(const struct schedule_entry *a, const struct schedule_entry *b)
{
	return a->due != b->due ? a->due < b->due : strcmp(a->id, b->id) < 0;
}

static void swap(struct schedule_entry *a, struct schedule_entry *b)
{
	struct schedule_entry held = *a;

	*a = *b;
	*b = held;
}

static void rise(struct schedule *schedule, size_t at)
{
	while (at > 0 && comes_before(&schedule->entries[at], &schedule->entries[(at - 1) / 2])) {
		swap(&schedule->entries[at], &schedule->entries[(at - 1) / 2]);
		at = (at - 1) / 2;
	}
}

void schedule_add(struct schedule *schedule, const char *id, int64_t due)
{
	if (schedule->count == schedule->capacity) {
		schedule->capacity = schedule->capacity != 0 ? 2 * schedule->capacity : 64;
		schedule->entries = memory_resize_array(
		    schedule->entries, schedule->capacity, sizeof schedule->entries[0]);
	}
	size_t at = schedule->count++;
	schedule->entries[at].due = due;
	memcpy(schedule->entries[at].id, id, QUEUE_ID_SIZE);
	rise(schedule, at);
}

bool schedule_has(const struct schedule *schedule, const char *id)
{
	for (size_t i = 0; i < schedule->count; i++)
		if (strcmp(schedule->entries[i].id, id) == 0)
			return true;
	return false;
}

int64_t schedule_next(const struct schedule *schedule)
{
	return schedule->count != 0 ? schedule->entries[0].due : INT64_MAX;
}

static void sink(struct schedule *schedule, size_t at)
{
	for (;;) {
		size_t least = at;

		for (size_t child = 2 * at + 1; child <= 2 * at + 2 && child < schedule->count;
		     child++)
			if (comes_before(&schedule->entries[child], &schedule->entries[least]))
				least = child;
		if (least == at)
			return;
		swap(&schedule->entries[at], &schedule->entries[least]);
		at = least;
	}
}

bool schedule_take(struct schedule *schedule, int64_t now, char id[static QUEUE_ID_SIZE])
{
	if (schedule->count == 0 || schedule->entries[0].due > now)
		return false;
	memcpy(id, schedule->entries[0].id, QUEUE_ID_SIZE);
	schedule->entries[0] = schedule->entries[--schedule->count];
	sink(schedule, 0);
	return true;
}

bool schedule_remove(struct schedule *schedule, const char *id)
{
	for (size_t i = 0; i < schedule->count; i++) {
		if (strcmp(schedule->entries[i].id, id) != 0)
			continue;
		schedule->entries[i] = schedule->entries[--schedule->count];
		/* The last may belong above the place that became free, or below it. */
		if (i < schedule->count) {
			rise(schedule, i);
			sink(schedule, i);
		}
		return true;
	}
	return false;
}

static int compare_id(const void *a, const void *b)
{
	return memcmp(a, b, QUEUE_ID_LENGTH);
}

static bool is_among(const char *id, const char (*ids)[QUEUE_ID_SIZE], size_t count)
{
	return ids == NULL || (count != 0 && bsearch(id, ids, count, sizeof *ids, compare_id));
}

void schedule_hasten(
    struct schedule *schedule, const char (*ids)[QUEUE_ID_SIZE], size_t count, int64_t now)
{
	for (size_t i = 0; i < schedule->count; i++) {
		struct schedule_entry *entry = &schedule->entries[i];

		if (entry->due > now && is_among(entry->id, ids, count))
			entry->due = now;
	}
	/* Any number of them has moved, so the heap is made anew, from its last parents up. */
	for (size_t i = schedule->count / 2; i > 0; i--)
		sink(schedule, i - 1);
}

void schedule_finish(struct schedule *schedule)
{
	free(schedule->entries);
	*schedule = (struct schedule){ 0 };
}

int64_t schedule_retry(const int64_t *steps, size_t count, uint32_t attempts, int64_t now)
{
	assert(count > 0 && attempts > 0);
	int64_t step = steps[attempts <= count ? attempts - 1 : count - 1];
	return now + step + (int64_t)random_below((uint64_t)step / 10 + 1);
}
