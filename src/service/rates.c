/* SPDX-License-Identifier: MIT */

#include "service/rates.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "service/rate.h"

struct rates_entry {
	char *smarthost; /* owned */
	bool has_rate;	 /* else its messages wait for room alone */
	struct rate rate;
	struct schedule waiting; /* all of them due */
};

static struct rates_entry *find(const struct rates *rates, const char *smarthost)
{
	for (size_t i = 0; i < rates->count; i++)
		if (strcmp(rates->list[i].smarthost, smarthost) == 0)
			return &rates->list[i];
	return NULL;
}

static struct rates_entry *add(struct rates *rates, const char *smarthost)
{
	rates->list = memory_resize_array(rates->list, rates->count + 1, sizeof *rates->list);
	struct rates_entry *entry = &rates->list[rates->count++];
	*entry = (struct rates_entry){ .smarthost = memory_copy_string(smarthost) };
	return entry;
}

static struct rates_entry *find_or_add(
    struct rates *rates, const struct smarthost *smarthost, int64_t now)
{
	struct rates_entry *entry = find(rates, smarthost->name);

	if (entry == NULL)
		entry = add(rates, smarthost->name);
	entry->has_rate = smarthost->rate != 0;
	/* The bucket of an old rate stays: tokens of it may be reserved. */
	if (!entry->has_rate)
		return entry;
	if (entry->rate.count == 0) {
		rate_init(
		    &entry->rate, smarthost->rate, smarthost->rate_period, smarthost->burst, now);
	} else if (entry->rate.count != smarthost->rate ||
		   entry->rate.period != smarthost->rate_period ||
		   entry->rate.burst != smarthost->burst) {
		rate_change(
		    &entry->rate, smarthost->rate, smarthost->rate_period, smarthost->burst, now);
	}
	return entry;
}

bool rates_reserve(
    struct rates *rates, const struct smarthost *smarthost, int64_t now, bool *has_token)
{
	*has_token = false;
	if (smarthost->rate == 0)
		return true;
	*has_token = rate_reserve(&find_or_add(rates, smarthost, now)->rate, now);
	return *has_token;
}

void rates_take(struct rates *rates, const char *smarthost, int64_t now)
{
	struct rates_entry *entry = find(rates, smarthost);

	assert(entry != NULL);
	rate_take(&entry->rate, now);
}

void rates_release(struct rates *rates, const char *smarthost)
{
	struct rates_entry *entry = find(rates, smarthost);

	assert(entry != NULL);
	rate_release(&entry->rate);
}

const char *rates_name(const struct rates *rates, const char *smarthost)
{
	const struct rates_entry *entry = find(rates, smarthost);

	assert(entry != NULL);
	return entry->smarthost;
}

void rates_wait(struct rates *rates, const struct smarthost *smarthost,
    const struct queue_file *file, int64_t now)
{
	struct schedule *waiting = &find_or_add(rates, smarthost, now)->waiting;

	/* They take turns as they did in the schedule that they come from. */
	if (file->progress.attempts == 0)
		schedule_add_new(waiting, file->id, file->attributes.uid);
	else
		schedule_add(waiting, file->id, 0);
}

bool rates_has(const struct rates *rates, const char *id)
{
	for (size_t i = 0; i < rates->count; i++)
		if (schedule_has(&rates->list[i].waiting, id))
			return true;
	return false;
}

size_t rates_waiting(const struct rates *rates)
{
	size_t count = 0;

	for (size_t i = 0; i < rates->count; i++)
		count += rates->list[i].waiting.count;
	return count;
}

/* When its first may go; INT64_MAX: not for the time. */
static int64_t entry_due(
    const struct rates_entry *entry, int64_t now, rates_has_room *has_room, const void *context)
{
	if (entry->waiting.count == 0 || (has_room != NULL && !has_room(context, entry->smarthost)))
		return INT64_MAX;
	return entry->has_rate ? rate_due(&entry->rate, now) : now;
}

size_t rates_waiting_at(const struct rates *rates, const char *smarthost)
{
	const struct rates_entry *entry = find(rates, smarthost);

	return entry != NULL ? entry->waiting.count : 0;
}

const char *rates_next(struct rates *rates, int64_t now, rates_has_room *has_room,
    const void *context, char id[static QUEUE_ID_SIZE])
{
	for (size_t i = 0; i < rates->count; i++) {
		size_t index = (rates->turn + i) % rates->count;

		if (entry_due(&rates->list[index], now, has_room, context) > now)
			continue;
		rates->turn = index + 1;
		(void)schedule_take(&rates->list[index].waiting, 0, id);
		return rates->list[index].smarthost;
	}
	return NULL;
}

int64_t rates_due(
    const struct rates *rates, int64_t now, rates_has_room *has_room, const void *context)
{
	int64_t earliest = INT64_MAX;

	for (size_t i = 0; i < rates->count; i++) {
		int64_t due = entry_due(&rates->list[i], now, has_room, context);

		if (due < earliest)
			earliest = due;
	}
	return earliest;
}

int64_t rates_ready(const struct rates *rates, const char *smarthost, int64_t now)
{
	const struct rates_entry *entry = find(rates, smarthost);

	return entry != NULL && entry->has_rate ? rate_due(&entry->rate, now) : now;
}

int64_t rates_full(const struct rates *rates, int64_t now)
{
	int64_t latest = now;

	for (size_t i = 0; i < rates->count; i++) {
		int64_t full = rates->list[i].has_rate ? rate_full(&rates->list[i].rate, now) : now;

		if (full > latest)
			latest = full;
	}
	return latest > now ? latest : INT64_MAX;
}

void rates_forget(struct rates *rates, struct schedule *schedule)
{
	char id[QUEUE_ID_SIZE];

	for (size_t i = 0; i < rates->count; i++)
		while (schedule_take(&rates->list[i].waiting, 0, id))
			schedule_add(schedule, id, 0);
}

void rates_finish(struct rates *rates)
{
	for (size_t i = 0; i < rates->count; i++) {
		free(rates->list[i].smarthost);
		schedule_finish(&rates->list[i].waiting);
	}
	free(rates->list);
	*rates = (struct rates){ 0 };
}
