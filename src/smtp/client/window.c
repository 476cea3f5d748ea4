/* SPDX-License-Identifier: MIT */

#include "smtp/client/window.h"

#include <assert.h>
#include <stdlib.h>

#include "base/clock.h"
#include "smtp/client/session_wire.h"
#include "smtp/client/window_parts.h"

enum {
	UNASKED_REPLY_TIMEOUT = 1000, /* milliseconds for all of it, once it has begun */
	OUTPUT_STEP = 16384,	      /* octets that must leave within the time for a block */
};

static size_t unsent(const struct stream *stream)
{
	return stream->output.length - stream->output_start;
}

uint64_t window_left(const struct window *window)
{
	return window->put - unsent(window->session->stream);
}

bool window_may_be_seen(const struct window *window, const struct pipeline_entry *entry)
{
	const struct delivery *delivery = entry->delivery;

	if (delivery != NULL && entry->is_content_end && delivery->has_content_begun)
		return delivery->is_whole && delivery->end <= window_left(window);
	return entry->end <= window_left(window);
}

void window_await(struct window *window)
{
	const struct pipeline_entry *head = pipeline_head(&window->session->pipeline);

	window->reply_until = head != NULL
				  ? clock_deadline(session_reply_timeout(window->session, head))
				  : CLOCK_NEVER;
}

void window_finish(struct window *window, struct delivery *delivery)
{
	assert(delivery == window->first);

	/* The server has said so, and nothing was put since. */
	if (delivery == window->last && delivery->has_begun && delivery->fates.is_ended)
		window->is_clean = true;
	window->first = delivery->next;
	if (window->first == NULL)
		window->last = NULL;
	window->count--;
	window->octets -= delivery->octets;
	window->source->finished(window->source->context, delivery->transaction,
	    delivery->is_returned ? WINDOW_RETURNED : WINDOW_DONE);
	fates_finish(&delivery->fates);
	free(delivery);
}

/* Finishes those of which nothing is to be sent and no reply is awaited.  True: some. */
static bool settle(struct window *window)
{
	bool has_settled = false;

	while (window->first != NULL && window->first->stage == DELIVERY_SENT &&
	       window->first->awaited == 0) {
		assert(!fates_has_takers(&window->first->fates));
		if (window->first->has_begun && !window->first->is_returned)
			window->finished++;
		window_finish(window, window->first);
		has_settled = true;
	}
	return has_settled;
}

/* The 421 is the answer to its content. */
static bool is_put_off_itself(const struct window *window, const struct delivery *delivery)
{
	const struct pipeline_entry *head = pipeline_head(&window->session->pipeline);

	return head != NULL && head->delivery == delivery && head->is_content_end;
}

/*
 * The server took its leave before it, or put it off in a session that has served
 * others; or nothing of it has left; or of its envelope alone, in such a session, or because the
 * server stumbled over what was sent ahead.
 */
static bool may_return(const struct window *window, const struct delivery *delivery, uint64_t left)
{
	if (!fates_is_untold(&delivery->fates))
		return false;
	if (window->is_leaving)
		return true;
	/* A server that ends a session in which it took others wants a new one. */
	if (window->is_put_off && window->finished != 0 && !is_put_off_itself(window, delivery))
		return true;
	if (!delivery->has_begun || delivery->begin >= left)
		return true;
	if (delivery->has_content_begun && delivery->content < left)
		return false;
	return window->finished != 0 || window->session->has_stumbled;
}

/*
 * Without a reply: in doubt when all of it had left; for another session, at
 * once, when it was only waiting its turn; put off otherwise.
 */
static void lose_delivery(struct window *window, struct delivery *delivery, struct error *error)
{
	uint64_t left = window_left(window);
	bool has_left = delivery->is_whole && delivery->end <= left;

	/* A 421 to its content is an answer. */
	if (window->is_put_off && is_put_off_itself(window, delivery))
		window->finished++;
	if (may_return(window, delivery, left)) {
		delivery->is_returned = true;
		fates_withdraw(&delivery->fates);
	} else if (fates_has_takers(&delivery->fates)) {
		fates_give_up(&delivery->fates, error, has_left && !window->is_put_off);
	}
	window_finish(window, delivery);
}

/*
 * A connection that is lost before the server has coped with a single flight
 * of several commands may be lost because of them.
 */
