/* SPDX-License-Identifier: MIT */

#include "service/workers.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "policy/route.h"
#include "service/outgoing.h"
#include "smtp/client/window.h"

enum { TRACE_LIMIT = 2000 }; /* lines of one attempt that its submitter may be shown */

void workers_init(struct workers *workers, struct worker_parent *parent)
{
	*workers = (struct workers){ .parent = parent };
	for (size_t i = 0; i < WORKERS_LIMIT; i++)
		workers->slots[i].channel.fd = -1;
}

static const struct error missing = {
	.kind = ERROR_SOFTWARE,
	.status = "4.3.0",
	.text = "the delivery worker gave no result",
};

static void free_slot(struct workers_slot *slot)
{
	channel_finish(&slot->channel);
	smarthost_finish(&slot->login);
	free(slot->smarthost);
	*slot = (struct workers_slot){ .channel.fd = -1 };
}

static void free_attempt(struct attempt *attempt)
{
	if (attempt != NULL)
		attempt_finish(attempt);
	free(attempt);
}

void workers_finish(struct workers *workers)
{
	for (size_t i = 0; i < WORKERS_LIMIT; i++) {
		struct workers_slot *slot = &workers->slots[i];

		for (size_t j = 0; j < slot->task_count; j++)
			free_attempt(slot->tasks[j].attempt);
		free_slot(slot);
	}
	free_attempt(workers->parked);
	workers->parked = NULL;
	tickets_finish(&workers->tickets);
	stumbles_finish(&workers->stumbles);
	rates_finish(&workers->rates);
}

size_t workers_busy_count(const struct workers *workers)
{
	size_t count = workers->parked != NULL;

	for (size_t i = 0; i < WORKERS_LIMIT; i++)
		count += workers->slots[i].task_count;
	return count;
}

/* What an idle one can take needs no asking: it can be closed for another smarthost. */
static bool may_take_more(const struct workers_slot *slot)
{
	/* Only once it stands: of a smarthost that is down, one attempt is enough to know. */
	return slot->is_ready && !slot->is_stale && slot->sent_count == slot->task_count &&
	       slot->task_count < slot->limit;
}

bool workers_has_room(const struct workers *workers)
{
	if (workers->parked != NULL)
		return false;
	for (size_t i = 0; i < WORKERS_LIMIT; i++)
		if (workers->slots[i].task_count == 0 || may_take_more(&workers->slots[i]))
			return true;
	return false;
}

static struct attempt *slot_find(const struct workers_slot *slot, const char *id)
{
	for (size_t i = 0; i < slot->task_count; i++)
		if (strcmp(slot->tasks[i].attempt->file.id, id) == 0)
			return slot->tasks[i].attempt;
	return NULL;
}

struct attempt *workers_find(const struct workers *workers, const char *id)
{
	if (workers->parked != NULL && strcmp(workers->parked->file.id, id) == 0)
		return workers->parked;
	for (size_t i = 0; i < WORKERS_LIMIT; i++) {
		struct attempt *found = slot_find(&workers->slots[i], id);

		if (found != NULL)
			return found;
	}
	return NULL;
}

bool workers_has(const struct workers *workers, const char *id)
{
	return workers_find(workers, id) != NULL;
}

static void add_task(struct workers_slot *slot, struct attempt *attempt)
{
	slot->tasks[slot->task_count++] = (struct workers_task){ .attempt = attempt };
}

static struct attempt *take_task(struct workers_slot *slot, size_t index)
{
	struct attempt *attempt = slot->tasks[index].attempt;

	slot->octets -= slot->tasks[index].octets;
	slot->task_count--;
	if (index < slot->sent_count)
		slot->sent_count--;
	memmove(&slot->tasks[index], &slot->tasks[index + 1],
	    (slot->task_count - index) * sizeof slot->tasks[0]);
	return attempt;
}

static void conclude(struct workers *workers, struct workers_slot *slot, size_t index)
{
	struct attempt *attempt = take_task(slot, index);

	/* A result that is missing counts as a deferral, never as a delivery. */
	attempt_defer_rest(attempt, &missing, slot->relay);
	slot->linger_until = clock_deadline(slot->is_stale ? 0 : WORKERS_LINGER);
	workers->concluded(workers->context, attempt, true);
}

/*
 * The connection is over, or could not be made.  A server that has served
 * others, or that stumbled, has seen nothing of an attempt without a result:
 * that one goes to another connection at once.
 */
