/* SPDX-License-Identifier: MIT */

#include "service/room.h"

#include <string.h>

#include "base/clock.h"

/* What is open to a smarthost, and what could be. */
struct survey {
	size_t count;			   /* connections to it */
	size_t standing;		   /* of them */
	const struct workers_slot *idle;   /* of them */
	const struct workers_slot *shared; /* of them: with the fewest tasks, takes more */
	const struct workers_slot *room;   /* free, or idle at another for the longest time */
	size_t room_count;		   /* of those */
};

static void survey_own(struct survey *survey, const struct workers_slot *slot)
{
	survey->count++;
	survey->standing += slot->is_ready;
	if (slot->is_stale)
		return;
	if (workers_slot_is_idle(slot))
		survey->idle = slot;
	if (workers_slot_may_take_more(slot) &&
	    (survey->shared == NULL || slot->task_count < survey->shared->task_count))
		survey->shared = slot;
}

static void survey_other(struct survey *survey, const struct workers_slot *slot)
{
	/* A free one has lingered since the beginning of time. */
	if (slot->task_count != 0)
		return;
	survey->room_count++;
	if (survey->room == NULL || slot->linger_until < survey->room->linger_until)
		survey->room = slot;
}

static struct survey survey_of(const struct workers *workers, const char *smarthost)
{
	struct survey survey = { 0 };

	for (size_t i = 0; i < WORKERS_LIMIT; i++) {
		const struct workers_slot *slot = &workers->slots[i];

		if (workers_slot_is_named(slot, smarthost))
			survey_own(&survey, slot);
		else
			survey_other(&survey, slot);
	}
	return survey;
}

static bool is_busy(const struct workers *workers, const char *smarthost)
{
	for (size_t i = 0; i < WORKERS_LIMIT; i++)
		if (workers_slot_is_named(&workers->slots[i], smarthost) &&
		    workers->slots[i].task_count != 0)
			return true;
	return false;
}

/* Each smarthost that has no connection, or only one that others may take, may want its first. */
static size_t reserve_of(const struct workers *workers, const struct config *config)
{
	size_t count = 0;

	for (size_t i = 0; i < config->smarthost_count; i++)
		count += !is_busy(workers, config->smarthosts[i].parameters.name);
	return count;
}

static bool may_open(const struct workers *workers, const struct config *config,
    const struct smarthost *smarthost, const struct survey *survey)
{
	if (survey->room == NULL || survey->count == 0)
		return survey->room != NULL;
	return survey->standing == survey->count &&
	       survey->count < connections_limit(&workers->connections, smarthost->name,
				   smarthost->connections, clock_monotonic()) &&
	       survey->room_count > reserve_of(workers, config);
}

const struct workers_slot *room_choose(const struct workers *workers, const struct config *config,
    const struct smarthost *smarthost, bool alone)
{
	struct survey survey = survey_of(workers, smarthost->name);

	if (!alone && survey.shared != NULL)
		return workers_busy_count(workers) < WORKERS_SHARED ? survey.shared : NULL;
	if (may_open(workers, config, smarthost, &survey))
		return survey.room;
	return survey.idle;
}

bool room_is_at(const struct workers *workers, const struct config *config,
    const struct smarthost *smarthost, bool alone)
{
	return room_choose(workers, config, smarthost, alone) != NULL;
}

/* The one that has been open for the longest time; NULL: one is making room already. */
static struct workers_slot *find_oldest(struct workers *workers)
{
	struct workers_slot *oldest = NULL;

	for (size_t i = 0; i < WORKERS_LIMIT; i++) {
		struct workers_slot *slot = &workers->slots[i];

		if (slot->is_stale)
			return NULL;
		if (oldest == NULL || slot->opened_at < oldest->opened_at)
			oldest = slot;
	}
	return oldest;
}

void room_want(struct workers *workers, const char *smarthost)
{
	struct survey survey = survey_of(workers, smarthost);

	if (survey.count != 0 || survey.room != NULL)
		return;
	struct workers_slot *oldest = find_oldest(workers);
	if (oldest != NULL)
		oldest->is_stale = true;
}

bool room_is_anywhere(const struct workers *workers, const struct config *config)
{
	for (size_t i = 0; i < config->smarthost_count; i++)
		if (room_is_at(workers, config, &config->smarthosts[i].parameters, false))
			return true;
	/* Whoever begins is told that there is none. */
	return config->smarthost_count == 0;
}
