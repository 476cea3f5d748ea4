/* SPDX-License-Identifier: MIT */

#include "smtp/server/dialogue.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"

enum {
	GOODBYE_TIMEOUT = 1000, /* for a last word to somebody who did not listen */
	ANSWER_LIMIT = 131072,	/* REPLY_TEXT_SIZE lines, each with code and CRLF */
	WANTED_STEP = 1000,	/* milliseconds between two looks at who wants the place */
	PROGRESS_LIMIT = 60000, /* of an answer's text; REPLY_LIMIT is what a client takes */
	SHOW_LIMIT = 1000,	/* octets of a line that is shown before its answer */
	SHOW_PATIENCE = 1000,	/* milliseconds for it to leave */
};

void dialogue_init(struct dialogue *dialogue, struct stream *stream,
    const struct server_settings *settings, struct error *error)
{
	memset(dialogue, 0, sizeof *dialogue);
	dialogue->stream = stream;
	dialogue->settings = settings;
	dialogue->error = error;
	dialogue->command_timeout = settings->command_timeout;
	buffer_init(&dialogue->content, STREAM_INPUT_LIMIT + 1);
}

void dialogue_finish(struct dialogue *dialogue)
{
	buffer_finish(&dialogue->content);
	explicit_bzero(dialogue->line, sizeof dialogue->line);
}

void dialogue_end(struct dialogue *dialogue, int outcome)
{
	if (dialogue->is_over)
		return;
	dialogue->is_over = true;
	dialogue->outcome = outcome;
}

struct extensions dialogue_offer(const struct dialogue *dialogue)
{
	const struct server_settings *settings = dialogue->settings;
	struct extensions offer = settings->offered;

	if (settings->security == NULL || dialogue->stream->is_secure)
		offer.starttls = false;
	/* RFC 4954, 4: a mechanism that would be refused now is not offered now. */
	if (settings->handler->log_in == NULL || dialogue->is_logged_in ||
	    (settings->auth_needs_tls && !dialogue->stream->is_secure))
		offer.auth[0] = '\0';
	if (dialogue->is_plain)
		offer.mailchute = false;
	return offer;
}

static void trace(struct dialogue *dialogue, char direction, struct span line)
{
	if (dialogue->settings->trace != NULL)
		dialogue->settings->trace(dialogue->settings->context, direction, line);
}

/* An initial response travels on the line of AUTH itself. */
static void trace_input(struct dialogue *dialogue, struct span line, bool is_secret)
{
	struct span rest = line;
	struct span verb = { 0 };
	struct span mechanism = { 0 };

	if (is_secret) {
		trace(dialogue, '<', span_from_string("***"));
		return;
	}
	if (!span_take_word(&rest, &verb) || !span_equals_string_ignoring_case(verb, "AUTH") ||
	    !span_take_word(&rest, &mechanism) || rest.length == 0) {
		trace(dialogue, '<', line);
		return;
	}
	char shown[64];
	int length = snprintf(shown, sizeof shown, "AUTH %.*s ***",
	    span_int(span_first(mechanism, 32)), mechanism.start);
	trace(dialogue, '<', span_from_bytes(shown, (size_t)length));
}

void dialogue_last_word(struct dialogue *dialogue, const char *status, const char *text)
{
	struct error ignored;

	dialogue_answer(dialogue, 421, status, text);
	(void)stream_flush(dialogue->stream, clock_deadline(GOODBYE_TIMEOUT), &ignored);
}

/* Sends what is ready and reads more.  False when the session is over. */
static bool fill(struct dialogue *dialogue, int64_t deadline)
{
	struct error error;
	int outcome = stream_fill(dialogue->stream, deadline, &error);

	if (outcome > 0)
		return true;
	/* RFC 5321, 4.5.3.2.7 and 3.8: who is too slow is told so before we hang up. */
	if (outcome < 0 && deadline != CLOCK_NEVER && clock_monotonic() >= deadline)
		dialogue_last_word(dialogue, "4.4.2", "too slow, closing the connection");
	if (outcome < 0)
		*dialogue->error = error;
	dialogue_end(dialogue, outcome < 0 ? -1 : 1);
	return false;
}

/*
 * Who keeps silent within its content is left to it: a message is coming in.
 * So is a program that speaks SMTP by itself, in the middle of its transaction.
 */
static bool may_be_wanted(const struct dialogue *dialogue)
{
	if (dialogue->settings->wanted_after == 0 || dialogue->settings->handler->is_wanted == NULL)
		return false;
	return dialogue->state == DIALOGUE_IDLE ||
	       (dialogue->state == DIALOGUE_MAIL && !dialogue->is_plain);
}

