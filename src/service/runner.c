/* SPDX-License-Identifier: MIT */

#include "service/runner.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "service/between.h"
#include "service/capture.h"
#include "service/capturing.h"
#include "service/events.h"
#include "service/pauses.h"
#include "service/room.h"
#include "service/settle.h"
#include "smtp/client/transcript.h"

enum {
	BUSY_RETRY = 1000,  /* milliseconds: a queue file that another process holds */
	STUCK_RETRY = 1000, /* results that the disk did not take */
	ASIDE_LIMIT = 64,   /* not begun after all, before clients are looked at again */
	PROBE_PATIENCE = 1000,
	OLDER_LIMIT = 10, /* behind more than these nobody waits for an outcome (DESIGN 1) */
};

static void release(struct attempt *attempt)
{
	attempt_finish(attempt);
	free(attempt);
}

/* With the caller's own answer nothing needs to be kept; until it is given, all is. */
static void hold_refused(struct runner *runner, struct client *client, struct attempt *attempt)
{
	runner->refused[runner->refused_count++] = attempt;
	clients_tell(
	    client, NOTICE_REFUSED, attempt->first_refusal.status, attempt->first_refusal.text);
}

/* Only to the one who has handed it in. */
static void traced(void *context, const struct attempt *attempt, const struct result *result)
{
	struct runner *runner = context;
	struct client *client = clients_waiting_for(runner->clients, attempt->file.id);
	struct buffer line CLEANUP(buffer_finish) = { 0 };

	if (client == NULL || !client->wants_trace)
		return;
	buffer_init(&line, sizeof result->text);
	transcript_write(&line, result->elapsed, result->direction, span_from_string(result->text));
	clients_show(client, buffer_span(&line));
}

void runner_hold_stuck(struct runner *runner, struct attempt *attempt)
{
	runner->stuck[runner->stuck_count++] = attempt;
	runner->stuck_until = clock_deadline(STUCK_RETRY);
}

/* ---- what became of it ---- */

static void note_null_refused(struct runner *runner, const struct attempt *attempt)
{
	stumbles_note(&runner->null_refusals, attempt->smarthost, clock_monotonic());
	events_replaced(attempt->smarthost, "", attempt->author,
	    "it refuses the null sender of reports, which go with this one for a while");
}

/* The results of a smarthost are known. */
static void concluded(void *context, struct attempt *attempt, bool is_counted)
{
	struct runner *runner = context;
	bool is_bad = attempt->sign.kind == HEALTH_SHOWS_BAD;

	runner_correct_age(runner, attempt);
	/* It has not gone to the smarthost. */
	tokens_release(&runner->workers.rates, &attempt->tokens);
	pauses_note(runner, attempt);
	if (attempt->null_is_refused)
		note_null_refused(runner, attempt);
	/* One whose connection was lost is no sign of its own, but that of another may be known. */
	is_bad = is_bad || health_obstacle(&runner->health, attempt->smarthost, NULL,
			       clock_monotonic()) != NULL;
	if (!is_counted || !between_take(runner, attempt, is_bad))
		runner_conclude(runner, attempt, is_counted);
}

/* It waits for room at its smarthost, or for a token of that one's rate.  False: it is gone. */
static bool wait_at_door(struct runner *runner, const struct attempt *attempt)
{
	const struct config_smarthost *smarthost = config_find_smarthost(
	    runner->config, attempt->smarthost);

	if (smarthost == NULL)
		return false;
	if (tokens_wait(&runner->workers.rates,
		tokens_route(runner->config, &attempt->file, &attempt->legs), &attempt->file,
		clock_monotonic()))
		return true;
	room_want(&runner->workers, attempt->smarthost);
	rates_wait(
	    &runner->workers.rates, &smarthost->parameters, &attempt->file, clock_monotonic());
	return true;
}

/* Who holds it says when it is due again. */
static void put_off(struct runner *runner, const struct attempt *attempt, int64_t due)
{
	if (attempt->file.progress.is_held)
		return;
	if (attempt->waits_at_door && wait_at_door(runner, attempt))
		return;
	if (due == 0 || !pauses_keep(runner, attempt))
		schedule_add(&runner->schedule, attempt->file.id, due);
}

