/* SPDX-License-Identifier: MIT */

#include "smtp/client/session_wire.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "smtp/client/advice.h"
#include "smtp/client/transcript.h"
#include "smtp/command.h"

enum { GARBAGE_SHOWN = 1024 }; /* octets of what is no reply */

int session_break(struct session *session)
{
	session->is_in_step = false;
	session->is_usable = false;
	return -1;
}

static const char *peer_of(const struct session *session)
{
	return session->stream->peer;
}

/* A server may repeat what it was told; returns the new length. */
static size_t hide_secrets(const struct session *session, char *text, size_t length)
{
	const struct smarthost *smarthost = session->settings->smarthost;
	const char *const secrets[] = { smarthost->password, smarthost->token };

	length = transcript_hide(text, length, session->said);
	for (size_t i = 0; i < sizeof secrets / sizeof secrets[0]; i++)
		if (secrets[i] != NULL)
			length = transcript_hide(text, length, span_from_string(secrets[i]));
	return length;
}

static void hide_in_string(const struct session *session, char *text)
{
	text[hide_secrets(session, text, strlen(text))] = '\0';
}

static void trace_line(const struct session *session, char direction, struct span line)
{
	char octets[COMMAND_LINE_LIMIT];
	char text[REPLY_LINE_LIMIT];
	struct span whole = span_first(line, sizeof octets);

	if (whole.length != 0)
		memcpy(octets, whole.start, whole.length);
	size_t length = hide_secrets(session, octets, whole.length);
	transcript_mask(span_from_bytes(octets, length), text, sizeof text);
	session->settings->trace(
	    session->settings->trace_context, direction, span_from_string(text));
}

static void trace_lines(const struct session *session, char direction, struct span lines)
{
	struct span line;

	if (session->settings->trace == NULL)
		return;
	while (span_take_line(&lines, &line))
		trace_line(session, direction, line);
}

void session_note(const struct session *session, const char *text)
{
	trace_lines(session, '*', span_from_string(text));
}

void session_put(struct session *session, struct span lines)
{
	assert(session->is_in_step);

	trace_lines(session, '>', lines);
	stream_put(session->stream, lines);
}

static const char *step_name(enum session_step step)
{
	static const char *const names[] = {
		[SESSION_CONNECT] = "the connection",
		[SESSION_GREETING] = "the connection",
		[SESSION_HELLO] = "EHLO",
		[SESSION_STARTTLS] = "STARTTLS",
		[SESSION_HANDSHAKE] = "the TLS handshake",
		[SESSION_AUTH] = "AUTH",
		[SESSION_READY] = "the last command",
		[SESSION_CLOSED] = "QUIT",
	};

	return names[step];
}

/* What the peer owes us an answer to, for messages. */
static const char *awaited(const struct session *session)
{
	const struct pipeline_entry *head = pipeline_head(&session->pipeline);

	if (head == NULL && session->step == SESSION_HELLO && session->hello != COMMAND_UNKNOWN)
		return command_verb_name(session->hello);
	if (head == NULL)
		return step_name(session->step);
	return head->is_content_end ? "the content" : command_verb_name(head->verb);
}

/* Every reply comes by here: what it repeats of a secret is shown to nobody. */
static void take_note(struct session *session, struct reply *reply)
{
	hide_in_string(session, reply->text);
	reply_line(reply, session->last_reply, sizeof session->last_reply);
	session->last_code = reply->code;
}

/* The connection is gone, or of no use; what it said last tells how far it was. */
static void add_last_reply(const struct session *session, struct error *error)
{
	(void)error_code(error, "MC-NET-23");
	if (session->last_reply[0] == '\0')
		return;
	text_append(error->text, sizeof error->text, " (its last reply: ");
	text_append(error->text, sizeof error->text, session->last_reply);
	text_append(error->text, sizeof error->text, ")");
}

int session_refused(
    const struct session *session, const char *what, const struct reply *reply, struct error *error)
{
	char line[ERROR_TEXT_SIZE];
	const char *status = reply_status(reply);

	reply_line(reply, line, sizeof line);
	return error_set(error, error_kind_from_status(status), status, "%s refused %s: %s",
	    peer_of(session), what, line);
}

int session_unexpected(
    struct session *session, const char *what, const struct reply *reply, struct error *error)
{
	char line[ERROR_TEXT_SIZE];

