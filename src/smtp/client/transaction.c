/* SPDX-License-Identifier: MIT */

#include "smtp/client/transaction.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/text.h"

enum {
	/* Commands that await their reply, at most: what they bring must fit the stream's input. */
	COMMAND_WINDOW = 256,
	CHUNK_WINDOW = 8,
	WHAT_SIZE = 1200, /* "RCPT TO:<address>" */
};

enum fate {
	FATE_OPEN,     /* no reply yet */
	FATE_ACCEPTED, /* to RCPT */
	FATE_REPORTED,
};

/* A transaction on its way. */
struct run {
	struct session *session;
	const struct transaction *transaction;
	struct mail_parameters parameters;
	enum fate *fates; /* owned; one a recipient */
	size_t open;	  /* recipients of each fate */
	size_t accepted;
	size_t next_accepted; /* LMTP: whose reply comes next */
	bool may_send;	      /* the 354 has come */
	bool has_left;	      /* the last octet of the content */
	bool is_ended;	      /* the server has ended the transaction by its reply */
	bool is_put_off;      /* by 421: nothing can have been delivered */
};

static void run_finish(struct run *run)
{
	free(run->fates);
	run->fates = NULL;
}

static const struct recipient *recipient_at(const struct run *run, size_t index)
{
	return &run->transaction->envelope->recipients[index];
}

static void report(struct run *run, size_t index, const struct transaction_result *result)
{
	assert(run->fates[index] != FATE_REPORTED);

	if (run->fates[index] == FATE_OPEN)
		run->open--;
	else
		run->accepted--;
	run->fates[index] = FATE_REPORTED;
	run->transaction->report(run->transaction->context, index, result);
}

static void report_all(struct run *run, const struct transaction_result *result)
{
	for (size_t i = 0; i < run->transaction->envelope->recipient_count; i++)
		if (run->fates[i] != FATE_REPORTED)
			report(run, i, result);
}

/* The server's verdict; text is valid as long as error is. */
static struct transaction_result verdict(
    const struct run *run, const char *what, const struct reply *reply, struct error *error)
{
	struct transaction_result result = { .code = reply->code, .reply = reply };

	if (reply_class(reply) == 2) {
		*error = (struct error){ 0 };
		reply_line(reply, error->text, sizeof error->text);
		text_copy(error->status, sizeof error->status, reply_status(reply));
		result.outcome = TRANSACTION_DELIVERED;
	} else {
		session_refused(run->session, what, reply, error);
		result.outcome = reply_class(reply) == 4 ? TRANSACTION_DEFERRED
							 : TRANSACTION_FAILED;
	}
	text_copy(result.status, sizeof result.status, error->status);
	result.text = error->text;
	return result;
}

static void judge_one(struct run *run, size_t index, const char *what, const struct reply *reply)
{
	struct error error;
	struct transaction_result result = verdict(run, what, reply, &error);

	report(run, index, &result);
}

static void judge_all(struct run *run, const char *what, const struct reply *reply)
{
	struct error error;
	struct transaction_result result = verdict(run, what, reply, &error);

	report_all(run, &result);
}

/* Nothing was said to the server about these: the verdict is ours. */
static void refuse(struct run *run, size_t index, const char *status, const char *text)
{
	struct transaction_result result = { .outcome = TRANSACTION_FAILED, .text = text };

	snprintf(result.status, sizeof result.status, "%s", status);
	report(run, index, &result);
}

static int on_rset(struct run *run, const struct reply *reply, struct error *error)
{
	/* RFC 5321, 4.1.1.5 knows no refusal. */
	if (reply_class(reply) != 2)
		return session_unexpected(run->session, "RSET", reply, error);
	run->session->needs_reset = false;
	return 0;
}

static int on_mail(struct run *run, const struct reply *reply)
{
	char what[WHAT_SIZE];

	if (reply_class(reply) == 2)
		return 0;
	snprintf(what, sizeof what, "MAIL FROM:<%s>", run->transaction->envelope->sender);
	judge_all(run, what, reply);
	return 0;
}

/*
 * Too many recipients: RFC 821 had 552 for it, and RFC 5321, 4.5.3.1.10 wants
 * it read as 452.  Only where others were taken, and no status says otherwise.
 */
static bool is_too_many(const struct run *run, const struct reply *reply)
{
	return reply->code == 552 && run->accepted != 0 &&
	       (reply->status[0] == '\0' || strcmp(reply->status, "5.5.3") == 0);
}

static int on_rcpt(struct run *run, size_t index, const struct reply *reply)
{
	char what[WHAT_SIZE];

	if (run->fates[index] == FATE_REPORTED)
		return 0;
	if (reply_class(reply) == 2) {
		run->fates[index] = FATE_ACCEPTED;
		run->open--;
		run->accepted++;
		return 0;
	}
	snprintf(what, sizeof what, "RCPT TO:<%s>", recipient_at(run, index)->address);
	if (is_too_many(run, reply)) {
		struct reply later = *reply;

		later.code = 452;
		snprintf(later.status, sizeof later.status, "4.5.3");
		judge_one(run, index, what, &later);
		return 0;
	}
	judge_one(run, index, what, reply);
	return 0;
}