static void lose(struct workers *workers, struct workers_slot *slot, const struct error *why,
    bool is_told, bool has_stumbled)
{
	struct workers_slot lost = *slot;

	*slot = (struct workers_slot){ .channel.fd = -1 };
	while (lost.task_count != 0) {
		bool may_have_arrived = !is_told && lost.sent_count != 0;
		struct attempt *attempt = take_task(&lost, 0);
		/* What we leave undone ourselves is nobody's failure. */
		bool is_counted = !workers->is_leaving &&
				  (!is_told || (!lost.has_served && !has_stumbled) ||
				      attempt->answered_count != 0);

		if (may_have_arrived)
			attempt_doubt_rest(attempt, why, lost.relay);
		else if (is_counted)
			attempt_defer_rest(attempt, why, lost.relay);
		attempt->is_unreached = is_counted && !lost.is_ready;
		workers->concluded(workers->context, attempt, is_counted);
	}
	free_slot(&lost);
}

static bool is_at(const struct workers_slot *slot, const char *smarthost)
{
	return slot->smarthost != NULL && smarthost != NULL && !slot->is_stale &&
	       strcmp(slot->smarthost, smarthost) == 0;
}

const struct smarthost *workers_login(const struct workers *workers, const char *smarthost)
{
	for (size_t i = 0; i < WORKERS_LIMIT; i++)
		if (is_at(&workers->slots[i], smarthost))
			return &workers->slots[i].login;
	return NULL;
}

/* Idle at this smarthost; else free; else idle at another; else with the fewest tasks here. */
static int rank(const struct workers_slot *slot, const char *smarthost)
{
	if (slot->task_count == 0)
		return is_at(slot, smarthost) ? -3 : (slot->smarthost == NULL ? -2 : -1);
	if (is_at(slot, smarthost) && may_take_more(slot))
		return (int)slot->task_count;
	return INT_MAX;
}

/* smarthost NULL: for somebody who shares with nobody. */
static struct workers_slot *find_slot(struct workers *workers, const char *smarthost)
{
	struct workers_slot *best = NULL;
	int lowest = INT_MAX;

	for (size_t i = 0; i < WORKERS_LIMIT; i++) {
		int found = rank(&workers->slots[i], smarthost);

		if (found < lowest) {
			lowest = found;
			best = &workers->slots[i];
		}
	}
	return best;
}

/* A worker that listens takes a request at once; one that does not is at fault. */
static const struct timeval patience = { .tv_sec = 5 };

/* With a rate.  Too few for the probe, which has a MAIL of its own without a token. */
enum { RATED_TASKS = 2 };
_Static_assert(
    (int)RATED_TASKS < (int)WINDOW_PROBE, "a connection with a rate has no cause to probe");

/*
 * As many as its window takes and some more, so that it never waits for us.
 * With a rate, none that would wait there with its token used and come close
 * behind another: but for one, where the rate allows bursts.
 */
static size_t task_limit(const struct smarthost *smarthost)
{
	size_t limit = 2 * (size_t)(smarthost->window != 0 ? smarthost->window : 1);

	if (smarthost->rate != 0)
		return smarthost->burst > 1 ? RATED_TASKS : 1;
	return limit < WORKERS_QUEUE ? limit : WORKERS_QUEUE;
}

