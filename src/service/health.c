/* SPDX-License-Identifier: MIT */

#include "service/health.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

/* ---- entries ---- */

static bool is_about(const struct health_entry *entry, const char *smarthost, const char *sender)
{
	if ((entry->sender == NULL) != (sender == NULL) || strcmp(entry->smarthost, smarthost) != 0)
		return false;
	return sender == NULL || strcmp(entry->sender, sender) == 0;
}

static struct health_entry *find(
    const struct health *health, const char *smarthost, const char *sender)
{
	for (size_t i = 0; i < health->count; i++)
		if (is_about(&health->list[i], smarthost, sender))
			return &health->list[i];
	return NULL;
}

static void copy_id(char copy[static QUEUE_ID_SIZE], const char *id)
{
	memmove(copy, id, strlen(id) + 1);
}

static void release_waiting(struct health *health, struct health_entry *entry)
{
	char id[QUEUE_ID_SIZE];

	while (schedule_take(&entry->waiting, INT64_MAX, id))
		schedule_add(health->released, id, 0);
}

void health_release(struct health *health, const char *smarthost)
{
	struct health_entry *entry = find(health, smarthost, NULL);

	if (entry != NULL)
		release_waiting(health, entry);
}

static void finish_entry(struct health_entry *entry)
{
	free(entry->smarthost);
	free(entry->sender);
	free(entry->words);
	schedule_finish(&entry->waiting);
	*entry = (struct health_entry){ 0 };
}

static void remove_entry(struct health *health, struct health_entry *entry)
{
	size_t at = (size_t)(entry - health->list);

	finish_entry(entry);
	memmove(entry, entry + 1, (health->count - at - 1) * sizeof *entry);
	health->count--;
}

/* New ones stand behind all others, so the first of them is the oldest. */
static void forget_oldest_sender(struct health *health)
{
	struct health_entry *oldest = NULL;
	size_t count = 0;

	for (size_t i = 0; i < health->count; i++) {
		if (health->list[i].sender == NULL)
			continue;
		count++;
		if (oldest == NULL)
			oldest = &health->list[i];
	}
	if (count < HEALTH_SENDERS)
		return;
	release_waiting(health, oldest);
	remove_entry(health, oldest);
}

static struct health_entry *find_or_add(
    struct health *health, const char *smarthost, const char *sender)
{
	struct health_entry *entry = find(health, smarthost, sender);

	if (entry != NULL)
		return entry;
	if (sender != NULL)
		forget_oldest_sender(health);
	health->list = memory_resize_array(health->list, health->count + 1, sizeof *health->list);
	entry = &health->list[health->count++];
	*entry = (struct health_entry){
		.smarthost = memory_copy_string(smarthost),
		.sender = sender != NULL ? memory_copy_string(sender) : NULL,
	};
	return entry;
}

/* ---- whether to try ---- */

static bool is_probe(const struct health_entry *entry, const char *id)
{
	return id != NULL && strcmp(entry->probe, id) == 0;
}

static bool lets_pass(const struct health_entry *entry, const char *id, int64_t now)
{
	return entry == NULL || entry->state == HEALTH_UP || is_probe(entry, id) ||
	       (entry->probe[0] == '\0' && entry->due <= now);
}

bool health_may_try(const struct health *health, const char *smarthost, const char *sender,
    const char *id, int64_t now)
{
	return lets_pass(find(health, smarthost, NULL), id, now) &&
	       (sender == NULL || lets_pass(find(health, smarthost, sender), id, now));
}

static void make_probe(struct health_entry *entry, const char *id)
{
	if (entry == NULL || entry->state == HEALTH_UP)
		return;
	copy_id(entry->probe, id);
	copy_id(entry->last, id);
	entry->wish[0] = '\0';
}

/* One that was to ask another, and has found its way to this one meanwhile, asks nobody there. */
static void drop_elsewhere(struct health *health, const char *smarthost, const char *id)
{
	for (size_t i = 0; i < health->count; i++)
		if (is_probe(&health->list[i], id) &&
		    strcmp(health->list[i].smarthost, smarthost) != 0)
			health->list[i].probe[0] = '\0';
}

void health_begin(struct health *health, const char *smarthost, const char *sender, const char *id)
{
	drop_elsewhere(health, smarthost, id);
	make_probe(find(health, smarthost, NULL), id);
	if (sender != NULL)
		make_probe(find(health, smarthost, sender), id);
}

const struct health_entry *health_obstacle(
    const struct health *health, const char *smarthost, const char *sender, int64_t now)
{
	const struct health_entry *entry = find(health, smarthost, NULL);

	if (!lets_pass(entry, NULL, now))
		return entry;
	entry = sender != NULL ? find(health, smarthost, sender) : NULL;
	return lets_pass(entry, NULL, now) ? NULL : entry;
}