static int on_data(struct run *run, const struct reply *reply, struct error *error)
{
	if (reply_class(reply) == 2)
		return session_unexpected(run->session, "DATA", reply, error);
	if (reply_class(reply) == 3)
		run->may_send = true;
	else
		judge_all(run, "DATA", reply);
	return 0;
}

/* A chunk before the last (RFC 3030, 2): refused, the message is. */
static int on_chunk(struct run *run, const struct reply *reply)
{
	if (reply_class(reply) == 2)
		return 0;
	judge_all(run, "the content", reply);
	return 0;
}

/* RFC 2033, 4.2: one reply for each recipient that was accepted, in their order. */
static int on_delivery(struct run *run, const struct reply *reply)
{
	while (run->fates[run->next_accepted] != FATE_ACCEPTED)
		run->next_accepted++;
	judge_one(run, run->next_accepted, "the content", reply);
	return 0;
}

static int on_content_end(
    struct run *run, enum command_verb verb, const struct reply *reply, struct error *error)
{
	/* Taken for nobody: this server counts otherwise than we do. */
	if (run->accepted == 0 && reply_class(reply) == 2)
		return session_unexpected(run->session, "the content for nobody", reply, error);
	/* What a refused BDAT leaves behind is not said by RFC 3030; a dot clears all. */
	run->is_ended = verb != COMMAND_BDAT || reply_class(reply) == 2;
	if (run->accepted == 0)
		return 0;
	if (run->session->settings->smarthost->is_lmtp)
		return on_delivery(run, reply);
	judge_all(run, "the content", reply);
	return 0;
}

static const char *entry_name(const struct pipeline_entry *entry)
{
	return entry->is_content_end ? "the content" : command_verb_name(entry->verb);
}

/* The only place where a reply changes what becomes of a recipient. */
static int take_reply(struct run *run, const struct pipeline_entry *entry,
    const struct reply *reply, struct error *error)
{
	bool is_go_ahead = reply_class(reply) == 3;

	if (is_go_ahead && (entry->verb != COMMAND_DATA || entry->is_content_end))
		return session_unexpected(run->session, entry_name(entry), reply, error);
	if (entry->is_content_end)
		return on_content_end(run, entry->verb, reply, error);
	switch (entry->verb) {
	case COMMAND_RSET:
		return on_rset(run, reply, error);
	case COMMAND_MAIL:
		return on_mail(run, reply);
	case COMMAND_RCPT:
		return on_rcpt(run, entry->recipient, reply);
	case COMMAND_DATA:
		return on_data(run, reply, error);
	default:
		assert(entry->verb == COMMAND_BDAT);
		return on_chunk(run, reply);
	}
}

static int64_t reply_deadline(const struct session *session, const struct pipeline_entry *entry)
{
	const struct session_timeouts *timeouts = &session->settings->timeouts;

	if (entry->is_content_end)
		return clock_deadline(timeouts->end);
	switch (entry->verb) {
	case COMMAND_RCPT:
		return clock_deadline(timeouts->rcpt);
	case COMMAND_DATA:
		return clock_deadline(timeouts->data);
	case COMMAND_BDAT:
		return clock_deadline(timeouts->content);
	default:
		return clock_deadline(timeouts->mail);
	}
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

		if (session_read_reply(session, reply_deadline(session, head), &reply, error) < 0) {
			run->is_put_off = reply.code == 421;
			return -1;
		}
		pipeline_pop(&session->pipeline);
		if (take_reply(run, &entry, &reply, error) < 0)
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
	command_write_mail(
	    &line, run->transaction->envelope->sender, &run->parameters, &run->session->extensions);
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

		if (run->fates[i] == FATE_REPORTED)
			continue;
		buffer_clear(&line);
		command_write_rcpt(&line, &envelope->recipients[i], &run->session->extensions);
		if (add(run, &line, entry, error) < 0)
			return -1;
	}
	return 0;
}

/* Somebody may still get the message. */
static bool has_takers(const struct run *run)
{
	return run->open + run->accepted != 0;
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
	for (size_t i = 1; i < run->accepted; i++)
		pipeline_push(&run->session->pipeline,
		    (struct pipeline_entry){ .verb = COMMAND_UNKNOWN, .is_content_end = true });
}

