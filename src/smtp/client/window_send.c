/* SPDX-License-Identifier: MIT */

#include "smtp/client/window_parts.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "smtp/client/harmless.h"

/* Commands that await their reply, at most. */
enum { COMMAND_WINDOW = 1024 };

/* What became of a step. */
enum move {
	MOVE_LOST = -1,
	MOVE_WAIT, /* a reply, or room, must come first */
	MOVE_ON,
};

static bool is_pipelining(const struct window *window)
{
	return window->session->extensions.pipelining;
}

static bool is_chunking(const struct window *window)
{
	return window->session->extensions.chunking;
}

static bool is_lmtp(const struct window *window)
{
	return window->session->settings->smarthost->is_lmtp;
}

/* At least 1: a smarthost without a word about it. */
static size_t window_size(const struct window *window)
{
	unsigned size = window->session->settings->smarthost->window;

	return size != 0 ? size : 1;
}

/* A command may join the flight. */
static bool may_put(const struct window *window)
{
	size_t awaited = window->session->pipeline.count;

	if (!is_pipelining(window))
		return awaited == 0;
	return awaited < COMMAND_WINDOW &&
	       stream_room(window->session->stream) >= COMMAND_LINE_LIMIT;
}

static void push(struct window *window, struct delivery *delivery, struct pipeline_entry entry)
{
	struct pipeline *pipeline = &window->session->pipeline;

	entry.delivery = delivery;
	entry.end = window->put;
	if (pipeline->count == 0)
		window->flight = 0;
	window->flight++;
	delivery->awaited++;
	pipeline_push(pipeline, entry);
	if (pipeline->count == 1)
		window_await(window);
}

static void put_octets(struct window *window, struct span octets)
{
	session_put(window->session, octets);
	window->put += octets.length;
}

static void put_line(struct window *window, struct delivery *delivery, const struct buffer *line,
    struct pipeline_entry entry)
{
	assert(!line->has_overflowed);
	if (!delivery->has_begun)
		delivery->begin = window->put;
	delivery->has_begun = true;
	put_octets(window, buffer_span(line));
	push(window, delivery, entry);
}

static void put_plain(struct window *window, struct delivery *delivery, enum command_verb verb)
{
	CLEANUP(buffer_finish) struct buffer line = { 0 };

	buffer_init(&line, COMMAND_LINE_LIMIT);
	command_write_plain(&line, verb);
	put_line(window, delivery, &line, (struct pipeline_entry){ .verb = verb });
}

static enum move put_reset(struct window *window, struct delivery *delivery)
{
	delivery->stage = DELIVERY_MAIL;
	if (window->is_clean)
		return MOVE_ON;
	put_plain(window, delivery, COMMAND_RSET);
	window->is_clean = true;
	return MOVE_ON;
}

static enum move put_mail(struct window *window, struct delivery *delivery)
{
	CLEANUP(buffer_finish) struct buffer line = { 0 };

	buffer_init(&line, COMMAND_LINE_LIMIT);
	command_write_mail(&line, delivery->transaction->envelope->sender,
	    &delivery->fates.parameters, &window->session->extensions);
	put_line(window, delivery, &line, (struct pipeline_entry){ .verb = COMMAND_MAIL });
	window->is_clean = false;
	window->begun++;
	delivery->stage = DELIVERY_RCPT;
	return MOVE_ON;
}

/* One a call, for each needs room. */
static enum move put_recipient(struct window *window, struct delivery *delivery)
{
	CLEANUP(buffer_finish) struct buffer line = { 0 };
	const struct envelope *envelope = delivery->transaction->envelope;

	while (delivery->next_recipient < envelope->recipient_count) {
		size_t i = delivery->next_recipient++;
		struct pipeline_entry entry = { .verb = COMMAND_RCPT, .recipient = i };

		if (delivery->fates.of[i] == FATE_REPORTED)
			continue;
		buffer_init(&line, COMMAND_LINE_LIMIT);
		command_write_rcpt(&line, &envelope->recipients[i], &window->session->extensions);
		put_line(window, delivery, &line, entry);
		return MOVE_ON;
	}
	delivery->stage = DELIVERY_START;
	return MOVE_ON;
}

/* Nothing more is sent of it. */
static enum move end_sending(struct delivery *delivery)
{
	delivery->stage = DELIVERY_SENT;
	return MOVE_ON;
}

static void push_end(struct window *window, struct delivery *delivery)
{
	push(window, delivery,
	    (struct pipeline_entry){ .verb = COMMAND_UNKNOWN, .is_content_end = true });
}

/*
 * LMTP answers the content as often as it accepted a recipient, whom it may
 * refuse before the content has ended.
 */
static void await_deliveries(struct window *window, struct delivery *delivery)
{
	if (!is_lmtp(window) || delivery->fates.accepted == 0)
		return;
	for (size_t i = 1; i < delivery->fates.accepted; i++)
		push_end(window, delivery);
	/* These are replies, not commands sent ahead of one. */
	window->flight -= delivery->fates.accepted - 1;
}

