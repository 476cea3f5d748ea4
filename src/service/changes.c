/* SPDX-License-Identifier: MIT */

#include "service/changes.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "service/between.h"

/* It is open in this process, and no other can have it. */
static bool is_being_settled(const struct runner *runner, const char *id)
{
	for (size_t i = 0; i < runner->refused_count; i++)
		if (strcmp(runner->refused[i]->file.id, id) == 0)
			return true;
	for (size_t i = 0; i < runner->stuck_count; i++)
		if (strcmp(runner->stuck[i]->file.id, id) == 0)
			return true;
	return false;
}

/* The schedule follows; what waits for a token of a rate finds its file changed when it has it. */
static void reschedule(struct runner *runner, const char *id, enum queue_verb verb)
{
	schedule_remove(&runner->schedule, id);
	/* A smarthost that is left alone is asked anew, by this one. */
	if (verb == QUEUE_RETRY || verb == QUEUE_RELEASE)
		health_hasten(&runner->health, id, clock_monotonic());
	if (verb != QUEUE_RETRY)
		health_remove(&runner->health, id);
	else if (health_has(&runner->health, id))
		return;
	if ((verb == QUEUE_RETRY || verb == QUEUE_RELEASE) &&
	    !rates_has(&runner->workers.rates, id))
		schedule_add(&runner->schedule, id, 0);
}

void changes_make(struct runner *runner, const struct queue_viewer *viewer, const char *id,
    enum queue_verb verb, struct queue_change *change)
{
	struct attempt *attempt = workers_find(&runner->workers, id);

	if (attempt == NULL)
		attempt = between_find(runner, id);
	if (attempt != NULL) {
		queue_change_running(&attempt->file, verb, viewer, change);
		return;
	}
	if (is_being_settled(runner, id)) {
		queue_change_set(change, QUEUE_CHANGE_BUSY, "4.2.0",
		    "is just being settled; try again in a moment");
		return;
	}
	/* What nobody has looked at yet is not counted either. */
	bool is_counted = !scan_has(&runner->scan, id) || schedule_has(&runner->schedule, id);
	queue_change_make(runner->spool->queue, id, verb, viewer, change);
	if (change->is_removed && is_counted)
		usage_remove(&runner->usage, change->uid, change->octets);
	if (change->sign == QUEUE_CHANGE_DONE)
		reschedule(runner, id, verb);
}

static void count_scheduled(const struct runner *runner, const char (*ids)[QUEUE_ID_SIZE],
    size_t count, struct queue_counts *counts)
{
	int64_t now = clock_wall();
	struct schedule_tally tally = schedule_tally(&runner->schedule, ids, count, now);

	counts->due = tally.due;
	/* Nobody knows yet when these are due. */
	if (ids == NULL)
		counts->due += scan_left(&runner->scan);
	for (size_t i = 0; ids != NULL && i < count; i++)
		counts->due += scan_has(&runner->scan, ids[i]) &&
			       !schedule_has(&runner->schedule, ids[i]);
	counts->later = tally.later;
	if (tally.later != 0)
		counts->next = tally.next - now;
}

/* They wait for the next probe, at the earliest, or for the one that is on its way. */
static void count_paused(const struct runner *runner, const char (*ids)[QUEUE_ID_SIZE],
    size_t count, struct queue_counts *counts)
{
	size_t found = ids == NULL ? health_waiting(&runner->health) : 0;
	int64_t due = health_due(&runner->health);

	for (size_t i = 0; ids != NULL && i < count; i++)
		found += health_has(&runner->health, ids[i]);
	if (found == 0)
		return;
	int64_t wait = due - clock_monotonic();
	if (due == INT64_MAX || wait <= 0) {
		counts->due += found;
		return;
	}
	counts->later += found;
	if (counts->next < 0 || wait < counts->next)
		counts->next = wait;
}

static size_t count_named(
    const struct runner *runner, const char (*ids)[QUEUE_ID_SIZE], size_t count, bool is_running)
{
	size_t found = 0;

	for (size_t i = 0; i < count; i++) {
		if (is_running)
			found += workers_has(&runner->workers, ids[i]) ||
				 between_find(runner, ids[i]) != NULL ||
				 is_being_settled(runner, ids[i]);
		else
			found += rates_has(&runner->workers.rates, ids[i]);
	}
	return found;
}

void changes_count(const struct runner *runner, const char (*ids)[QUEUE_ID_SIZE], size_t count,
    struct queue_counts *counts)
{
	*counts = (struct queue_counts){ .next = -1 };
	count_scheduled(runner, ids, count, counts);
	count_paused(runner, ids, count, counts);
	if (ids != NULL) {
		counts->active = count_named(runner, ids, count, true);
		counts->due += count_named(runner, ids, count, false);
		return;
	}
	counts->active = workers_busy_count(&runner->workers) + runner->refused_count +
			 runner->between_count + runner->stuck_count;
	counts->due += rates_waiting(&runner->workers.rates);
}
