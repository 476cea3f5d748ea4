/* SPDX-License-Identifier: MIT */

#include "service/workers.h"

#include <errno.h>
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

void workers_init(struct workers *workers, struct worker_parent *parent)
{
	*workers = (struct workers){ .parent = parent };
	for (size_t i = 0; i < WORKERS_LIMIT; i++)
		workers->slots[i].channel.fd = -1;
}

static void free_slot(struct workers_slot *slot)
{
	channel_finish(&slot->channel);
	free(slot->smarthost);
	*slot = (struct workers_slot){ .channel.fd = -1 };
}

void workers_finish(struct workers *workers)
{
	for (size_t i = 0; i < WORKERS_LIMIT; i++) {
		struct workers_slot *slot = &workers->slots[i];

		if (slot->attempt != NULL)
			attempt_finish(slot->attempt);
		free(slot->attempt);
		free_slot(slot);
	}
	tickets_finish(&workers->tickets);
}

size_t workers_busy_count(const struct workers *workers)
{
	size_t count = 0;

	for (size_t i = 0; i < WORKERS_LIMIT; i++)
		count += workers->slots[i].attempt != NULL;
	return count;
}

bool workers_has_room(const struct workers *workers)
{
	return workers_busy_count(workers) < WORKERS_LIMIT;
}

bool workers_has(const struct workers *workers, const char *id)
{
	for (size_t i = 0; i < WORKERS_LIMIT; i++)
		if (workers->slots[i].attempt != NULL &&
		    strcmp(workers->slots[i].attempt->file.id, id) == 0)
			return true;
	return false;
}

static void conclude(struct workers *workers, struct workers_slot *slot)
{
	struct attempt *attempt = slot->attempt;

	slot->attempt = NULL;
	slot->has_served = true;
	slot->linger_until = clock_deadline(slot->is_stale ? 0 : WORKERS_LINGER);
	workers->concluded(workers->context, attempt, true);
}

/* The connection is over, or could not be made. */
static void lose(struct workers *workers, struct workers_slot *slot, const struct error *why)
{
	if (slot->attempt == NULL) {
		free_slot(slot);
		return;
	}
	/* A server that closed an idle connection has seen nothing of this attempt. */
	bool is_counted = !slot->has_served || slot->attempt->answered_count != 0;
	struct attempt *attempt = slot->attempt;

	slot->attempt = NULL;
	if (is_counted)
		attempt_defer_rest(attempt, why, slot->relay);
	free_slot(slot);
	workers->concluded(workers->context, attempt, is_counted);
}

static struct workers_slot *find_slot(struct workers *workers, const char *smarthost)
{
	struct workers_slot *spare = NULL;

	for (size_t i = 0; i < WORKERS_LIMIT; i++) {
		struct workers_slot *slot = &workers->slots[i];

		if (slot->attempt != NULL)
			continue;
		if (slot->smarthost != NULL && !slot->is_stale &&
		    strcmp(slot->smarthost, smarthost) == 0)
			return slot;
		if (spare == NULL || slot->smarthost == NULL)
			spare = slot;
	}
	return spare;
}

/* A worker that listens takes a request at once; one that does not is at fault. */
static const struct timeval patience = { .tv_sec = 5 };

