/* SPDX-License-Identifier: MIT */

#include "service/workers_slot.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/memory.h"
#include "smtp/client/window.h"

void workers_slot_init(struct workers_slot *slot)
{
	*slot = (struct workers_slot){ .channel.fd = -1 };
}

void workers_slot_free(struct workers_slot *slot)
{
	for (size_t i = 0; i < slot->task_count; i++) {
		attempt_finish(slot->tasks[i].attempt);
		free(slot->tasks[i].attempt);
	}
	channel_finish(&slot->channel);
	smarthost_finish(&slot->login);
	free(slot->tasks);
	relay_finish(&slot->relay);
	free(slot->smarthost);
	workers_slot_init(slot);
}

/* ---- a connection ---- */

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

void workers_slot_name(struct workers_slot *slot, const struct smarthost *smarthost)
{
	assert(slot->smarthost == NULL);
	slot->smarthost = memory_copy_string(smarthost->name);
	slot->relay.name = smarthost_label(smarthost);
	slot->limit = task_limit(smarthost);
	slot->tasks = memory_allocate(slot->limit * sizeof *slot->tasks);
}

int workers_slot_open(struct workers_slot *slot, const struct request_relay *relay,
    struct worker_parent *parent, struct error *error)
{
	struct buffer message CLEANUP(buffer_finish_secret) = { 0 };

	if (relay->smarthost.from != NULL)
		slot->login.from = memory_copy_string(relay->smarthost.from);
	slot->relay.opened = clock_monotonic();
	if (worker_start(parent, &slot->channel, error) < 0)
		return -1;
	(void)setsockopt(slot->channel.fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
	buffer_init(&message, CHANNEL_LIMIT);
	request_encode_relay(relay, &message);
	int sent = channel_send(&slot->channel, buffer_span(&message), -1);
	return sent < 0 ? error_system(error, "cannot speak to the delivery worker") : 0;
}

bool workers_slot_is_named(const struct workers_slot *slot, const char *smarthost)
{
	return slot->smarthost != NULL && strcmp(slot->smarthost, smarthost) == 0;
}

bool workers_slot_is_at(const struct workers_slot *slot, const char *smarthost)
{
	return !slot->is_stale && workers_slot_is_named(slot, smarthost);
}

bool workers_slot_is_idle(const struct workers_slot *slot)
{
	return slot->smarthost != NULL && slot->task_count == 0;
}

bool workers_slot_may_take_more(const struct workers_slot *slot)
{
	/* Only once it stands: of a smarthost that is down, one attempt is enough to know. */
	return slot->is_ready && !slot->is_stale && slot->sent_count == slot->task_count &&
	       slot->task_count < slot->limit;
}

/* ---- its attempts ---- */

void workers_slot_add(struct workers_slot *slot, struct attempt *attempt)
{
	assert(slot->task_count < slot->limit);
	attempt->times.assigned = clock_monotonic();
	slot->tasks[slot->task_count++] = (struct workers_task){ .attempt = attempt };
}

struct attempt *workers_slot_take(struct workers_slot *slot, size_t index)
{
	struct attempt *attempt = slot->tasks[index].attempt;

	assert(index < slot->task_count);
	slot->octets -= slot->tasks[index].octets;
	slot->task_count--;
	if (index < slot->sent_count)
		slot->sent_count--;
	memmove(&slot->tasks[index], &slot->tasks[index + 1],
	    (slot->task_count - index) * sizeof slot->tasks[0]);
	return attempt;
}

struct attempt *workers_slot_find(const struct workers_slot *slot, const char *id)
{
	for (size_t i = 0; i < slot->task_count; i++)
		if (strcmp(slot->tasks[i].attempt->file.id, id) == 0)
			return slot->tasks[i].attempt;
	return NULL;
}

size_t workers_slot_find_number(const struct workers_slot *slot, uint32_t number)
{
	size_t i = 0;

	while (i < slot->sent_count && slot->tasks[i].attempt->request.number != number)
		i++;
	return i < slot->sent_count ? i : slot->task_count;
}

/* Only now, for the connection may have taken its time. */
static void use_token(struct attempt *attempt, struct rates *rates)
{
	tokens_take(rates, &attempt->tokens, clock_monotonic());
}

enum workers_sent workers_slot_send_next(
    struct workers_slot *slot, struct rates *rates, struct error *error)
{
	struct buffer message CLEANUP(buffer_finish) = { 0 };
	struct workers_task *task = &slot->tasks[slot->sent_count];

	assert(slot->is_ready && slot->sent_count < slot->task_count);
	buffer_init(&message, CHANNEL_LIMIT);
	request_encode_attempt(&task->attempt->request, &message);
	if (message.has_overflowed) {
		error_set(error, ERROR_DATA, "5.3.4",
		    "header and recipients are too long to be handed to a worker");
		return WORKERS_SENT_NEVER;
	}
	/* The worker, busy with results for us, must not have to read this before we read them. */
	if (slot->sent_count != 0 && slot->octets + message.length > WORKERS_OCTETS)
		return WORKERS_SENT_LATER;
	/* The worker may read the message, and neither mark nor lock it. */
	int content CLEANUP(file_close) = queue_file_open_content(&task->attempt->file, error);
	if (content < 0)
		return WORKERS_SENT_NEVER;
	if (channel_send(&slot->channel, buffer_span(&message), content) < 0) {
		/* It has ended; what it said before is still to be read, and may be deliveries. */
		if (errno == EPIPE || errno == ECONNRESET)
			return WORKERS_SENT_LATER;
		error_system(error, "cannot speak to the delivery worker");
		return WORKERS_SENT_BROKEN;
	}
	task->attempt->times.sent = clock_monotonic();
	use_token(task->attempt, rates);
	task->octets = message.length;
	slot->octets += message.length;
	slot->sent_count++;
	return WORKERS_SENT;
}