/* What becomes of the file? */
void runner_conclude(struct runner *runner, struct attempt *attempt, bool is_counted)
{
	struct client *client = clients_waiting_for(runner->clients, attempt->file.id);
	/* With another sender it goes at once, and whoever waits hears of that. */
	bool goes_at_once = attempt->goes_at_once || attempt->null_is_refused ||
			    attempt->sender_is_refused;
	int64_t due;

	switch (attempt_conclude(attempt, runner->config, is_counted, &due)) {
	case ATTEMPT_DELIVERED:
		clients_tell_taken(runner->clients, attempt->file.id,
		    attempt->is_captured ? "captured" : "delivered");
		settle_close(&runner->settle, attempt);
		break;
	case ATTEMPT_WAITING:
		if (goes_at_once)
			due = 0;
		put_off(runner, attempt, due);
		if (is_counted && !goes_at_once)
			clients_tell_taken(runner->clients, attempt->file.id, "queued");
		settle_report(&runner->settle, attempt);
		break;
	case ATTEMPT_FAILED:
		clients_tell_taken(
		    runner->clients, attempt->file.id, "partly delivered, a report follows");
		settle_close(&runner->settle, attempt);
		break;
	case ATTEMPT_REFUSED:
		if (client != NULL && runner->refused_count < CLIENTS_LIMIT) {
			hold_refused(runner, client, attempt);
			return;
		}
		settle_close(&runner->settle, attempt);
		break;
	case ATTEMPT_STUCK:
		clients_tell_taken(runner->clients, attempt->file.id, "queued");
		runner_hold_stuck(runner, attempt);
		return;
	}
	release(attempt);
}

static void shown(void *context, const char *smarthost, const struct health_sign *sign)
{
	pauses_note_sign(context, smarthost, sign);
}

void runner_init(struct runner *runner, const struct config *config, struct spool *spool,
    struct clients *clients, struct worker_parent *parent)
{
	*runner = (struct runner){ .config = config, .spool = spool, .clients = clients };
	runner->settle = (struct settle){ config, spool, &runner->schedule, &runner->usage,
		&runner->jumps };
	workers_init(&runner->workers, parent);
	runner->workers.concluded = concluded;
	runner->workers.traced = traced;
	runner->workers.shown = shown;
	runner->workers.context = runner;
	pauses_init(runner);
}

void runner_finish(struct runner *runner)
{
	for (size_t i = 0; i < runner->refused_count; i++)
		release(runner->refused[i]);
	for (size_t i = 0; i < runner->stuck_count; i++) {
		log_message(LOG_LEVEL_ERROR, runner->stuck[i]->file.id,
		    "its results could not be recorded and it will be sent again");
		release(runner->stuck[i]);
	}
	for (size_t i = 0; i < runner->between_count; i++)
		release(runner->between[i]);
	workers_finish(&runner->workers);
	health_finish(&runner->health);
	schedule_finish(&runner->schedule);
	scan_finish(&runner->scan);
	usage_finish(&runner->usage);
	stumbles_finish(&runner->null_refusals);
	runner_init(runner, NULL, NULL, NULL, NULL);
}

/* ---- the schedule ---- */

/* For their time, for a token, for a smarthost, or to be looked at. */
size_t runner_waiting(const struct runner *runner)
{
	return runner->schedule.count + rates_waiting(&runner->workers.rates) +
	       health_waiting(&runner->health) + scan_left(&runner->scan);
}

/* A clock that jumped must not put mail off for longer than the list says. */
static int64_t bound(
    const struct runner *runner, const struct queue_progress *progress, int64_t now)
{
	size_t count = runner->config->retry_count;
	size_t tries = progress->attempts > 0 ? progress->attempts : 1;
	int64_t step = runner->config->retry[tries < count ? tries - 1 : count - 1];

	return progress->next_attempt > now + 2 * step ? now + step : progress->next_attempt;
}

static bool is_held_open(const struct runner *runner, const char *id)
{
	for (size_t i = 0; i < runner->refused_count; i++)
		if (strcmp(runner->refused[i]->file.id, id) == 0)
			return true;
	for (size_t i = 0; i < runner->stuck_count; i++)
		if (strcmp(runner->stuck[i]->file.id, id) == 0)
			return true;
	return between_find(runner, id) != NULL || workers_has(&runner->workers, id);
}

static bool is_known(const void *context, const char *id)
{
	const struct runner *runner = context;

	return schedule_has(&runner->schedule, id) || rates_has(&runner->workers.rates, id) ||
	       health_has(&runner->health, id) || is_held_open(runner, id);
}

