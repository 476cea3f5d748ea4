/* SPDX-License-Identifier: MIT */

#include "service/workers.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "service/events.h"
#include "service/outgoing.h"
#include "service/room.h"
#include "service/signs.h"

enum {
	TRACE_LIMIT = 2000, /* lines of one attempt that its submitter may be shown */
	STEP_RESULTS = 2,   /* of one worker, a message; it is a sync, and clients wait meanwhile */
};

void workers_init(struct workers *workers, struct worker_parent *parent)
{
	*workers = (struct workers){ .parent = parent };
	for (size_t i = 0; i < WORKERS_LIMIT; i++)
		workers_slot_init(&workers->slots[i]);
}

static const struct error missing = {
	.kind = ERROR_SOFTWARE,
	.status = "4.3.0",
	.text = "the delivery worker gave no result",
};

void workers_finish(struct workers *workers)
{
	for (size_t i = 0; i < WORKERS_LIMIT; i++)
		workers_slot_free(&workers->slots[i]);
	tickets_finish(&workers->tickets);
	stumbles_finish(&workers->stumbles);
	rates_finish(&workers->rates);
	connections_finish(&workers->connections);
}

size_t workers_busy_count(const struct workers *workers)
{
	size_t count = 0;

	for (size_t i = 0; i < WORKERS_LIMIT; i++)
		count += workers->slots[i].task_count;
	return count;
}

struct attempt *workers_find(const struct workers *workers, const char *id)
{
	struct attempt *found = NULL;

	for (size_t i = 0; i < WORKERS_LIMIT && found == NULL; i++)
		found = workers_slot_find(&workers->slots[i], id);
	return found;
}

bool workers_has(const struct workers *workers, const char *id)
{
	return workers_find(workers, id) != NULL;
}

const struct smarthost *workers_login(const struct workers *workers, const char *smarthost)
{
	for (size_t i = 0; i < WORKERS_LIMIT; i++)
		if (workers_slot_is_at(&workers->slots[i], smarthost))
			return &workers->slots[i].login;
	return NULL;
}

/* ---- what becomes of attempts ---- */

static void conclude(struct workers *workers, struct workers_slot *slot, size_t index)
{
	struct attempt *attempt = workers_slot_take(slot, index);

	/* A result that is missing counts as a deferral, never as a delivery. */
	attempt_defer_rest(attempt, &missing, &slot->relay);
	relay_used(&slot->relay, clock_monotonic());
	slot->linger_until = clock_deadline(slot->is_stale ? 0 : WORKERS_LINGER);
	workers->concluded(workers->context, attempt, true);
}

/* Those of the same smarthost that stand. */
static size_t count_others(const struct workers *workers, const struct workers_slot *slot)
{
	size_t count = 0;

	for (size_t i = 0; i < WORKERS_LIMIT; i++)
		count += &workers->slots[i] != slot && workers->slots[i].is_ready &&
			 workers_slot_is_named(&workers->slots[i], slot->smarthost);
	return count;
}

/* Nothing was answered on this connection, while another to the same smarthost stands. */
static bool may_be_too_many(const struct workers *workers, const struct workers_slot *slot)
{
	return !slot->has_served && count_others(workers, slot) != 0;
}

static void note_too_many(struct workers *workers, struct workers_slot *slot, const char *why)
{
	size_t others = count_others(workers, slot);

	slot->is_too_many = true;
	slot->is_stale = true;
	connections_lower(
	    &workers->connections, slot->smarthost, (unsigned)others, clock_monotonic());
	log_event(LOG_LEVEL_WARNING,
	    "smarthost %s takes no more than %zu connection%s, and is given no more for a while: "
	    "%s",
	    slot->smarthost, others, others != 1 ? "s" : "", why);
}

/* How a connection came to its end. */
struct ending {
	const struct error *why;
	bool is_told;			/* by the worker: what has no result was not sent */
	bool has_stumbled;		/* the server has, over what was sent ahead */
	const struct health_sign *sign; /* of the smarthost, or NULL: what it shows */
};

static void end_attempt(struct workers *workers, const struct workers_slot *lost,
    const struct ending *ending, struct attempt *attempt, bool may_have_arrived)
{
	bool is_returned = ending->is_told &&
			   (lost->has_served || ending->has_stumbled || lost->is_too_many);
	/* What we leave undone ourselves is nobody's failure. */
	bool is_counted = !workers->is_leaving && (!is_returned || attempt->answered_count != 0);

	if (may_have_arrived)
		attempt_doubt_rest(attempt, ending->why, &lost->relay);
	else if (is_counted)
		attempt_defer_rest(attempt, ending->why, &lost->relay);
	if (is_counted && ending->sign != NULL)
		attempt->sign = *ending->sign;
	workers->concluded(workers->context, attempt, is_counted);
}