/* The same as fill, for a line whose client keeps silent since a moment. */
static bool fill_or_make_room(struct dialogue *dialogue, int64_t silent_since, int64_t deadline)
{
	const struct server_settings *settings = dialogue->settings;
	int64_t look_at = silent_since + settings->wanted_after;
	struct error ignored;

	while (may_be_wanted(dialogue) && look_at < deadline) {
		/* What has failed now fails again in fill. */
		if (stream_fill(dialogue->stream, look_at, &ignored) > 0)
			return true;
		int64_t now = clock_monotonic();
		if (now < look_at)
			break;
		if (settings->handler->is_wanted(settings->context)) {
			dialogue_last_word(dialogue, "4.3.2",
			    "others wait for the place of this silent session; come again");
			dialogue_end(dialogue, 0);
			return false;
		}
		look_at = now + WANTED_STEP;
	}
	return fill(dialogue, deadline);
}

bool dialogue_read_content(struct dialogue *dialogue)
{
	return fill(dialogue, clock_deadline(dialogue->settings->content_timeout));
}

/* Only who sends and never reads makes the flight as large as the stream allows. */
static bool make_room(struct dialogue *dialogue, size_t size)
{
	int64_t deadline = clock_deadline(dialogue->command_timeout);
	struct error error;

	if (stream_room(dialogue->stream) >= size)
		return true;
	if (stream_flush(dialogue->stream, deadline, &error) == 0)
		return true;
	if (!dialogue->is_over)
		*dialogue->error = error;
	dialogue_end(dialogue, -1);
	return false;
}

void dialogue_consume(struct dialogue *dialogue, size_t size)
{
	stream_consume(dialogue->stream, size);
	dialogue->taken += size;
}

void dialogue_put_aside(struct dialogue *dialogue, const char *text)
{
	CLEANUP(memory_free_string) char *line = memory_format("%s\r\n", text);

	if (make_room(dialogue, strlen(line)))
		stream_put(dialogue->stream, span_from_string(line));
}

void dialogue_show(struct dialogue *dialogue, struct span line)
{
	CLEANUP(buffer_finish) struct buffer output = { 0 };
	struct error ignored;

	buffer_init(&output, ANSWER_LIMIT);
	buffer_append_string(&output, COMMAND_LIVE);
	for (size_t i = 0; i < line.length && i < SHOW_LIMIT; i++)
		buffer_append_byte(&output,
		    span_has_control(span_from_bytes(line.start + i, 1)) ? '?' : line.start[i]);
	buffer_append_string(&output, "\r\n");
	if (!dialogue->is_over && make_room(dialogue, output.length))
		stream_put(dialogue->stream, buffer_span(&output));
	/* What cannot leave now leaves with the reply. */
	(void)stream_flush(dialogue->stream, clock_deadline(SHOW_PATIENCE), &ignored);
}

/* Nobody would miss the session, had it to be begun again. */
static bool may_park(const struct dialogue *dialogue)
{
	return dialogue->is_plain && dialogue->settings->park_after != 0 &&
	       dialogue->state == DIALOGUE_IDLE && !dialogue->is_lmtp && !dialogue->is_logged_in &&
	       stream_input(dialogue->stream).length == 0;
}

/* The places of a service are few, and programs keep sendmail -bs open for days. */
static void offer_to_park(struct dialogue *dialogue)
{
	int64_t deadline = clock_deadline(dialogue->settings->park_after);
	struct error ignored;

	/* What has failed now fails again where it is looked at. */
	if (stream_fill(dialogue->stream, deadline, &ignored) >= 0 || clock_monotonic() < deadline)
		return;
	CLEANUP(memory_free_string)
	char *line = memory_format(COMMAND_PARK "%llu", (unsigned long long)dialogue->taken);
	dialogue_put_aside(dialogue, line);
}

/* Copies a line of this length, LF included, out of the input. */
static struct span take_line(struct dialogue *dialogue, size_t length)
{
	assert(length <= sizeof dialogue->line);
	memcpy(dialogue->line, stream_input(dialogue->stream).start, length);
	dialogue_consume(dialogue, length);
	length--;
	if (length != 0 && dialogue->line[length - 1] == '\r')
		length--;
	return span_from_bytes(dialogue->line, length);
}

enum dialogue_line dialogue_read_line(struct dialogue *dialogue, bool is_secret, struct span *line)
{
	int64_t deadline = clock_deadline(dialogue->command_timeout);
	int64_t silent_since = clock_monotonic();
	bool is_long = false;

