/* SPDX-License-Identifier: MIT */

#include "smtp/client/transaction.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "smtp/client/fates.h"

enum {
	/* Commands that await their reply, at most: what they bring must fit the stream's input. */
	COMMAND_WINDOW = 256,
	CHUNK_WINDOW = 8,
};

/* A transaction on its way. */
struct run {
	struct session *session;
	const struct transaction *transaction;
	struct fates fates;
	bool has_left;	 /* the last octet of the content */
	bool is_put_off; /* by 421: nothing can have been delivered */
};

static void run_finish(struct run *run)
{
	fates_finish(&run->fates);
}

/* Sends the flight and reads replies until no more than left are awaited. */
static int drain(struct run *run, size_t left, struct error *error)
{
	struct session *session = run->session;
	const struct pipeline_entry *head;

	if (session_flush(session, clock_deadline(session->settings->timeouts.content), error) < 0)
		return -1;
	while (
	    session->pipeline.count > left && (head = pipeline_head(&session->pipeline)) != NULL) {
		struct pipeline_entry entry = *head;
		struct reply reply = { 0 };

		if (session_read_reply(session,
			clock_deadline(session_reply_timeout(session, head)), &reply, error) < 0) {
			run->is_put_off = reply.code == 421;
			return -1;
		}
		pipeline_pop(&session->pipeline);
		if (fates_take_reply(&run->fates, &entry, &reply, error) < 0)
			return -1;
	}
	return 0;
}

/* Adds a command to the flight; without PIPELINING it is a flight of its own. */
static int add(
    struct run *run, const struct buffer *line, struct pipeline_entry entry, struct error *error)
{
	struct session *session = run->session;

	assert(!line->has_overflowed);
	if (session->pipeline.count >= COMMAND_WINDOW ||
	    stream_room(session->stream) < line->length) {
		if (drain(run, COMMAND_WINDOW / 2, error) < 0)
			return -1;
	}
	session_put(session, buffer_span(line));
	pipeline_push(&session->pipeline, entry);
	return session->extensions.pipelining ? 0 : drain(run, 0, error);
}

static int add_plain(struct run *run, enum command_verb verb, struct error *error)
{
	CLEANUP(buffer_finish) struct buffer line = { 0 };

	buffer_init(&line, COMMAND_LINE_LIMIT);
	command_write_plain(&line, verb);
	return add(run, &line, (struct pipeline_entry){ .verb = verb }, error);
}

static int add_mail(struct run *run, struct error *error)
{
	CLEANUP(buffer_finish) struct buffer line = { 0 };

	buffer_init(&line, COMMAND_LINE_LIMIT);
	command_write_mail(&line, run->transaction->envelope->sender, &run->fates.parameters,
	    &run->session->extensions);
	/* From here on the server knows of a transaction. */
	if (add(run, &line, (struct pipeline_entry){ .verb = COMMAND_MAIL }, error) < 0)
		return -1;
	return 0;
}

static int add_recipients(struct run *run, struct error *error)
{
	CLEANUP(buffer_finish) struct buffer line = { 0 };
	const struct envelope *envelope = run->transaction->envelope;

	buffer_init(&line, COMMAND_LINE_LIMIT);
	for (size_t i = 0; i < envelope->recipient_count; i++) {
		struct pipeline_entry entry = { .verb = COMMAND_RCPT, .recipient = i };

		if (run->fates.of[i] == FATE_REPORTED)
			continue;
		buffer_clear(&line);
		command_write_rcpt(&line, &envelope->recipients[i], &run->session->extensions);
		if (add(run, &line, entry, error) < 0)
			return -1;
	}
	return 0;
}

static int send_envelope(struct run *run, struct error *error)
{
	if (run->session->needs_reset && add_plain(run, COMMAND_RSET, error) < 0)
		return -1;
	if (add_mail(run, error) < 0)
		return -1;
	return add_recipients(run, error);
}

