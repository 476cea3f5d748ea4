/* SPDX-License-Identifier: MIT */

#include "service/pauses.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "service/between.h"
#include "service/events.h"
#include "service/settle.h"
#include "service/signs.h"

enum { ATTEND_LIMIT = 64 }; /* looked at, before clients are looked at again */

/* ---- what the log says ---- */

static enum event_pause pause_of(enum health_state state)
{
	static const enum event_pause pauses[] = {
		[HEALTH_UP] = EVENT_DOWN,
		[HEALTH_DOWN] = EVENT_DOWN,
		[HEALTH_LOGIN_REFUSED] = EVENT_LOGIN_REFUSED,
		[HEALTH_THROTTLED] = EVENT_THROTTLED,
		[HEALTH_ACCOUNT] = EVENT_ACCOUNT_REFUSED,
		[HEALTH_SENDER] = EVENT_SENDER_REFUSED,
	};

	return pauses[state];
}

static bool leads_to(const struct config_route *route, const char *smarthost)
{
	for (size_t i = 0; i < route->via_count; i++)
		if (strcmp(route->via[i].smarthost, smarthost) == 0)
			return true;
	return false;
}

/* Who waits for another smarthost of a route with this one may go to this one now. */
static void release_others(struct runner *runner, const char *smarthost)
{
	for (size_t i = 0; i < runner->config->route_count; i++) {
		const struct config_route *route = &runner->config->routes[i];

		for (size_t j = 0; leads_to(route, smarthost) && j < route->via_count; j++)
			health_release(&runner->health, route->via[j].smarthost);
	}
}

static void tell(void *context, const struct health_entry *entry, bool is_up)
{
	struct runner *runner = context;
	char text[HEALTH_WORDS_SIZE + 100];
	char wait[24];
	int64_t now = clock_monotonic();

	if (is_up) {
		if (entry->sender == NULL)
			release_others(runner, entry->smarthost);
		events_resumed(entry->smarthost, entry->sender, now - entry->since);
		return;
	}
	clock_format_duration(entry->due > now ? entry->due - now + 999 : 0, wait);
	snprintf(text, sizeof text, "%s; %zu messages in the queue, next try in %s", entry->words,
	    runner_waiting(runner) + 1, wait);
	events_paused(entry->smarthost, entry->sender, pause_of(entry->state), text);
}

void pauses_init(struct runner *runner)
{
	runner->health = (struct health){
		.tell = tell,
		.context = runner,
		.released = &runner->schedule,
		.steps = runner->config != NULL ? runner->config->retry : NULL,
		.step_count = runner->config != NULL ? runner->config->retry_count : 0,
	};
}

/* ---- before an attempt ---- */

/* For whoever looks at the queue; what a try of its own has shown says more. */
static void note_why(struct queue_file *file, const char *words)
{
	struct error error;

	if (file->progress.last_reply[0] != '\0')
		return;
	text_copy(file->progress.last_reply, sizeof file->progress.last_reply, words);
	if (queue_file_save_progress(file, &error) < 0)
		log_message(LOG_LEVEL_ERROR, file->id, "%s", error.text);
}

static void put_aside(
    struct runner *runner, struct attempt *attempt, const struct health_entry *obstacle)
{
	note_why(&attempt->file, obstacle->words);
	health_wait(&runner->health, obstacle, attempt->file.id,
	    attempt_attention(attempt, runner->config));
	clients_tell_taken(runner->clients, attempt->file.id, "queued");
	attempt_finish(attempt);
}

bool pauses_let_pass(struct runner *runner, struct attempt *attempt)
{
	struct health *health = &runner->health;
	const char *smarthost = attempt->smarthost;
	const char *id = attempt->file.id;
	int64_t now = clock_monotonic();

	/* Somebody sits there and watches. */
	if (attempt->wants_trace)
		health_hasten(health, NULL, now);
	if (health_may_try(health, smarthost, NULL, id, now)) {
		health_begin(health, smarthost, NULL, id);
		return true;
	}
	put_aside(runner, attempt, health_obstacle(health, smarthost, NULL, now));
	return false;
}

/*
 * Others of its recipients have another smarthost, which knows nothing of all
 * this.  True: it goes on there, or waits for it, and is the runner's.
 */
static bool goes_elsewhere(struct runner *runner, struct attempt *attempt)
{
	/* The caller releases it. */
	attempt->tokens = (struct tokens){ 0 };
	if (between_take(runner, attempt, false))
		return true;
	if (!attempt->waits_at_door)
		return false;
	runner_conclude(runner, attempt, false);
	return true;
}

static int turn_away_sender(struct runner *runner, struct attempt *attempt, int64_t now)
{
	/* Another leg would have its own. */
	char *smarthost CLEANUP(memory_free_string) = memory_copy_string(attempt->smarthost);
	char *sender CLEANUP(memory_free_string) = memory_copy_string(attempt->identity);

	health_drop(&runner->health, attempt->file.id);
	if (goes_elsewhere(runner, attempt))
		return 2;
	attempt_put_back(attempt);
	put_aside(runner, attempt, health_obstacle(&runner->health, smarthost, sender, now));
	return 1;
}