static void begin_content(struct window *window, struct delivery *delivery, bool is_stuffed)
{
	delivery->flow.is_stuffed = is_stuffed;
	delivery->content = window->put;
	delivery->has_content_begun = true;
	delivery->stage = DELIVERY_CONTENT;
	await_deliveries(window, delivery);
}

/* No other message has commands before it that await their reply. */
static bool is_alone(const struct window *window, const struct delivery *delivery)
{
	return pipeline_head(&window->session->pipeline)->delivery == delivery;
}

/* One message at a time, so that every reply too many is seen for what it is. */
static bool may_risk(const struct window *window, const struct delivery *delivery)
{
	return window->probe.state == PROBE_UNTRIED && !window->is_doubtful &&
	       is_alone(window, delivery) && window_size(window) > 1 && !is_lmtp(window) &&
	       harmless_content(&delivery->transaction->content);
}

/*
 * RFC 3030, 2: the replies to RCPT come first, until the probe has held, or
 * where the text does no harm if the server runs it because it took nobody.
 */
static bool may_go_ahead(const struct window *window, struct delivery *delivery)
{
	if (window->probe.state == PROBE_OPEN || delivery->awaited == 0)
		return true;
	if (!delivery->must_wait)
		delivery->is_ahead = may_risk(window, delivery);
	delivery->must_wait = !delivery->is_ahead;
	return delivery->is_ahead;
}

/*
 * No content goes to a server that has said more than it was asked: its reply
 * too many would be taken for that to the content.
 */
static bool is_quiet(const struct window *window, struct error *error)
{
	struct session *session = window->session;

	return session->pipeline.count != 0 || !stream_look(session->stream) ||
	       session_check_silence(session, error) == 0;
}

static enum move put_chunk(struct window *window, struct delivery *delivery, struct error *error)
{
	CLEANUP(buffer_finish) struct buffer line = { 0 };
	struct pipeline_entry entry = { .verb = COMMAND_BDAT, .is_content_end = true };

	if (!may_go_ahead(window, delivery))
		return MOVE_WAIT;
	if (!is_quiet(window, error))
		return MOVE_LOST;
	buffer_init(&line, COMMAND_LINE_LIMIT);
	command_write_bdat(&line, delivery->octets, true);
	put_line(window, delivery, &line, entry);
	begin_content(window, delivery, false);
	return MOVE_ON;
}

static enum move put_start(struct window *window, struct delivery *delivery, struct error *error)
{
	if (!fates_has_takers(&delivery->fates))
		return end_sending(delivery);
	if (is_chunking(window))
		return put_chunk(window, delivery, error);
	put_plain(window, delivery, COMMAND_DATA);
	delivery->stage = DELIVERY_GO;
	return MOVE_ON;
}

/*
 * RFC 2920, 3.1: a server may say 354 although it took no recipient.  Then a
 * lone dot ends the content, and that is to be refused.
 */
static enum move put_nothing(struct window *window, struct delivery *delivery)
{
	stream_put(window->session->stream, span_from_string(".\r\n"));
	window->put += 3;
	push_end(window, delivery);
	window->is_clean = true;
	return end_sending(delivery);
}

/* The reply to DATA is there, and with it those to all RCPT. */
static enum move put_go(struct window *window, struct delivery *delivery, struct error *error)
{
	if (delivery->awaited != 0)
		return MOVE_WAIT;
	if (!delivery->fates.may_send)
		return end_sending(delivery);
	/* Who was accepted after all would get an empty message: another session has it whole. */
	if (delivery->is_returned) {
		*error = window->reason;
		return MOVE_LOST;
	}
	if (!is_quiet(window, error))
		return MOVE_LOST;
	if (delivery->fates.accepted == 0)
		return put_nothing(window, delivery);
	push_end(window, delivery);
	begin_content(window, delivery, true);
	return MOVE_ON;
}

static enum move put_content(struct window *window, struct delivery *delivery, struct error *error)
{
	struct stream *stream = window->session->stream;
	size_t before = stream->output.length;
	int outcome = content_put(
	    window->session, &delivery->transaction->content, &delivery->flow, error);

	window->put += stream->output.length - before;
	if (outcome != 0)
		return outcome < 0 ? MOVE_LOST : MOVE_WAIT;
	delivery->is_whole = true;
	delivery->end = window->put;
	/* A dot ends the transaction whatever is said to it; of a chunk RFC 3030 does not say. */
	window->is_clean = delivery->flow.is_stuffed;
	return end_sending(delivery);
}

static enum move advance(struct window *window, struct delivery *delivery, struct error *error)
{
	/* A content goes on, and what only waits or ends needs no room. */
	if (delivery->stage == DELIVERY_CONTENT)
		return put_content(window, delivery, error);
	if (delivery->stage == DELIVERY_GO)
		return put_go(window, delivery, error);
	if (!may_put(window))
		return MOVE_WAIT;
	switch (delivery->stage) {
	case DELIVERY_RESET:
		return put_reset(window, delivery);
	case DELIVERY_MAIL:
		return put_mail(window, delivery);
	case DELIVERY_RCPT:
		return put_recipient(window, delivery);
	default:
		assert(delivery->stage == DELIVERY_START);
		return put_start(window, delivery, error);
	}
}