/* LMTP answers the content as often as it accepted a recipient. */
static void await_deliveries(struct run *run)
{
	if (!run->session->settings->smarthost->is_lmtp)
		return;
	for (size_t i = 1; i < run->fates.accepted; i++)
		pipeline_push(&run->session->pipeline,
		    (struct pipeline_entry){ .verb = COMMAND_UNKNOWN, .is_content_end = true });
}

/* A reply too many would be taken for that to the content. */
static bool is_quiet(const struct run *run, struct error *error)
{
	return !stream_look(run->session->stream) ||
	       session_check_silence(run->session, error) == 0;
}

/* What was read while the content left is older than its end: no praise can be meant for it. */
static int check_early(struct run *run, struct error *error)
{
	struct session *session = run->session;
	struct error ignored;
	struct reply reply;

	if (reply_parse(stream_input(session->stream), &reply, &ignored) <= 0 ||
	    reply_class(&reply) > 3)
		return 0;
	return session_unexpected(session, "what it cannot have seen", &reply, error);
}

static int send_chunks(struct run *run, struct error *error)
{
	struct content_progress progress = { 0 };
	bool is_pipelining = run->session->extensions.pipelining;

	while (fates_has_takers(&run->fates)) {
		int more = content_send_bdat(
		    run->session, &run->transaction->content, &progress, error);

		if (more < 0)
			return -1;
		if (more == 0) {
			run->has_left = true;
			if (run->session->pipeline.count == 1 && check_early(run, error) < 0)
				return -1;
			await_deliveries(run);
			break;
		}
		if (drain(run, is_pipelining ? CHUNK_WINDOW : 0, error) < 0)
			return -1;
	}
	return drain(run, 0, error);
}

/*
 * RFC 2920, 3.1: a server may say 354 although it took no recipient.  Then a
 * lone dot ends the content, and that is to be refused.
 */
static int send_nothing(struct run *run, struct error *error)
{
	static const struct content nothing = { 0 };

	if (content_send_data(run->session, &nothing, error) < 0)
		return -1;
	return drain(run, 0, error);
}

static int send_data(struct run *run, struct error *error)
{
	if (!fates_has_takers(&run->fates))
		return drain(run, 0, error);
	if (add_plain(run, COMMAND_DATA, error) < 0 || drain(run, 0, error) < 0)
		return -1;
	if (!run->fates.may_send)
		return 0;
	if (!is_quiet(run, error))
		return -1;
	if (run->fates.accepted == 0)
		return send_nothing(run, error);
	if (content_send_data(run->session, &run->transaction->content, error) < 0)
		return -1;
	run->has_left = true;
	if (check_early(run, error) < 0)
		return -1;
	await_deliveries(run);
	return drain(run, 0, error);
}

/* Our own service takes the content before we know what it says to the recipients. */
static bool is_one_flight(const struct run *run)
{
	const struct extensions *offered = &run->session->extensions;

	return offered->mailchute && offered->pipelining &&
	       !run->session->settings->smarthost->is_lmtp;
}

static int send_message(struct run *run, struct error *error)
{
	if (send_envelope(run, error) < 0)
		return -1;
	if (!run->session->extensions.chunking)
		return send_data(run, error);
	if (is_one_flight(run))
		return send_chunks(run, error);
	if (drain(run, 0, error) < 0 || !is_quiet(run, error))
		return -1;
	return send_chunks(run, error);
}

/* The session is over: what becomes of those who have no reply. */
static int give_up(struct run *run, const struct error *error)
{
	session_break(run->session);
	fates_give_up(&run->fates, error, run->has_left && !run->is_put_off);
	return -1;
}

int transaction_run(
    struct session *session, const struct transaction *transaction, struct error *error)
{
	CLEANUP(run_finish) struct run run = { .session = session, .transaction = transaction };

	assert(session->is_usable && session->pipeline.count == 0);
	fates_init(&run.fates, session, transaction);
	if (!fates_has_takers(&run.fates))
		return 0;
	if (session_check_silence(session, error) < 0 || send_message(&run, error) < 0)
		return give_up(&run, error);
	assert(!fates_has_takers(&run.fates));
	session->needs_reset = !run.fates.is_ended;
	return 0;
}