	reply_line(reply, line, sizeof line);
	error_set(error, ERROR_UNAVAILABLE, "4.5.0",
	    "%s answered %s by what is no answer to it: %s", peer_of(session), what, line);
	/* Whoever counts otherwise than we do had better be asked one thing at a time. */
	if (session->step == SESSION_READY && session->extensions.pipelining)
		session->has_stumbled = true;
	return session_break(session);
}

/* The server takes its leave (RFC 5321, 3.8): what it says is the reason for all that is open. */
static int closing(struct session *session, const struct reply *reply, struct error *error)
{
	char line[ERROR_TEXT_SIZE];
	const char *status = reply_status(reply);

	reply_line(reply, line, sizeof line);
	error_set(error, ERROR_UNAVAILABLE, status[0] == '4' ? status : "4.3.2",
	    "%s ended the session at %s: %s", peer_of(session), awaited(session), line);
	/* What our own service says of itself is said in full. */
	if (session->settings->smarthost->host != NULL)
		advice_add(reply, session->settings->smarthost, ADVICE_CONNECT, error);
	return session_break(session);
}

static int malformed(struct session *session, const struct error *reason, struct error *error)
{
	char text[ERROR_TEXT_SIZE];

	/* reason and error may be the same. */
	snprintf(text, sizeof text, "%s", reason->text);
	hide_in_string(session, text);
	error_set(error, ERROR_UNAVAILABLE, "4.5.0", "%s does not speak SMTP (at %s): %s",
	    peer_of(session), awaited(session), text);
	(void)error_code(error, "MC-NET-23");
	return session_break(session);
}

/* More octets, or the session is lost. */
static int fill(struct session *session, int64_t deadline, struct error *error)
{
	int more = stream_fill(session->stream, deadline, error);

	if (more > 0)
		return 0;
	if (more == 0)
		error_set(error, ERROR_UNAVAILABLE, "4.4.2",
		    "%s closed the connection before it answered %s", peer_of(session),
		    awaited(session));
	else
		error_prefix(error, "while %s was to be answered: ", awaited(session));
	add_last_reply(session, error);
	return session_break(session);
}

/* Shows the whole lines in the first size octets of the input that were not shown before. */
static void trace_arrived(const struct session *session, size_t size, size_t *shown)
{
	struct span arrived = span_first(stream_input(session->stream), size);
	ssize_t end = span_find_last_byte(arrived, '\n');

	if (end < 0 || (size_t)end < *shown)
		return;
	trace_lines(session, '<', span_after(span_first(arrived, (size_t)end + 1), *shown));
	*shown = (size_t)end + 1;
}

/* What our own service shows before it answers is no reply. */
static void pass_progress(struct session *session)
{
	struct span input = stream_input(session->stream);
	ssize_t end;

	while (session->settings->hears_progress && span_starts_with(input, COMMAND_LIVE) &&
	       (end = span_find_byte(input, '\n')) >= 0) {
		trace_lines(session, '<', span_first(input, (size_t)end + 1));
		stream_consume(session->stream, (size_t)end + 1);
		input = stream_input(session->stream);
	}
}

ssize_t session_await_reply(
    struct session *session, int64_t deadline, struct reply *reply, struct error *error)
{
	size_t shown = 0;
	ssize_t length;

	pass_progress(session);
	while ((length = reply_parse(stream_input(session->stream), reply, error)) == 0) {
		trace_arrived(session, stream_input(session->stream).length, &shown);
		if (fill(session, deadline, error) < 0)
			return -1;
		if (shown == 0)
			pass_progress(session);
	}
	trace_arrived(session, length < 0 ? GARBAGE_SHOWN : (size_t)length, &shown);
	if (length < 0)
		return malformed(session, error, error);
	take_note(session, reply);
	if (reply->code == 421)
		return closing(session, reply, error);
	return length;
}

int session_read_reply(
    struct session *session, int64_t deadline, struct reply *reply, struct error *error)
{
	assert(session->is_in_step);

	ssize_t length = session_await_reply(session, deadline, reply, error);
	if (length < 0)
		return -1;
	stream_consume(session->stream, (size_t)length);
	return 0;
}

/*
 * The last refusal among what the peer had still sent, which a failed flush
 * has read; false when there is none.
 */