/* Room for one more message. */
static bool has_room(const struct window *window)
{
	if (window->count == 0)
		return true;
	if (window_size(window) == 1 || !is_pipelining(window))
		return false;
	/* What stood behind a text that is run could not be told from it. */
	if (window->last->is_ahead)
		return false;
	return window->count < window_size(window) && window->octets < WINDOW_OCTETS;
}

/* Chunks of a content whose size is not known cannot be counted ahead. */
static bool goes_alone(const struct window *window, const struct transaction *transaction)
{
	return is_chunking(window) && content_size(&transaction->content) < 0;
}

static const struct transaction *take_next(struct window *window)
{
	const struct transaction *transaction = window->held;

	window->held = NULL;
	if (transaction == NULL)
		transaction = window->source->next(window->source->context);
	if (transaction != NULL && goes_alone(window, transaction) && window->count != 0) {
		window->held = transaction;
		return NULL;
	}
	if (transaction == NULL && window->source->attend == NULL)
		window->is_over = true;
	return transaction;
}

/* RFC 9422: the server has said how many it takes. */
static bool is_used_up(struct window *window)
{
	uint64_t limit = window->session->extensions.mail_limit;

	if (limit == 0 || window->begun < limit)
		return false;
	window->is_ending = true;
	error_set(&window->reason, ERROR_UNAVAILABLE, "4.5.3",
	    "%s takes no more than %llu messages in one session", window->session->stream->peer,
	    (unsigned long long)limit);
	return true;
}

static bool may_probe(const struct window *window)
{
	const struct window_source *source = window->source;

	return window->probe.state == PROBE_UNTRIED && window_size(window) > 1 &&
	       is_pipelining(window) && is_chunking(window) && !is_lmtp(window) &&
	       window->session->extensions.mail_limit == 0 && source->waiting != NULL &&
	       may_put(window) && source->waiting(source->context) >= WINDOW_PROBE;
}

/* With the sender of the next message: as good a one as is known. */
static void put_probe(struct window *window, const struct envelope *envelope)
{
	struct stream *stream = window->session->stream;
	size_t before = stream->output.length;
	bool is_first = window->session->pipeline.count == 0;

	probe_put(&window->probe, window->session, envelope->sender,
	    span_has_8bit(span_from_string(envelope->sender)));
	window->put += stream->output.length - before;
	window->flight = is_first ? PROBE_COMMANDS : window->flight + PROBE_COMMANDS;
	window->is_clean = false;
	if (is_first)
		window_await(window);
}

static void add_delivery(struct window *window, const struct transaction *transaction)
{
	struct delivery *delivery = memory_allocate(sizeof *delivery);
	int64_t size = content_size(&transaction->content);

	delivery->transaction = transaction;
	delivery->octets = size > 0 ? (uint64_t)size : 0;
	fates_init(&delivery->fates, window->session, transaction);
	/* What this server could not take is not even offered. */
	if (!fates_has_takers(&delivery->fates))
		delivery->stage = DELIVERY_SENT;
	if (window->last != NULL)
		window->last->next = delivery;
	else
		window->first = delivery;
	window->last = delivery;
	window->count++;
	window->octets += delivery->octets;
}

/* The simple way, in which the session is this message's alone. */
static enum move run_alone(
    struct window *window, const struct transaction *transaction, struct error *error)
{
	window->session->needs_reset = !window->is_clean;
	int outcome = transaction_run(window->session, transaction, error);

	window->is_clean = !window->session->needs_reset;
	window->begun++;
	window->finished++;
	window->source->finished(window->source->context, transaction, WINDOW_DONE);
	return outcome < 0 ? MOVE_LOST : MOVE_ON;
}

static enum move begin_next(struct window *window, struct error *error)
{
	if (window->is_ending || !has_room(window) || is_used_up(window))
		return MOVE_WAIT;
	const struct transaction *transaction = take_next(window);
	if (transaction == NULL)
		return MOVE_WAIT;
	/* Who has spoken unasked would be misunderstood from here on. */
	if (window->session->pipeline.count == 0 &&
	    session_check_silence(window->session, error) < 0) {
		window->held = transaction;
		return MOVE_LOST;
	}
	if (goes_alone(window, transaction))
		return run_alone(window, transaction, error);
	if (may_probe(window))
		put_probe(window, transaction->envelope);
	add_delivery(window, transaction);
	return MOVE_ON;
}

int window_send(struct window *window, struct error *error)
{
	enum move move;

	do {
		struct delivery *delivery = window->last;

		if (delivery == NULL || delivery->stage == DELIVERY_SENT)
			move = begin_next(window, error);
		else
			move = advance(window, delivery, error);
	} while (move == MOVE_ON);
	return move == MOVE_LOST ? -1 : 0;
}