static void show_sign(
    struct workers *workers, const struct workers_slot *lost, const struct health_sign *sign)
{
	if (sign != NULL && sign->kind == HEALTH_SHOWS_BAD && workers->shown != NULL)
		workers->shown(workers->context, lost->smarthost, sign);
}

/*
 * The connection is over, or could not be made.  A server that has served
 * others, or that stumbled, or that had one connection too many, has seen
 * nothing of an attempt without a result: that one goes to another connection
 * at once.
 */
static void lose(struct workers *workers, struct workers_slot *slot, struct ending ending)
{
	struct workers_slot lost = *slot;

	workers_slot_init(slot);
	if (ending.is_told && !ending.has_stumbled && !lost.is_too_many && lost.task_count != 0 &&
	    may_be_too_many(workers, &lost))
		note_too_many(workers, &lost, ending.why->text);
	/* Of one that has served others nobody knows more than before. */
	if (lost.has_served || lost.is_too_many)
		ending.sign = NULL;
	if (lost.task_count == 0)
		show_sign(workers, &lost, ending.sign);
	while (lost.task_count != 0) {
		bool may_have_arrived = !ending.is_told && lost.sent_count != 0;
		struct attempt *attempt = workers_slot_take(&lost, 0);

		end_attempt(workers, &lost, &ending, attempt, may_have_arrived);
		/* One connection is one sign, however many were given to it. */
		ending.sign = NULL;
	}
	workers_slot_free(&lost);
}

static void lose_untold(struct workers *workers, struct workers_slot *slot, const struct error *why)
{
	lose(workers, slot, (struct ending){ .why = why });
}

/* For want of a secret, of a process: whose fault it is, no other message fares better. */
static void lose_unopened(
    struct workers *workers, struct workers_slot *slot, const struct error *why)
{
	struct health_sign sign;

	signs_of_trouble(&sign, why);
	lose(workers, slot, (struct ending){ .why = why, .sign = &sign });
}

static void lose_dead(struct workers *workers, struct workers_slot *slot, const struct error *why)
{
	struct health_sign sign;

	signs_of_death(&sign, why);
	lose(workers, slot, (struct ending){ .why = why, .sign = &sign });
}

static void lose_told(struct workers *workers, struct workers_slot *slot,
    const struct result *result, bool has_stumbled)
{
	struct health_sign sign;

	signs_of_loss(&sign, result);
	lose(workers, slot,
	    (struct ending){ .why = &result->error,
		.is_told = true,
		.has_stumbled = has_stumbled,
		.sign = &sign });
}

/* ---- giving them away ---- */

/* A new worker in the slot, its relay request sent. */
static int open_slot(struct workers *workers, struct workers_slot *slot,
    const struct config *config, const struct config_smarthost *smarthost,
    const struct attempt *attempt, struct error *error)
{
	struct request_relay relay CLEANUP(request_finish_relay) = { 0 };

	workers_slot_free(slot);
	slot->opened_at = clock_monotonic();
	slot->is_traced = attempt->wants_trace;
	slot->is_stale = slot->is_traced;
	workers_slot_name(slot, &smarthost->parameters);
	if (outgoing_relay(config, smarthost, &relay, error) < 0)
		return -1;
	slot->is_step_by_step = stumbles_has(
	    &workers->stumbles, slot->smarthost, clock_monotonic());
	relay.is_step_by_step = slot->is_step_by_step;
	relay.trace_limit = slot->is_traced ? TRACE_LIMIT : (workers->is_verbose ? UINT32_MAX : 0);
	relay.session = tickets_take(&workers->tickets, slot->smarthost, &relay.session_length);
	return workers_slot_open(slot, &relay, workers->parent, error);
}

static void drop_task(struct workers *workers, struct workers_slot *slot, const struct error *why)
{
	struct attempt *attempt = workers_slot_take(slot, slot->sent_count);

	attempt_defer_rest(attempt, why, &slot->relay);
	workers->concluded(workers->context, attempt, true);
}

/* False when the worker is over. */
static bool send_tasks(struct workers *workers, struct workers_slot *slot)
{
	struct error error;

	while (!workers->is_leaving && slot->sent_count < slot->task_count) {
		switch (workers_slot_send_next(slot, &workers->rates, &error)) {
		case WORKERS_SENT:
			continue;
		case WORKERS_SENT_NEVER:
			drop_task(workers, slot, &error);
			continue;
		case WORKERS_SENT_LATER:
			return true;
		case WORKERS_SENT_BROKEN:
			lose_untold(workers, slot, &error);
			return false;
		}
	}
	return true;
}