int pauses_let_sender_pass(struct runner *runner, struct attempt *attempt, struct error *error)
{
	struct health *health = &runner->health;
	const char *smarthost = attempt->smarthost;
	const char *id = attempt->file.id;
	int64_t now = clock_monotonic();

	if (!health_knows_senders(health, smarthost) || attempt->request.envelope.sender[0] == '\0')
		return 0;
	const char *sender = attempt_identity(attempt);
	if (!health_may_try(health, smarthost, sender, id, now))
		return turn_away_sender(runner, attempt, now);
	health_begin(health, smarthost, sender, id);
	if (attempt->from_policy != SMARTHOST_FROM_AUTO ||
	    !health_is_replaced(health, smarthost, sender) || attempt->author == NULL)
		return 0;
	if (attempt_replace_sender(attempt, error) == 0)
		return 0;
	attempt_finish(attempt);
	return -1;
}

/* ---- after it ---- */

static void replace_sender(struct runner *runner, const struct attempt *attempt)
{
	struct health *health = &runner->health;

	if (config_find_smarthost(runner->config, attempt->smarthost) == NULL ||
	    health_is_replaced(health, attempt->smarthost, attempt->identity))
		return;
	health_replace(health, attempt->smarthost, attempt->identity, clock_monotonic());
	events_replaced(attempt->smarthost, attempt->identity, attempt->author,
	    attempt->file.progress.last_reply);
}

/* What was begun before the settings took its smarthost away tells of nobody any more. */
static void note(struct runner *runner, const char *smarthost, const char *sender, const char *id,
    const struct health_sign *sign)
{
	if (config_find_smarthost(runner->config, smarthost) == NULL)
		health_drop(&runner->health, id);
	else
		health_note(&runner->health, smarthost, sender, id, sign, clock_monotonic());
}

void pauses_note(struct runner *runner, struct attempt *attempt)
{
	if (attempt->sender_is_refused)
		replace_sender(runner, attempt);
	note(runner, attempt->smarthost, attempt->identity, attempt->file.id, &attempt->sign);
	/* What may be the fault of this message waits for its own time. */
	attempt->has_no_fault = attempt->sign.kind == HEALTH_SHOWS_BAD ||
				attempt->sign.kind == HEALTH_SHOWS_NOTHING;
	/* It may be concluded again, when the disk takes its results. */
	attempt->sign = (struct health_sign){ 0 };
}

bool pauses_keep(struct runner *runner, const struct attempt *attempt)
{
	const struct health_entry *obstacle = health_obstacle(
	    &runner->health, attempt->smarthost, attempt->identity, clock_monotonic());

	if (obstacle == NULL || !attempt->has_no_fault)
		return false;
	health_wait(&runner->health, obstacle, attempt->file.id,
	    attempt_attention(attempt, runner->config));
	return true;
}

void pauses_note_sign(struct runner *runner, const char *smarthost, const struct health_sign *sign)
{
	note(runner, smarthost, NULL, "-", sign);
}

void pauses_note_trouble(
    struct runner *runner, const char *smarthost, const char *id, const struct error *why)
{
	struct health_sign sign;

	signs_of_trouble(&sign, why);
	note(runner, smarthost, NULL, id, &sign);
}

/* ---- while they wait ---- */

/* What is open and settled; false: the disk does not take it, and it stays open. */
static bool settle_waiting(
    struct runner *runner, struct attempt *attempt, const char *words, uint32_t probes)
{
	int64_t due;

	attempt_wait(attempt, words, probes);
	switch (attempt_conclude(attempt, runner->config, false, &due)) {
	case ATTEMPT_WAITING:
		settle_report(&runner->settle, attempt);
		schedule_add(&runner->schedule, attempt->file.id, 0);
		return true;
	case ATTEMPT_STUCK:
		runner_hold_stuck(runner, attempt);
		return false;
	default:
		settle_close(&runner->settle, attempt);
		return true;
	}
}

/* It goes back to the schedule, and from there to where it has waited. */
static void attend(struct runner *runner, const char *id, const char *words, uint32_t probes)
{
	struct attempt *attempt = memory_allocate(sizeof *attempt);
	struct error error;

	int opened = attempt_open(attempt, runner->spool, id, runner->config, &error);
	if (opened != ATTEMPT_STARTED) {
		if (opened == ATTEMPT_OWES || opened == ATTEMPT_NOTHING)
			attempt_finish(attempt);
		if (opened == ATTEMPT_CORRUPT)
			settle_put_aside(&runner->settle, id);
		else
			schedule_add(&runner->schedule, id, 0);
		free(attempt);
		return;
	}
	runner_correct_age(runner, attempt);
	if (!settle_waiting(runner, attempt, words, probes))
		return;
	attempt_finish(attempt);
	free(attempt);
}

void pauses_attend(struct runner *runner)
{
	char id[QUEUE_ID_SIZE];

	for (unsigned i = 0; i < ATTEND_LIMIT && !runner->is_ending; i++) {
		/* What the disk does not take stays open, and there is room for so many. */
		if (runner->stuck_count >= RUNNER_STUCK_LIMIT)
			return;
		const struct health_entry *entry = health_take_attention(
		    &runner->health, clock_wall(), id);

		if (entry == NULL)
			return;
		attend(runner, id, entry->words, entry->failures);
	}
}

int64_t pauses_deadline(const struct runner *runner)
{
	int64_t attention = health_attention(&runner->health);
	int64_t deadline = health_due(&runner->health);

	if (attention == INT64_MAX)
		return deadline;
	int64_t wait = attention - clock_wall();
	return clock_earlier(deadline, clock_deadline(wait > 0 ? wait : 0));
}