	if (!is_secret && may_park(dialogue))
		offer_to_park(dialogue);
	for (;;) {
		struct span input = stream_input(dialogue->stream);
		ssize_t end = span_find_byte(input, '\n');
		size_t length = end < 0 ? input.length : (size_t)end + 1;

		if (end >= 0 && !is_long && length <= COMMAND_LINE_LIMIT) {
			*line = take_line(dialogue, length);
			trace_input(dialogue, *line, is_secret);
			return DIALOGUE_LINE;
		}
		/* A line without end is dropped as it comes, and answered at its end. */
		is_long = is_long || length > COMMAND_LINE_LIMIT;
		if (is_long)
			dialogue_consume(dialogue, length);
		if (end >= 0)
			return DIALOGUE_LONG_LINE;
		if (!fill_or_make_room(dialogue, silent_since, deadline))
			return DIALOGUE_NO_LINE;
	}
}

void dialogue_answer(struct dialogue *dialogue, int code, const char *status, const char *text)
{
	CLEANUP(buffer_finish) struct buffer output = { 0 };
	struct span line = { 0 };

	if (!dialogue->settings->offered.enhanced_status_codes)
		status = "";
	dialogue->has_refused = dialogue->has_refused || code >= 400;
	buffer_init(&output, ANSWER_LIMIT);
	reply_write(&output, code, status, text);
	assert(!output.has_overflowed);
	if (!make_room(dialogue, output.length))
		return;
	stream_put(dialogue->stream, buffer_span(&output));
	for (struct span rest = buffer_span(&output); span_take_line(&rest, &line);)
		trace(dialogue, '>', line);
}

bool dialogue_say(struct dialogue *dialogue, struct span line)
{
	CLEANUP(buffer_finish) struct buffer output = { 0 };
	struct span shown = { 0 };

	if (dialogue->is_over)
		return false;
	buffer_init(&output, ANSWER_LIMIT);
	reply_write_more(&output, 250, span_first(line, SERVER_SAY_LIMIT));
	if (!make_room(dialogue, output.length))
		return false;
	dialogue->has_said = true;
	stream_put(dialogue->stream, buffer_span(&output));
	struct span rest = buffer_span(&output);
	(void)span_take_line(&rest, &shown);
	trace(dialogue, '>', shown);
	return true;
}

/* A code that can stand in a reply at all; a handler that errs is not believed. */
static int sane_code(int code)
{
	return code >= 200 && code <= 599 ? code : 451;
}

static const char *status_of_code(int code)
{
	switch (code / 100) {
	case 2:
		return "2.0.0";
	case 4:
		return "4.0.0";
	case 5:
		return "5.0.0";
	default:
		return "";
	}
}

/* The words come first: who reads the answer may keep its beginning alone. */
static void add_progress(struct buffer *text, struct span progress)
{
	struct span line;

	while (span_take_line(&progress, &line)) {
		buffer_append_string(text, "\n" COMMAND_PROGRESS " ");
		buffer_append_span(text, line);
	}
	buffer_append_string(text, "\n" COMMAND_PROGRESS);
}

static void answer_with_progress(struct dialogue *dialogue, const struct server_reply *reply,
    int code, const char *status, const char *words)
{
	CLEANUP(buffer_finish) struct buffer text = { 0 };

	buffer_init(&text, PROGRESS_LIMIT);
	buffer_append_string(&text, words);
	if (reply->progress.length != 0)
		add_progress(&text, reply->progress);
	dialogue_answer(dialogue, code, status, text.has_overflowed ? words : buffer_string(&text));
}

void dialogue_answer_handler(struct dialogue *dialogue, const struct server_reply *reply, int code,
    const char *status, const char *text)
{
	if (reply->code != 0) {
		code = sane_code(reply->code);
		status = reply->status[0] != '\0' ? reply->status : status_of_code(code);
		text = reply->text;
	}
	/* RFC 5321, 4.2.1: one code in all lines.  What cannot be ended well is not ended. */
	if (dialogue->has_said && code != 250) {
		error_set(dialogue->error, ERROR_SOFTWARE, "4.3.0",
		    "an answer of several lines could not be brought to its end: %s", text);
		dialogue_end(dialogue, -1);
		return;
	}
	dialogue->has_said = false;
	answer_with_progress(dialogue, reply, code, status, text);
	/* RFC 5321, 3.8: who says 421 hangs up. */
	if (reply->closes || code == 421)
		dialogue_end(dialogue, 0);
}

bool dialogue_is_refused(const struct server_reply *reply)
{
	return reply->code != 0 && sane_code(reply->code) >= 400;
}

void dialogue_reset(struct dialogue *dialogue)
{
	const struct server_handler *handler = dialogue->settings->handler;

	if (dialogue->owes_reset && handler->reset != NULL)
		handler->reset(dialogue->settings->context);
	dialogue->owes_reset = false;
	dialogue->state = DIALOGUE_IDLE;
	dialogue->has_seen_rcpt = false;
	dialogue->is_too_large = false;
	dialogue->recipients = 0;
	dialogue->content_size = 0;
}