static bool read_last_words(struct session *session, struct reply *last)
{
	struct error ignored;
	struct reply reply;
	bool has_words = false;
	ssize_t length;

	while ((length = reply_parse(stream_input(session->stream), &reply, &ignored)) > 0) {
		trace_lines(
		    session, '<', span_first(stream_input(session->stream), (size_t)length));
		stream_consume(session->stream, (size_t)length);
		hide_in_string(session, reply.text);
		if (reply_class(&reply) < 4)
			continue;
		*last = reply;
		has_words = true;
	}
	return has_words;
}

int session_flush(struct session *session, int64_t deadline, struct error *error)
{
	struct reply last;

	assert(session->is_in_step);
	if (stream_flush(session->stream, deadline, error) == 0)
		return 0;
	session_break(session);
	if (read_last_words(session, &last))
		return closing(session, &last, error);
	error_prefix(error, "while we sent %s: ", awaited(session));
	add_last_reply(session, error);
	return -1;
}

int64_t session_reply_timeout(const struct session *session, const struct pipeline_entry *entry)
{
	const struct session_timeouts *timeouts = &session->settings->timeouts;

	if (entry->is_content_end)
		return timeouts->end;
	switch (entry->verb) {
	case COMMAND_RCPT:
		return timeouts->rcpt;
	case COMMAND_DATA:
		return timeouts->data;
	case COMMAND_BDAT:
		return timeouts->content;
	default:
		return timeouts->mail;
	}
}

int session_check_silence(struct session *session, struct error *error)
{
	struct reply reply = { 0 };
	char before[sizeof session->last_reply];

	if (stream_input(session->stream).length == 0)
		return 0;
	memcpy(before, session->last_reply, sizeof before);
	if (session_read_reply(session, clock_deadline(0), &reply, error) < 0)
		return -1;
	session_unexpected(session, "nothing", &reply, error);
	return error_set(error, error->kind, "4.5.0",
	    "%s said what was no answer to any command: %s (before that: %s)", peer_of(session),
	    session->last_reply, before);
}

static struct span last_word(struct span line)
{
	struct span word = { 0 };

	line = span_trim(line);
	while (span_take_word(&line, &word))
		;
	return word;
}

int session_command(struct session *session, const char *line, const char *hidden, int64_t timeout,
    struct reply *reply, struct error *error)
{
	assert(session->is_in_step && session->pipeline.count == 0);
	if (session_check_silence(session, error) < 0)
		return -1;
	trace_lines(session, '>', span_from_string(hidden != NULL ? hidden : line));
	stream_put(session->stream, span_from_string(line));
	if (hidden != NULL)
		session->said = last_word(span_from_string(line));
	int outcome = session_read_reply(session, clock_deadline(timeout), reply, error);
	session->said = (struct span){ 0 };
	return outcome;
}

int session_take_reply(struct session *session, struct reply *reply, struct error *error)
{
	assert(session->is_in_step);

	ssize_t length = reply_parse(stream_input(session->stream), reply, error);
	if (length == 0)
		return 0;
	size_t shown = 0;
	trace_arrived(session, length < 0 ? GARBAGE_SHOWN : (size_t)length, &shown);
	if (length < 0)
		return malformed(session, error, error);
	take_note(session, reply);
	stream_consume(session->stream, (size_t)length);
	return reply->code == 421 ? closing(session, reply, error) : 1;
}

static int ended(struct session *session, struct error *error)
{
	if (pipeline_head(&session->pipeline) == NULL)
		error_set(error, ERROR_UNAVAILABLE, "4.4.2", "%s closed the idle connection",
		    peer_of(session));
	else
		error_set(error, ERROR_UNAVAILABLE, "4.4.2",
		    "%s closed the connection before it answered %s", peer_of(session),
		    awaited(session));
	add_last_reply(session, error);
	return session_break(session);
}

int session_exchange(struct session *session, int other_fd, int64_t deadline, struct error *error)
{
	assert(session->is_in_step);

	int moved = stream_exchange(session->stream, other_fd, deadline, error);
	if (moved == STREAM_ENDED)
		return ended(session, error);
	if (moved > 0)
		return moved;
	if (session->stream->output.length != 0)
		error_prefix(error, "while we sent %s: ", awaited(session));
	else
		error_prefix(error, "while %s was to be answered: ", awaited(session));
	add_last_reply(session, error);
	return session_break(session);
}