/* What cannot be read is opened at once, and then it is known why. */
static void found(void *context, const char *id, const struct queue_summary *summary)
{
	struct runner *runner = context;

	if (summary == NULL) {
		schedule_add(&runner->schedule, id, 0);
		return;
	}
	const struct queue_progress *progress = &summary->progress;
	if (!summary->is_report)
		usage_add(&runner->usage, summary->uid, summary->message_length);
	if (progress->is_held)
		return;
	if (progress->attempts == 0 && progress->next_attempt == 0)
		schedule_add_new(&runner->schedule, id, summary->uid);
	else
		schedule_add(&runner->schedule, id, bound(runner, progress, clock_wall()));
}

int runner_scan(struct runner *runner, struct error *error)
{
	/* Whatever is there, held or not, is found now. */
	if (runner_waiting(runner) == 0 && !runner_is_busy(runner))
		usage_finish(&runner->usage);
	if (scan_begin(&runner->scan, runner->spool->queue, error) < 0)
		return -1;
	settle_trim_failed(&runner->settle);
	return 0;
}

int runner_scan_whole(struct runner *runner, struct error *error)
{
	if (runner_scan(runner, error) < 0)
		return -1;
	scan_step(&runner->scan, SIZE_MAX, is_known, found, runner);
	return 0;
}

void runner_add(struct runner *runner, const char *id, int64_t uid, uint64_t octets, bool is_later)
{
	if (runner_waiting(runner) > OLDER_LIMIT)
		clients_tell_taken(runner->clients, id, "queued");
	if (is_known(runner, id))
		return;
	usage_add(&runner->usage, uid, octets);
	if (is_later)
		schedule_add(&runner->schedule, id, clock_wall() + runner->config->retry[0]);
	else
		schedule_add_new(&runner->schedule, id, uid);
}

/* Those that nobody has looked at yet are hastened, too. */
static void hasten_unseen(struct runner *runner, const char (*ids)[QUEUE_ID_SIZE], size_t count)
{
	if (ids == NULL)
		scan_hasten(&runner->scan);
	for (size_t i = 0; ids != NULL && i < count; i++)
		if (scan_has(&runner->scan, ids[i]) && !is_known(runner, ids[i]))
			scan_look(&runner->scan, ids[i], found, runner);
}

void runner_hasten(struct runner *runner, const char (*ids)[QUEUE_ID_SIZE], size_t count)
{
	health_hasten(&runner->health, NULL, clock_monotonic());
	for (size_t i = 0; ids != NULL && i < count; i++)
		if (health_has(&runner->health, ids[i]))
			health_hasten(&runner->health, ids[i], clock_monotonic());
	hasten_unseen(runner, ids, count);
	schedule_hasten(&runner->schedule, ids, count, clock_wall());
}

void runner_settle(struct runner *runner, const char *id, bool answers)
{
	for (size_t i = 0; i < runner->refused_count; i++) {
		struct attempt *attempt = runner->refused[i];

		if (strcmp(attempt->file.id, id) != 0)
			continue;
		if (answers)
			settle_remove(&runner->settle, attempt);
		else
			settle_close(&runner->settle, attempt);
		release(attempt);
		runner->refused[i] = runner->refused[--runner->refused_count];
		return;
	}
}

void runner_forget(struct runner *runner)
{
	workers_forget(&runner->workers);
	health_forget(&runner->health);
	pauses_init(runner);
	rates_forget(&runner->workers.rates, &runner->schedule);
}

/* ---- attempts ---- */

bool runner_pass_the_door(
    struct runner *runner, struct attempt *attempt, const struct smarthost *smarthost)
{
	/* Who cannot have a connection of his own goes with the others, and is shown nothing. */
	attempt->wants_trace = attempt->wants_trace &&
			       room_is_at(&runner->workers, runner->config, smarthost, true);
	if (!attempt->wants_trace &&
	    !room_is_at(&runner->workers, runner->config, smarthost, false))
		return false;
	return tokens_reserve(&runner->workers.rates, smarthost,
	    tokens_route(runner->config, &attempt->file, &attempt->legs), clock_monotonic(),
	    &attempt->tokens);
}

int runner_make_ready(struct runner *runner, struct attempt *attempt, struct error *error)
{
	char *smarthost CLEANUP(memory_free_string) = memory_copy_string(attempt->smarthost);
	struct tokens tokens = attempt->tokens;
	char id[QUEUE_ID_SIZE];

	memcpy(id, attempt->file.id, sizeof id);
	attempt->avoids_null_sender = stumbles_has(
	    &runner->null_refusals, smarthost, clock_monotonic());
	int outcome = attempt_prepare(attempt, runner->config,
	    workers_login(&runner->workers, smarthost), ++runner->attempt_number, error);
	if (outcome == 0)
		outcome = pauses_let_sender_pass(runner, attempt, error);
	if (outcome != 0)
		tokens_release(&runner->workers.rates, &tokens);
	/* A secret that cannot be had is missing for all. */
	if (outcome < 0 && error->kind == ERROR_CONFIG)
		pauses_note_trouble(runner, smarthost, id, error);
	return outcome;
}