void workers_assign(struct workers *workers, const struct config *config, struct attempt *attempt)
{
	const struct config_smarthost *smarthost = config_find_smarthost(
	    config, attempt->smarthost);
	const struct workers_slot *chosen = room_choose(
	    workers, config, &smarthost->parameters, attempt->wants_trace);
	struct error error;
	int opened = 0;

	assert(chosen != NULL);
	struct workers_slot *slot = &workers->slots[chosen - workers->slots];
	if (attempt->wants_trace || !workers_slot_is_at(slot, attempt->smarthost))
		opened = open_slot(workers, slot, config, smarthost, attempt, &error);
	workers_slot_add(slot, attempt);
	if (opened < 0)
		lose_unopened(workers, slot, &error);
	/* A new worker does not listen before it is ready, and we must not wait for it. */
	else if (slot->is_ready)
		(void)send_tasks(workers, slot);
}

void workers_forget(struct workers *workers)
{
	for (size_t i = 0; i < WORKERS_LIMIT; i++) {
		struct workers_slot *slot = &workers->slots[i];

		slot->is_stale = true;
		if (slot->task_count == 0)
			workers_slot_free(slot);
	}
}

size_t workers_poll(const struct workers *workers, struct pollfd *polls)
{
	size_t count = 0;

	for (size_t i = 0; i < WORKERS_LIMIT; i++)
		if (workers->slots[i].channel.fd >= 0)
			polls[count++] = (struct pollfd){ .fd = workers->slots[i].channel.fd,
				.events = POLLIN };
	return count;
}

int64_t workers_deadline(const struct workers *workers)
{
	int64_t deadline = CLOCK_NEVER;

	for (size_t i = 0; i < WORKERS_LIMIT; i++) {
		const struct workers_slot *slot = &workers->slots[i];

		if (slot->has_more)
			return clock_monotonic();
		if (slot->smarthost != NULL && slot->task_count == 0 &&
		    slot->linger_until < deadline)
			deadline = slot->linger_until;
	}
	return deadline;
}

static void note_stumble(struct workers *workers, const struct workers_slot *slot)
{
	stumbles_note(&workers->stumbles, slot->smarthost, clock_monotonic());
	log_event(LOG_LEVEL_WARNING,
	    "%s could not follow commands sent ahead of its replies: it is spoken to step by step "
	    "for a while",
	    slot->relay.name);
}

/* A line of the conversation, to the log and to the one whose connection this is. */
static void show(
    struct workers *workers, const struct workers_slot *slot, const struct result *result)
{
	if (workers->is_verbose)
		log_event(LOG_LEVEL_DEBUG, "smarthost %s %c %s", slot->smarthost, result->direction,
		    result->text);
	if (slot->is_traced && slot->task_count != 0 && workers->traced != NULL)
		workers->traced(workers->context, slot->tasks[0].attempt, result);
}

/*
 * It was put off without a reply to it (421 at MAIL), while other connections
 * stand: what has come here goes to them.
 */
static bool is_turned_away(
    struct workers *workers, struct workers_slot *slot, const struct result *result)
{
	if (result->outcome != RESULT_DEFERRED || result->code != 0)
		return false;
	if (!slot->is_too_many && may_be_too_many(workers, slot))
		note_too_many(workers, slot, result->text);
	return slot->is_too_many;
}

/* The session was lost over it.  However many were on their way: it is one session. */
static void note_silence(
    struct workers_slot *slot, struct attempt *attempt, const struct result *result)
{
	bool is_lost = result->outcome == RESULT_DEFERRED || result->outcome == RESULT_IN_DOUBT;

	if (!is_lost || result->code != 0 || slot->has_served || slot->is_doubted)
		return;
	slot->is_doubted = true;
	signs_of_silence(&attempt->sign, result);
}

static void give_back(struct workers *workers, struct workers_slot *slot, size_t index)
{
	struct attempt *attempt = workers_slot_take(slot, index);

	slot->linger_until = 0;
	workers->concluded(workers->context, attempt, false);
}