/* A new worker in the slot, its relay request sent. */
static int open_slot(struct workers *workers, struct workers_slot *slot,
    const struct config *config, const struct config_smarthost *smarthost, struct error *error)
{
	struct request_relay relay CLEANUP(request_finish_relay) = { 0 };
	struct buffer message CLEANUP(buffer_finish) = { 0 };
	char *label CLEANUP(memory_free_string) = smarthost_label(&smarthost->parameters);

	free_slot(slot);
	slot->smarthost = memory_copy_string(smarthost->parameters.name);
	text_copy(slot->relay, sizeof slot->relay, label);
	if (outgoing_relay(config, smarthost, &relay, error) < 0)
		return -1;
	if (worker_start(workers->parent, &slot->channel, error) < 0)
		return -1;
	relay.session = tickets_take(&workers->tickets, slot->smarthost, &relay.session_length);
	(void)setsockopt(slot->channel.fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
	buffer_init(&message, CHANNEL_LIMIT);
	request_encode_relay(&relay, &message);
	int sent = channel_send(&slot->channel, buffer_span(&message), -1);
	if (message.start != NULL)
		explicit_bzero(message.start, message.length);
	return sent < 0 ? error_system(error, "cannot speak to the delivery worker") : 0;
}

static int send_attempt(struct workers_slot *slot, struct error *error)
{
	struct buffer message CLEANUP(buffer_finish) = { 0 };

	buffer_init(&message, CHANNEL_LIMIT);
	request_encode_attempt(&slot->attempt->request, &message);
	if (message.has_overflowed)
		return error_set(
		    error, ERROR_DATA, "5.3.4", "the header is too long to be handed over");
	/* The worker may read the message, and neither mark nor lock it. */
	int content CLEANUP(file_close) = queue_file_open_content(&slot->attempt->file, error);
	if (content < 0)
		return -1;
	if (channel_send(&slot->channel, buffer_span(&message), content) < 0)
		return error_system(error, "cannot speak to the delivery worker");
	return 0;
}

void workers_assign(struct workers *workers, const struct config *config, struct attempt *attempt)
{
	const struct config_smarthost *smarthost = route_choose(config, &attempt->file.envelope);
	struct workers_slot *slot = find_slot(workers, attempt->smarthost);
	struct error error;

	slot->attempt = attempt;
	if (slot->smarthost == NULL || slot->is_stale ||
	    strcmp(slot->smarthost, attempt->smarthost) != 0) {
		slot->attempt = NULL;
		int opened = open_slot(workers, slot, config, smarthost, &error);
		slot->attempt = attempt;
		if (opened < 0) {
			lose(workers, slot, &error);
			return;
		}
	}
	/* A new worker does not listen before it is ready, and we must not wait for it. */
	if (slot->is_ready && send_attempt(slot, &error) < 0)
		lose(workers, slot, &error);
}

void workers_forget(struct workers *workers)
{
	for (size_t i = 0; i < WORKERS_LIMIT; i++) {
		struct workers_slot *slot = &workers->slots[i];

		slot->is_stale = true;
		if (slot->attempt == NULL)
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

		if (slot->smarthost != NULL && slot->attempt == NULL &&
		    slot->linger_until < deadline)
			deadline = slot->linger_until;
	}
	return deadline;
}

static const struct error missing = {
	.kind = ERROR_SOFTWARE,
	.status = "4.3.0",
	.text = "the delivery worker gave no result",
};

/* The attempt that has waited for the session goes out now.  False when the worker is over. */
static bool make_ready(struct workers *workers, struct workers_slot *slot)
{
	struct error error;

	slot->is_ready = true;
	if (slot->attempt == NULL || send_attempt(slot, &error) == 0)
		return true;
	lose(workers, slot, &error);
	return false;
}

/* Returns false when the slot's worker is over. */
static bool apply(struct workers *workers, struct workers_slot *slot, const struct result *result)
{
	bool is_ours = slot->attempt != NULL && result->number == slot->attempt->request.number;

	switch (result->kind) {
	case RESULT_READY:
		text_copy(slot->relay, sizeof slot->relay, result->text);
		tickets_keep(&workers->tickets, slot->smarthost, result->session);
		return make_ready(workers, slot);
	case RESULT_RECIPIENT:
		if (is_ours)
			attempt_result(slot->attempt, result, slot->relay);
		return true;
	case RESULT_DONE:
		if (is_ours) {
			/* A result that is missing counts as a deferral, never as a delivery. */
			attempt_defer_rest(slot->attempt, &missing, slot->relay);
			conclude(workers, slot);
		}
		return true;
	case RESULT_LOST:
		lose(workers, slot, &result->error);
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
	if (slot->attempt != NULL)
		log_event(LOG_LEVEL_ERROR, "%s", error.text);
	/* It may have died of this attempt, which therefore counts. */
	slot->has_served = false;
	lose(workers, slot, &error);
}

void workers_step(struct workers *workers)
{
	for (size_t i = 0; i < WORKERS_LIMIT; i++) {
		struct workers_slot *slot = &workers->slots[i];
		struct pollfd ready = { .fd = slot->channel.fd, .events = POLLIN };

		if (slot->channel.fd >= 0 && poll(&ready, 1, 0) > 0)
			read_slot(workers, slot, channel_fill(&slot->channel) <= 0);
		if (slot->smarthost != NULL && slot->attempt == NULL &&
		    slot->linger_until <= clock_monotonic())
			free_slot(slot);
	}
}