/* 1: it waits for its smarthost, or at the door; its file is closed. */
static int prepare(
    struct runner *runner, struct attempt *attempt, const char *door, struct error *error)
{
	/* Where none of its smarthosts may be tried, it waits for the first. */
	if (!between_choose(runner, attempt, door))
		(void)attempt_choose(attempt, runner->config, NULL);
	if (!pauses_let_pass(runner, attempt))
		return 1;
	const struct config_smarthost *smarthost = config_find_smarthost(
	    runner->config, attempt->smarthost);
	if (runner_pass_the_door(runner, attempt, &smarthost->parameters))
		return runner_make_ready(runner, attempt, error);
	(void)wait_at_door(runner, attempt);
	attempt_finish(attempt);
	return 1;
}

void runner_fail(struct runner *runner, const char *id, const struct error *error)
{
	char line[900];

	health_drop(&runner->health, id);
	error_line(error, line, sizeof line);
	log_message(LOG_LEVEL_ERROR, id, "%s", line);
	schedule_add(&runner->schedule, id, clock_wall() + SETTLE_TROUBLE_RETRY);
}

/* False when there is none after all: it waits for something, has gone, or failed at once. */
static bool begin_attempt(struct runner *runner, const char *id, const char *door)
{
	struct attempt *attempt = memory_allocate(sizeof *attempt);
	struct error error;
	const struct client *client = clients_waiting_for(runner->clients, id);

	int opened = attempt_open(attempt, runner->spool, id, runner->config, &error);
	if (opened == ATTEMPT_STARTED)
		settle_owed(&runner->settle, attempt);
	if (opened == ATTEMPT_STARTED || opened == ATTEMPT_OWES)
		runner_correct_age(runner, attempt);
	attempt->wants_trace = client != NULL && client->wants_trace;
	if (opened == ATTEMPT_STARTED && capture_is_on(runner->config)) {
		capturing_run(runner, attempt);
		return false;
	}
	int outcome = opened == ATTEMPT_STARTED ? prepare(runner, attempt, door, &error) : opened;
	if (outcome == 0) {
		workers_assign(&runner->workers, runner->config, attempt);
		return true;
	}
	if (opened == ATTEMPT_STARTED && outcome == 2)
		return false;
	if (opened == ATTEMPT_CORRUPT)
		settle_put_aside(&runner->settle, id);
	if (opened == ATTEMPT_OWES || opened == ATTEMPT_NOTHING) {
		settle_close(&runner->settle, attempt);
		attempt_finish(attempt);
	}
	free(attempt);
	if (outcome < 0) {
		runner_fail(runner, id, &error);
		return false;
	}
	if (opened != ATTEMPT_STARTED)
		health_drop(&runner->health, id);
	if (opened == ATTEMPT_BUSY)
		schedule_add(&runner->schedule, id, clock_wall() + BUSY_RETRY);
	return false;
}

static bool has_room(const struct runner *runner)
{
	return !runner->is_ending && runner->stuck_count < RUNNER_STUCK_LIMIT &&
	       (room_is_anywhere(&runner->workers, runner->config) ||
		   !health_is_clear(&runner->health));
}

static bool has_room_at(const void *context, const char *name);

/* Whoever waits for a route may go where one of its smarthosts has room. */
static bool has_room_on_route(const struct runner *runner, const char *name)
{
	const struct config_route *route = tokens_find_route(runner->config, name);

	for (size_t i = 0; route != NULL && i < route->via_count; i++)
		if (has_room_at(runner, route->via[i].smarthost))
			return true;
	return route == NULL;
}

static bool has_room_at(const void *context, const char *name)
{
	const struct runner *runner = context;

	if (tokens_is_route(name))
		return has_room_on_route(runner, name);
	const struct config_smarthost *smarthost = config_find_smarthost(runner->config, name);

	return smarthost != NULL &&
	       room_is_at(&runner->workers, runner->config, &smarthost->parameters, false);
}

/*
 * Those who have waited at the door come first, once it is open.  What is due
 * of itself may be a probe as well as one who waits, but must not take its
 * place for long.
 */