/* A new worker in the slot, its relay request sent. */
static int open_slot(struct workers *workers, struct workers_slot *slot,
    const struct config *config, const struct attempt *attempt, struct error *error)
{
	const struct config_smarthost *smarthost = route_choose(config, &attempt->file.envelope);
	struct request_relay relay CLEANUP(request_finish_relay) = { 0 };
	struct buffer message CLEANUP(buffer_finish_secret) = { 0 };
	char *label CLEANUP(memory_free_string) = smarthost_label(&smarthost->parameters);

	free_slot(slot);
	slot->is_traced = attempt->wants_trace;
	slot->is_stale = slot->is_traced;
	slot->smarthost = memory_copy_string(smarthost->parameters.name);
	slot->limit = task_limit(&smarthost->parameters);
	text_copy(slot->relay, sizeof slot->relay, label);
	if (outgoing_relay(config, smarthost, &relay, error) < 0)
		return -1;
	if (relay.smarthost.from != NULL)
		slot->login.from = memory_copy_string(relay.smarthost.from);
	if (worker_start(workers->parent, &slot->channel, error) < 0)
		return -1;
	slot->is_step_by_step = stumbles_has(
	    &workers->stumbles, slot->smarthost, clock_monotonic());
	relay.is_step_by_step = slot->is_step_by_step;
	relay.trace_limit = slot->is_traced ? TRACE_LIMIT : (workers->is_verbose ? UINT32_MAX : 0);
	relay.session = tickets_take(&workers->tickets, slot->smarthost, &relay.session_length);
	(void)setsockopt(slot->channel.fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
	buffer_init(&message, CHANNEL_LIMIT);
	request_encode_relay(&relay, &message);
	int sent = channel_send(&slot->channel, buffer_span(&message), -1);
	return sent < 0 ? error_system(error, "cannot speak to the delivery worker") : 0;
}

/* The message alone is at fault, and no other has to suffer for it. */
enum { SENT_NEVER = 2 };

/* 1: sent; 0: not now, for so many others are without an answer, or it has ended; -1. */
static int send_next(struct workers *workers, struct workers_slot *slot, struct error *error)
{
	struct buffer message CLEANUP(buffer_finish) = { 0 };
	struct workers_task *task = &slot->tasks[slot->sent_count];

	buffer_init(&message, CHANNEL_LIMIT);
	request_encode_attempt(&task->attempt->request, &message);
	if (message.has_overflowed) {
		error_set(error, ERROR_DATA, "5.3.4",
		    "header and recipients are too long to be handed to a worker");
		return SENT_NEVER;
	}
	/* The worker, busy with results for us, must not have to read this before we read them. */
	if (slot->sent_count != 0 && slot->octets + message.length > WORKERS_OCTETS)
		return 0;
	/* The worker may read the message, and neither mark nor lock it. */
	int content CLEANUP(file_close) = queue_file_open_content(&task->attempt->file, error);
	if (content < 0)
		return SENT_NEVER;
	if (channel_send(&slot->channel, buffer_span(&message), content) < 0) {
		/* It has ended; what it said before is still to be read, and may be deliveries. */
		if (errno == EPIPE || errno == ECONNRESET)
			return 0;
		return error_system(error, "cannot speak to the delivery worker");
	}
	/* Only now, for the connection may have taken its time. */
	if (task->attempt->has_token)
		rates_take(&workers->rates, task->attempt->smarthost, clock_monotonic());
	task->attempt->has_token = false;
	task->octets = message.length;
	slot->octets += message.length;
	slot->sent_count++;
	return 1;
}

static void drop_task(struct workers *workers, struct workers_slot *slot, const struct error *why)
{
	struct attempt *attempt = take_task(slot, slot->sent_count);

	attempt_defer_rest(attempt, why, slot->relay);
	workers->concluded(workers->context, attempt, true);
}

/* False when the worker is over. */
static bool send_tasks(struct workers *workers, struct workers_slot *slot)
{
	struct error error;

	while (!workers->is_leaving && slot->sent_count < slot->task_count) {
		int sent = send_next(workers, slot, &error);

		if (sent == 0)
			break;
		if (sent == SENT_NEVER)
			drop_task(workers, slot, &error);
		if (sent > 0)
			continue;
		lose(workers, slot, &error, false, false);
		return false;
	}
	return true;
}

static void assign_to(struct workers *workers, struct workers_slot *slot,
    const struct config *config, struct attempt *attempt)
{
	struct error error;
	int opened = 0;

	if (attempt->wants_trace || !is_at(slot, attempt->smarthost))
		opened = open_slot(workers, slot, config, attempt, &error);
	add_task(slot, attempt);
	if (opened < 0)
		lose(workers, slot, &error, false, false);
	/* A new worker does not listen before it is ready, and we must not wait for it. */
	else if (slot->is_ready)
		(void)send_tasks(workers, slot);
}

void workers_assign(struct workers *workers, const struct config *config, struct attempt *attempt)
{
	struct workers_slot *slot = find_slot(
	    workers, attempt->wants_trace ? NULL : attempt->smarthost);

	if (slot != NULL)
		assign_to(workers, slot, config, attempt);
	else
		workers->parked = attempt;
}

/* The one that waits for a worker gets the first that has room. */
static void assign_parked(struct workers *workers, const struct config *config)
{
	struct attempt *attempt = workers->parked;

	if (attempt == NULL)
		return;
	const struct config_smarthost *smarthost = route_choose(config, &attempt->file.envelope);
	workers->parked = NULL;
	/* The settings may have changed while it waited. */
	if (smarthost == NULL || strcmp(smarthost->parameters.name, attempt->smarthost) != 0)
		workers->concluded(workers->context, attempt, false);
	else
		workers_assign(workers, config, attempt);
}

void workers_forget(struct workers *workers)
{
	for (size_t i = 0; i < WORKERS_LIMIT; i++) {
		struct workers_slot *slot = &workers->slots[i];

		slot->is_stale = true;
		if (slot->task_count == 0)
			free_slot(slot);
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

		if (slot->smarthost != NULL && slot->task_count == 0 &&
		    slot->linger_until < deadline)
			deadline = slot->linger_until;
	}
	return deadline;
}

/* The task with this number; task_count when there is none. */
static size_t find_task(const struct workers_slot *slot, uint32_t number)
{
	size_t i = 0;

	while (i < slot->sent_count && slot->tasks[i].attempt->request.number != number)
		i++;
	return i < slot->sent_count ? i : slot->task_count;
}

static void note_stumble(struct workers *workers, const struct workers_slot *slot)
{
	stumbles_note(&workers->stumbles, slot->smarthost, clock_monotonic());
	log_event(LOG_LEVEL_WARNING,
	    "%s could not follow commands sent ahead of its replies: it is spoken to step by step "
	    "for a while",
	    slot->relay);
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

/* Returns false when the slot's worker is over. */
static bool apply(struct workers *workers, struct workers_slot *slot, const struct result *result)
{
	size_t index = find_task(slot, result->number);
	bool is_ours = index < slot->task_count;
	bool has_stumbled;

	switch (result->kind) {
	case RESULT_TRACE:
		show(workers, slot, result);
		return true;
	case RESULT_READY:
		text_copy(slot->relay, sizeof slot->relay, result->text);
		tickets_keep(&workers->tickets, slot->smarthost, result->session);
		/* What has waited for the session goes out now. */
		slot->is_ready = true;
		return send_tasks(workers, slot);
	case RESULT_RECIPIENT:
		/* A code tells of a reply to it; 421 comes without. */
		if (result->code != 0)
			slot->has_served = true;
		if (is_ours)
			attempt_result(slot->tasks[index].attempt, result, slot->relay);
		return true;
	case RESULT_VERIFIED: /* nobody asked */
		return true;
	case RESULT_DONE:
		if (is_ours)
			conclude(workers, slot, index);
		return send_tasks(workers, slot);
	case RESULT_LOST:
		/* Who stumbles over single steps as well has no second chance at once. */
		has_stumbled = result->has_stumbled && !slot->is_step_by_step;
		if (has_stumbled)
			note_stumble(workers, slot);
		lose(workers, slot, &result->error, true, has_stumbled);
		return false;
	}
	return true;
}

static void read_slot(struct workers *workers, struct workers_slot *slot, bool has_ended)
{
	struct error error;
	int outcome;

	for (;;) {
		struct buffer message CLEANUP(buffer_finish) = { 0 };
		struct result result;
		int descriptor = -1;

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
	    slot->relay);
	if (slot->task_count != 0 && !workers->is_leaving)
		log_event(LOG_LEVEL_ERROR, "%s", error.text);
	/* It may have died of any of these attempts, which therefore count. */
	slot->has_served = false;
	lose(workers, slot, &error, false, false);
}

void workers_leave(struct workers *workers)
{
	struct attempt *parked = workers->parked;
	struct error error;

	workers->is_leaving = true;
	workers->parked = NULL;
	if (parked != NULL)
		workers->concluded(workers->context, parked, false);
	error_set(&error, ERROR_UNAVAILABLE, "4.3.2", "the service is ending");
	for (size_t i = 0; i < WORKERS_LIMIT; i++) {
		struct workers_slot *slot = &workers->slots[i];

		if (slot->is_ready)
			(void)shutdown(slot->channel.fd, SHUT_WR);
		else if (slot->smarthost != NULL)
			lose(workers, slot, &error, false, false);
	}
}

void workers_abandon(struct workers *workers)
{
	struct error error;

	error_set(&error, ERROR_UNAVAILABLE, "4.3.2",
	    "the service ended before the smarthost had answered");
	for (size_t i = 0; i < WORKERS_LIMIT; i++)
		if (workers->slots[i].task_count != 0)
			lose(workers, &workers->slots[i], &error, false, false);
}

void workers_step(struct workers *workers, const struct config *config)
{
	for (size_t i = 0; i < WORKERS_LIMIT; i++) {
		struct workers_slot *slot = &workers->slots[i];
		struct pollfd ready = { .fd = slot->channel.fd, .events = POLLIN };

		if (slot->channel.fd >= 0 && poll(&ready, 1, 0) > 0)
			read_slot(workers, slot, channel_fill(&slot->channel) <= 0);
		if (slot->smarthost != NULL && slot->task_count == 0 &&
		    slot->linger_until <= clock_monotonic())
			free_slot(slot);
	}
	assign_parked(workers, config);
}