void health_wait(
    struct health *health, const struct health_entry *obstacle, const char *id, int64_t attention)
{
	size_t at = (size_t)(obstacle - health->list);

	assert(at < health->count && obstacle->state != HEALTH_UP);
	schedule_add(&health->list[at].waiting, id, attention);
}

bool health_knows_senders(const struct health *health, const char *smarthost)
{
	for (size_t i = 0; i < health->count; i++)
		if (health->list[i].sender != NULL &&
		    strcmp(health->list[i].smarthost, smarthost) == 0)
			return true;
	return false;
}

bool health_is_replaced(const struct health *health, const char *smarthost, const char *sender)
{
	const struct health_entry *entry = find(health, smarthost, sender);

	return entry != NULL && entry->is_replaced;
}

void health_replace(struct health *health, const char *smarthost, const char *sender, int64_t now)
{
	struct health_entry *entry = find_or_add(health, smarthost, sender);

	if (!entry->is_replaced)
		entry->since = now;
	entry->is_replaced = true;
}

enum health_state health_state_of(
    const struct health *health, const char *smarthost, const char *sender)
{
	const struct health_entry *entry = find(health, smarthost, sender);

	return entry != NULL ? entry->state : HEALTH_UP;
}

bool health_is_clear(const struct health *health)
{
	for (size_t i = 0; i < health->count; i++)
		if (health->list[i].state != HEALTH_UP)
			return false;
	return true;
}

/* ---- what came of it ---- */

static void tell(const struct health *health, const struct health_entry *entry, bool is_up)
{
	if (health->tell != NULL)
		health->tell(health->context, entry, is_up);
}

static void set_words(struct health_entry *entry, const char *words)
{
	free(entry->words);
	entry->words = memory_copy_string(words);
}

/* What ran beside the probe tells of the same trouble, and moves no step. */
static void worsen(struct health *health, struct health_entry *entry, const char *id,
    const struct health_sign *sign, int64_t now)
{
	enum health_state before = entry->state;

	if (before == HEALTH_UP) {
		entry->since = now;
		entry->failures = 0;
	}
	if (before == HEALTH_UP || is_probe(entry, id)) {
		entry->failures++;
		entry->due = schedule_retry(
		    health->steps, health->step_count, entry->failures, now);
	}
	if (is_probe(entry, id))
		entry->probe[0] = '\0';
	entry->state = sign->state;
	set_words(entry, sign->words);
	if (before != sign->state)
		tell(health, entry, false);
}

static void doubt(struct health *health, struct health_entry *entry, const char *id,
    const struct health_sign *sign, int64_t now)
{
	if (entry->state != HEALTH_UP) {
		if (is_probe(entry, id))
			worsen(health, entry, id, sign, now);
		return;
	}
	if (strcmp(entry->doubtful, id) == 0)
		return;
	copy_id(entry->doubtful, id);
	if (++entry->doubts >= HEALTH_STRIKES)
		worsen(health, entry, id, sign, now);
}

static void improve(struct health *health, struct health_entry *entry)
{
	if (entry == NULL)
		return;
	if (entry->state != HEALTH_UP) {
		tell(health, entry, true);
		release_waiting(health, entry);
	}
	if (!entry->is_replaced) {
		remove_entry(health, entry);
		return;
	}
	entry->state = HEALTH_UP;
	entry->probe[0] = '\0';
}

static void end_probe(struct health_entry *entry, const char *id)
{
	if (entry != NULL && is_probe(entry, id))
		entry->probe[0] = '\0';
}

static void note_sender(struct health *health, const char *smarthost, const char *sender,
    const char *id, const struct health_sign *sign, int64_t now)
{
	if (sign->kind == HEALTH_SHOWS_BAD && sign->state == HEALTH_SENDER)
		worsen(health, find_or_add(health, smarthost, sender), id, sign, now);
	else if (sign->kind == HEALTH_SHOWS_GOOD)
		improve(health, find(health, smarthost, sender));
	else
		end_probe(find(health, smarthost, sender), id);
}

static void note_smarthost(struct health *health, const char *smarthost, const char *id,
    const struct health_sign *sign, int64_t now)
{
	if (sign->kind == HEALTH_SHOWS_NOTHING)
		end_probe(find(health, smarthost, NULL), id);
	else if (sign->kind == HEALTH_SHOWS_GOOD || sign->state == HEALTH_SENDER)
		improve(health, find(health, smarthost, NULL));
	else if (sign->kind == HEALTH_SHOWS_DOUBT)
		doubt(health, find_or_add(health, smarthost, NULL), id, sign, now);
	else
		worsen(health, find_or_add(health, smarthost, NULL), id, sign, now);
}

void health_drop(struct health *health, const char *id)
{
	for (size_t i = 0; i < health->count; i++)
		end_probe(&health->list[i], id);
}