static bool may_be_a_stumble(const struct window *window)
{
	const struct session *session = window->session;

	return session->extensions.pipelining && window->flight > 1 && window->finished == 0 &&
	       session->pipeline.count != 0 && !window->is_put_off;
}

static int lose(struct window *window, struct error *error)
{
	if (window->is_leaving)
		*error = window->reason;
	else if (may_be_a_stumble(window))
		window->session->has_stumbled = true;
	session_break(window->session);
	while (window->first != NULL)
		lose_delivery(window, window->first, error);
	return -1;
}

/* What could not even be begun. */
static void return_held(struct window *window)
{
	if (window->held != NULL)
		window->source->finished(window->source->context, window->held, WINDOW_RETURNED);
	window->held = NULL;
}

/* Takes all replies that have come. */
static int take_replies(struct window *window, struct error *error)
{
	int taken;

	for (;;) {
		struct reply reply = { 0 };

		taken = session_take_reply(window->session, &reply, error);
		if (taken <= 0) {
			window->is_put_off = reply.code == 421;
			return taken;
		}
		if (window_answer(window, &reply, error) < 0)
			return -1;
		(void)settle(window);
	}
}

static bool is_idle(const struct window *window)
{
	return window->session->pipeline.count == 0 && unsent(window->session->stream) == 0;
}

/* Deadlines belong to steps: a reply is due when its command has left, a block when it was put. */
static int64_t deadline_of(struct window *window)
{
	const struct session *session = window->session;
	const struct pipeline_entry *head = pipeline_head(&session->pipeline);

	if (is_idle(window) && stream_input(session->stream).length != 0 &&
	    window->reply_until == CLOCK_NEVER)
		window->reply_until = clock_deadline(UNASKED_REPLY_TIMEOUT);
	if (unsent(session->stream) == 0)
		return window->reply_until;
	/* Nothing is due to what is still leaving. */
	if (head == NULL || !window_may_be_seen(window, head))
		return window->output_until;
	return window->output_until > window->reply_until ? window->output_until
							  : window->reply_until;
}

static void note_sent(struct window *window)
{
	const struct session *session = window->session;
	bool is_empty = unsent(session->stream) == 0;

	if (is_empty)
		window_await(window);
	if (!is_empty && window_left(window) - window->output_mark < OUTPUT_STEP)
		return;
	window->output_mark = window_left(window);
	/* What is put next has a time of its own. */
	window->output_until = is_empty ? 0 : clock_deadline(session->settings->timeouts.content);
}

static int watched(const struct window *window)
{
	const struct window_source *source = window->source;

	if (window->is_over || window->is_ending || source->attend == NULL)
		return -1;
	return source->descriptor(source->context);
}

/* One wait, and what came of it. */
static int wait_and_take(struct window *window, struct error *error)
{
	struct session *session = window->session;

	if (unsent(session->stream) != 0 && window->output_until == 0)
		window->output_until = clock_deadline(session->settings->timeouts.content);
	int moved = session_exchange(session, watched(window), deadline_of(window), error);
	if (moved < 0)
		return -1;
	if (moved & STREAM_OTHER)
		window->is_over = !window->source->attend(window->source->context);
	if (moved & STREAM_SENT)
		note_sent(window);
	if (moved & STREAM_READ)
		return take_replies(window, error);
	return 0;
}

/* 0 when nothing more will come, or is to be begun. */
static int run(struct window *window, struct error *error)
{
	for (;;) {
		do
			if (window_send(window, error) < 0)
				return -1;
		while (settle(window));
		/* Without a message on its way, there is nothing else to wait for. */
		if (is_idle(window) && window->count == 0 && watched(window) < 0)
			return 0;
		if (wait_and_take(window, error) < 0)
			return -1;
	}
}

int window_run(struct session *session, const struct window_source *source, struct error *error)
{
	struct window window = {
		.session = session,
		.source = source,
		.is_clean = !session->needs_reset,
		.is_doubtful = session->needs_reset,
		.reply_until = CLOCK_NEVER,
	};

	assert(session->is_usable && session->pipeline.count == 0);
	int outcome = run(&window, error);
	if (outcome < 0)
		lose(&window, error);
	return_held(&window);
	session->needs_reset = !window.is_clean;
	if (outcome == 0 && window.is_ending) {
		*error = window.reason;
		return -1;
	}
	return outcome;
}