/* Returns false when the slot's worker is over. */
static bool apply(struct workers *workers, struct workers_slot *slot, const struct result *result)
{
	size_t index = workers_slot_find_number(slot, result->number);
	bool is_ours = index < slot->task_count;
	bool has_stumbled;

	switch (result->kind) {
	case RESULT_TRACE:
		show(workers, slot, result);
		return true;
	case RESULT_READY:
		relay_connected(&slot->relay, result->text, result->security, clock_monotonic());
		events_connected(slot->smarthost, slot->relay.name, slot->relay.security);
		tickets_keep(&workers->tickets, slot->smarthost, result->session);
		/* What has waited for the session goes out now. */
		slot->is_ready = true;
		return send_tasks(workers, slot);
	case RESULT_RECIPIENT:
		/* A code tells of a reply to it; 421 comes without. */
		if (result->code != 0)
			slot->has_served = true;
		if (is_ours && !is_turned_away(workers, slot, result)) {
			note_silence(slot, slot->tasks[index].attempt, result);
			attempt_result(slot->tasks[index].attempt, result, &slot->relay);
			slot->tasks[index].is_cut_off = result->outcome == RESULT_DEFERRED &&
							result->code == 0;
		}
		return true;
	case RESULT_VERIFIED:
	case RESULT_FACT: /* nobody asked */
		return true;
	case RESULT_DONE:
		if (is_ours && slot->is_too_many && slot->tasks[index].attempt->answered_count == 0)
			give_back(workers, slot, index);
		/* Why the session has ended says whether another smarthost takes over. */
		else if (is_ours && !slot->tasks[index].is_cut_off)
			conclude(workers, slot, index);
		return send_tasks(workers, slot);
	case RESULT_LOST:
		/* Who stumbles over single steps as well has no second chance at once. */
		has_stumbled = result->has_stumbled && !slot->is_step_by_step;
		if (has_stumbled)
			note_stumble(workers, slot);
		lose_told(workers, slot, result, has_stumbled);
		return false;
	}
	return true;
}

static void read_slot(struct workers *workers, struct workers_slot *slot, bool has_ended)
{
	struct error error;
	int outcome;

	for (size_t count = 0;; count++) {
		struct buffer message CLEANUP(buffer_finish) = { 0 };
		struct result result;
		int descriptor = -1;

		slot->has_more = count == STEP_RESULTS && !has_ended;
		if (slot->has_more)
			return;

		buffer_init(&message, CHANNEL_LIMIT);
		outcome = channel_take(&slot->channel, &message, &descriptor);
		if (outcome > 0 && result_decode(buffer_span(&message), &result, &error) < 0)
			outcome = -1;
		if (outcome <= 0)
			break;
		if (!apply(workers, slot, &result))
			return;
	}
	if (outcome == 0 && !has_ended)
		return;
	error_set(&error, ERROR_SOFTWARE, "4.3.0", "the delivery worker for %s ended unexpectedly",
	    slot->relay.name);
	if (slot->task_count != 0 && !workers->is_leaving)
		log_event(LOG_LEVEL_ERROR, "%s", error.text);
	/* It may have died of any of these attempts, which therefore count. */
	slot->has_served = false;
	lose_dead(workers, slot, &error);
}

void workers_leave(struct workers *workers)
{
	struct error error;

	workers->is_leaving = true;
	error_set(&error, ERROR_UNAVAILABLE, "4.3.2", "the service is ending");
	for (size_t i = 0; i < WORKERS_LIMIT; i++) {
		struct workers_slot *slot = &workers->slots[i];

		if (slot->is_ready)
			(void)shutdown(slot->channel.fd, SHUT_WR);
		else if (slot->smarthost != NULL)
			lose_untold(workers, slot, &error);
	}
}

void workers_abandon(struct workers *workers)
{
	struct error error;

	error_set(&error, ERROR_UNAVAILABLE, "4.3.2",
	    "the service ended before the smarthost had answered");
	for (size_t i = 0; i < WORKERS_LIMIT; i++)
		if (workers->slots[i].task_count != 0)
			lose_untold(workers, &workers->slots[i], &error);
}

void workers_step(struct workers *workers)
{
	for (size_t i = 0; i < WORKERS_LIMIT; i++) {
		struct workers_slot *slot = &workers->slots[i];
		struct pollfd ready = { .fd = slot->channel.fd, .events = POLLIN };

		if (slot->channel.fd >= 0 && slot->has_more)
			read_slot(workers, slot, false);
		else if (slot->channel.fd >= 0 && poll(&ready, 1, 0) > 0)
			read_slot(workers, slot, channel_fill(&slot->channel) <= 0);
		if (slot->smarthost != NULL && slot->task_count == 0 &&
		    slot->linger_until <= clock_monotonic())
			workers_slot_free(slot);
	}
}