static int send_chunks(struct run *run, struct error *error)
{
	struct content_progress progress = { 0 };
	bool is_pipelining = run->session->extensions.pipelining;

	while (has_takers(run)) {
		int more = content_send_bdat(
		    run->session, &run->transaction->content, &progress, error);

		if (more < 0)
			return -1;
		if (more == 0) {
			run->has_left = true;
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
	if (!has_takers(run))
		return drain(run, 0, error);
	if (add_plain(run, COMMAND_DATA, error) < 0 || drain(run, 0, error) < 0)
		return -1;
	if (!run->may_send)
		return 0;
	if (run->accepted == 0)
		return send_nothing(run, error);
	if (content_send_data(run->session, &run->transaction->content, error) < 0)
		return -1;
	run->has_left = true;
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
	if (!is_one_flight(run) && drain(run, 0, error) < 0)
		return -1;
	return send_chunks(run, error);
}

/* RFC 1870, 6.1: what is too large is not even offered.  True when that was it. */
static bool refuse_size(struct run *run)
{
	const struct extensions *offered = &run->session->extensions;
	char text[ERROR_TEXT_SIZE];

	if (!offered->size || offered->size_limit == 0 || !run->parameters.has_size ||
	    run->parameters.size <= offered->size_limit)
		return false;
	snprintf(text, sizeof text, "the message has %llu octets, and %s takes no more than %llu",
	    (unsigned long long)run->parameters.size, run->session->stream->peer,
	    (unsigned long long)offered->size_limit);
	for (size_t i = 0; i < run->transaction->envelope->recipient_count; i++)
		refuse(run, i, "5.3.4", text);
	return true;
}

/* RFC 6531, 3.4: addresses that the server could not even read. */
static void refuse_international(struct run *run)
{
	const struct envelope *envelope = run->transaction->envelope;
	bool sender_is = span_has_8bit(span_from_string(envelope->sender));
	char text[ERROR_TEXT_SIZE];

	if (run->session->extensions.smtputf8)
		return;
	for (size_t i = 0; i < envelope->recipient_count; i++) {
		const char *address = envelope->recipients[i].address;

		if (!sender_is && !span_has_8bit(span_from_string(address)))
			continue;
		snprintf(text, sizeof text,
		    "%s does not offer SMTPUTF8, which the address <%s> asks for",
		    run->session->stream->peer, sender_is ? envelope->sender : address);
		refuse(run, i, "5.6.7", text);
	}
}

static void choose_parameters(struct run *run)
{
	const struct content *content = &run->transaction->content;
	const struct envelope *envelope = run->transaction->envelope;

	run->parameters = run->transaction->parameters;
	if (!run->parameters.has_size && content->size >= 0) {
		run->parameters.has_size = true;
		run->parameters.size = (uint64_t)content->size;
	}
	if (envelope_needs_smtputf8(envelope))
		run->parameters.smtputf8 = true;
	if (run->parameters.return_content == ENVELOPE_RETURN_UNSAID)
		run->parameters.return_content = envelope->return_content;
	if (run->parameters.envid[0] == '\0' && envelope->envid != NULL)
		snprintf(
		    run->parameters.envid, sizeof run->parameters.envid, "%s", envelope->envid);
}

/* The session is over: what becomes of those who have no reply. */
static int give_up(struct run *run, const struct error *error)
{
	struct transaction_result result = { .outcome = TRANSACTION_DEFERRED };
	char text[ERROR_TEXT_SIZE + 100];

	session_break(run->session);
	snprintf(text, sizeof text, "%s", error->text);
	/* RFC 1047: it may have been delivered, so the truth is that we do not know. */
	if (run->has_left && !run->is_put_off) {
		result.outcome = TRANSACTION_IN_DOUBT;
		snprintf(text, sizeof text,
		    "%s; all of the message had been sent, so it may have been delivered",
		    error->text);
	}
	/* Nobody has refused the message, whatever kept us from sending it. */
	snprintf(result.status, sizeof result.status, "%s", error->status);
	if (result.status[0] != '4')
		snprintf(result.status, sizeof result.status, "4%s",
		    result.status[0] != '\0' ? error->status + 1 : ".0.0");
	result.text = text;
	report_all(run, &result);
	return -1;
}

int transaction_run(
    struct session *session, const struct transaction *transaction, struct error *error)
{
	size_t count = transaction->envelope->recipient_count;
	CLEANUP(run_finish)
	struct run run = {
		.session = session,
		.transaction = transaction,
		.fates = memory_allocate((count + 1) * sizeof(enum fate)),
		.open = count,
	};

	assert(session->is_usable && session->pipeline.count == 0);
	assert(count != 0 && transaction->envelope->sender != NULL);
	choose_parameters(&run);
	if (refuse_size(&run))
		return 0;
	refuse_international(&run);
	if (!has_takers(&run))
		return 0;
	if (session_check_silence(session, error) < 0 || send_message(&run, error) < 0)
		return give_up(&run, error);
	assert(!has_takers(&run));
	session->needs_reset = !run.is_ended;
	return 0;
}