void health_note(struct health *health, const char *smarthost, const char *sender, const char *id,
    const struct health_sign *sign, int64_t now)
{
	assert(sender != NULL || sign->state != HEALTH_SENDER);
	note_smarthost(health, smarthost, id, sign, now);
	if (sender != NULL)
		note_sender(health, smarthost, sender, id, sign, now);
	health_drop(health, id);
}

/* ---- those who wait ---- */

static bool wants_probe(const struct health_entry *entry)
{
	return entry->state != HEALTH_UP && entry->probe[0] == '\0' && entry->waiting.count != 0;
}

/* One that spoils every session must not be the probe again and again. */
static void choose(struct health_entry *entry, char id[static QUEUE_ID_SIZE])
{
	char first[QUEUE_ID_SIZE];
	int64_t attention = schedule_next(&entry->waiting);

	if (entry->wish[0] != '\0' && schedule_remove(&entry->waiting, entry->wish)) {
		copy_id(id, entry->wish);
		return;
	}
	(void)schedule_take(&entry->waiting, INT64_MAX, first);
	if (strcmp(first, entry->last) != 0 || entry->waiting.count == 0) {
		copy_id(id, first);
		return;
	}
	(void)schedule_take(&entry->waiting, INT64_MAX, id);
	schedule_add(&entry->waiting, first, attention);
}

/* When its next probe may go.  A sender's is of no use while all of the smarthost is paused. */
static int64_t probe_time(const struct health *health, const struct health_entry *entry)
{
	const struct health_entry *whole = NULL;

	if (!wants_probe(entry))
		return INT64_MAX;
	if (entry->sender != NULL)
		whole = find(health, entry->smarthost, NULL);
	if (whole == NULL || whole->state == HEALTH_UP)
		return entry->due;
	if (whole->probe[0] != '\0')
		return INT64_MAX;
	return entry->due > whole->due ? entry->due : whole->due;
}

bool health_take_probe(struct health *health, int64_t now, char id[static QUEUE_ID_SIZE])
{
	for (size_t i = 0; i < health->count; i++) {
		struct health_entry *entry = &health->list[i];

		if (probe_time(health, entry) > now)
			continue;
		choose(entry, id);
		return true;
	}
	return false;
}

int64_t health_due(const struct health *health)
{
	int64_t earliest = INT64_MAX;

	for (size_t i = 0; i < health->count; i++) {
		int64_t due = probe_time(health, &health->list[i]);

		if (due < earliest)
			earliest = due;
	}
	return earliest;
}

const struct health_entry *health_take_attention(
    struct health *health, int64_t wall, char id[static QUEUE_ID_SIZE])
{
	for (size_t i = 0; i < health->count; i++)
		if (schedule_take(&health->list[i].waiting, wall, id))
			return &health->list[i];
	return NULL;
}

int64_t health_attention(const struct health *health)
{
	int64_t earliest = INT64_MAX;

	for (size_t i = 0; i < health->count; i++) {
		int64_t next = schedule_next(&health->list[i].waiting);

		if (next < earliest)
			earliest = next;
	}
	return earliest;
}

bool health_has(const struct health *health, const char *id)
{
	for (size_t i = 0; i < health->count; i++)
		if (schedule_has(&health->list[i].waiting, id))
			return true;
	return false;
}

size_t health_waiting(const struct health *health)
{
	size_t count = 0;

	for (size_t i = 0; i < health->count; i++)
		count += health->list[i].waiting.count;
	return count;
}

bool health_remove(struct health *health, const char *id)
{
	for (size_t i = 0; i < health->count; i++)
		if (schedule_remove(&health->list[i].waiting, id))
			return true;
	return false;
}

void health_hasten(struct health *health, const char *id, int64_t now)
{
	for (size_t i = 0; i < health->count; i++) {
		struct health_entry *entry = &health->list[i];
		int64_t when = entry->hastened != 0 ? entry->hastened + HEALTH_HASTE : now;

		if (when < now)
			when = now;
		if (entry->due > when) {
			entry->due = when;
			entry->hastened = when;
		}
		if (id != NULL && schedule_has(&entry->waiting, id))
			copy_id(entry->wish, id);
	}
}

void health_shift(struct health *health, int64_t jump)
{
	for (size_t i = 0; i < health->count; i++)
		schedule_shift(&health->list[i].waiting, jump);
}

void health_forget(struct health *health)
{
	for (size_t i = 0; i < health->count; i++) {
		release_waiting(health, &health->list[i]);
		finish_entry(&health->list[i]);
	}
	free(health->list);
	health->list = NULL;
	health->count = 0;
}

void health_finish(struct health *health)
{
	for (size_t i = 0; i < health->count; i++)
		finish_entry(&health->list[i]);
	free(health->list);
	*health = (struct health){ 0 };
}