static bool take_next(struct runner *runner, char id[static QUEUE_ID_SIZE], const char **door)
{
	int64_t now = clock_monotonic();

	*door = rates_next(&runner->workers.rates, now, has_room_at, runner, id);
	return *door != NULL || health_take_probe(&runner->health, now - PROBE_PATIENCE, id) ||
	       schedule_take(&runner->schedule, clock_wall(), id) ||
	       health_take_probe(&runner->health, now, id);
}

void runner_follow_clock(struct runner *runner)
{
	char words[24];
	int64_t jump = jumps_look(&runner->jumps, clock_wall(), clock_monotonic());

	if (jump == 0)
		return;
	schedule_shift(&runner->schedule, jump);
	health_shift(&runner->health, jump);
	clock_format_duration(jump > 0 ? jump : -jump, words);
	log_event(LOG_LEVEL_WARNING,
	    "the clock has jumped %s by %s; what waits goes on waiting for as long as before",
	    jump > 0 ? "forward" : "back", words);
}

void runner_correct_age(struct runner *runner, struct attempt *attempt)
{
	struct queue_file *file = &attempt->file;

	runner_follow_clock(runner);
	int64_t now = clock_wall();
	int64_t received = jumps_correct(
	    &runner->jumps, file->attributes.received, attempt->jumps_seen, now);
	attempt->jumps_seen = runner->jumps.total;
	/* A clock that was set back before our time: then its tries tell how old it is. */
	if (received == now)
		received -= schedule_waited(
		    runner->config->retry, runner->config->retry_count, file->progress.attempts);
	file->attributes.received = received;
}

void runner_begin_due(struct runner *runner)
{
	char id[QUEUE_ID_SIZE];
	const char *door;
	size_t aside_count = 0;

	runner_follow_clock(runner);
	if (!runner->is_ending)
		scan_step(&runner->scan, SCAN_STEP, is_known, found, runner);
	pauses_attend(runner);
	if (runner->is_ending)
		between_end(runner);
	else
		between_step(runner);
	/* Whose messages may go is known only once their files have been opened. */
	while (has_room(runner) && aside_count < ASIDE_LIMIT && take_next(runner, id, &door))
		if (!begin_attempt(runner, id, door))
			aside_count++;
}

static void settle_stuck(struct runner *runner)
{
	size_t count = runner->stuck_count;
	struct attempt *again[RUNNER_STUCK_LIMIT + WORKERS_ATTEMPTS];

	if (count == 0 || clock_monotonic() < runner->stuck_until)
		return;
	memcpy(again, runner->stuck, count * sizeof again[0]);
	runner->stuck_count = 0;
	for (size_t i = 0; i < count; i++)
		runner_conclude(runner, again[i], true);
}

size_t runner_poll(const struct runner *runner, struct pollfd *polls)
{
	return workers_poll(&runner->workers, polls);
}

int64_t runner_deadline(const struct runner *runner)
{
	int64_t deadline = workers_deadline(&runner->workers);
	int64_t due = schedule_next(&runner->schedule);
	const struct rates *rates = &runner->workers.rates;
	int64_t now = clock_monotonic();

	deadline = clock_earlier(deadline, rates_full(rates, now));
	if (runner->stuck_count != 0)
		deadline = clock_earlier(deadline, runner->stuck_until);
	if (runner->between_count != 0 || (scan_left(&runner->scan) != 0 && !runner->is_ending))
		return now;
	if (!has_room(runner))
		return deadline;
	deadline = clock_earlier(deadline, rates_due(rates, now, has_room_at, runner));
	deadline = clock_earlier(deadline, pauses_deadline(runner));
	if (due == INT64_MAX)
		return deadline;
	int64_t wait = due - clock_wall();
	return clock_earlier(deadline, clock_deadline(wait > 0 ? wait : 0));
}

void runner_step(struct runner *runner)
{
	workers_step(&runner->workers);
	if (runner->is_ending)
		between_end(runner);
	settle_stuck(runner);
}

bool runner_is_busy(const struct runner *runner)
{
	return workers_busy_count(&runner->workers) + runner->refused_count +
		   runner->between_count + runner->stuck_count !=
	       0;
}

bool runner_is_down(const struct runner *runner, const char *smarthost)
{
	return health_state_of(&runner->health, smarthost, NULL) != HEALTH_UP;
}

bool runner_is_idle(const struct runner *runner)
{
	return runner_waiting(runner) == 0 && !runner_is_busy(runner) &&
	       rates_full(&runner->workers.rates, clock_monotonic()) == INT64_MAX;
}
