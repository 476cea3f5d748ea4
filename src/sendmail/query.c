/* SPDX-License-Identifier: MIT */

#include "sendmail/query.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <string.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "base/memory.h"
#include "base/text.h"
#include "net/connect.h"
#include "sendmail/way.h"

enum { BUSY_PAUSES = 6000 }; /* milliseconds, the longest of the pauses that double */

enum { FULL_LINE = 400 }; /* octets: a line of a refusal from here on was broken for its length */

struct query {
	const char *command;
	query_line *take;
	void *context;
	struct reply *reply;
	bool has_told; /* a line was handed over: the question cannot be asked again */
	bool is_stopped;
};

static int read_more(struct session *session, struct error *error)
{
	int outcome = stream_fill(session->stream, clock_deadline(WAY_ANSWER_TIMEOUT), error);

	if (outcome == 0)
		error_set(error, ERROR_UNAVAILABLE, "4.4.2",
		    "%s closed the connection before its answer was complete",
		    session->stream->peer);
	return outcome > 0 ? 0 : -1;
}

/* Hands over "250-" lines until there is another; it stays in the input. */
static int pass_lines(struct query *query, struct session *session, struct error *error)
{
	for (;;) {
		struct span input = stream_input(session->stream);
		ssize_t end = span_find_byte(input, '\n');

		if (end < 0) {
			if (read_more(session, error) < 0)
				return -1;
			continue;
		}
		struct span line = span_first(input, (size_t)end);
		if (!span_starts_with(line, "250-"))
			return 0;
		if (line.start[line.length - 1] == '\r')
			line.length--;
		query->has_told = true;
		if (!query->is_stopped)
			query->is_stopped = !query->take(query->context, span_after(line, 4));
		stream_consume(session->stream, (size_t)end + 1);
		if (query->is_stopped)
			return 0;
	}
}

/* The last line, or the whole of a refusal. */
static int read_last(struct query *query, struct session *session, struct error *error)
{
	for (;;) {
		struct span input = stream_input(session->stream);
		struct reply reply = { 0 };
		ssize_t length = reply_parse(input, &reply, error);

		if (length < 0)
			return -1;
		if (length > 0) {
			*query->reply = reply;
			stream_consume(session->stream, (size_t)length);
			break;
		}
		if (read_more(session, error) < 0)
			return -1;
	}
	if (!query->has_told || query->reply->code == 250)
		return 0;
	return error_set(error, ERROR_UNAVAILABLE, "4.5.0", "the answer of %s broke off: %d %s",
	    session->stream->peer, query->reply->code, query->reply->text);
}

static enum way_outcome ask(struct query *query, struct session *session, struct error *error)
{
	CLEANUP(buffer_finish) struct buffer line = { 0 };

	buffer_init(&line, COMMAND_LINE_LIMIT);
	buffer_append_string(&line, query->command);
	buffer_append_string(&line, "\r\n");
	assert(!line.has_overflowed && !span_has_control(span_from_string(query->command)));
	stream_put(session->stream, buffer_span(&line));
	if (pass_lines(query, session, error) < 0)
		return query->has_told ? WAY_REFUSED : WAY_LOST;
	if (query->is_stopped) {
		*query->reply = (struct reply){ .code = 250 };
		return WAY_DONE;
	}
	if (read_last(query, session, error) < 0)
		return query->has_told ? WAY_REFUSED : WAY_LOST;
	session_quit(session);
	return WAY_DONE;
}

static enum way_outcome attempt(void *context, int fd, const char *label, struct error *error)
{
	struct way_visit visit CLEANUP(way_visit_finish) = { 0 };

	enum way_outcome outcome = way_visit_open(&visit, fd, label, error);
	return outcome == WAY_DONE ? ask(context, &visit.session, error) : outcome;
}

int query_run(
    const char *command, query_line *take, void *context, struct reply *reply, struct error *error)
{
	struct query query = { command, take, context, reply, false, false };

	return way_find(attempt, &query, error);
}

int query_run_at_rest(
    const char *command, query_line *take, void *context, struct reply *reply, struct error *error)
{
	struct query query = { command, take, context, reply, false, false };

	return way_find_for_question(attempt, &query, error);
}

int query_run_listening(
    const char *command, query_line *take, void *context, struct reply *reply, struct error *error)
{
	struct query query = { command, take, context, reply, false, false };

	int outcome = way_find_listening(attempt, &query, error);

	return outcome == WAY_NOBODY ? QUERY_NOBODY : outcome;
}

static enum way_outcome attempt_at(const char *path, struct query *query, struct error *error)
{
	int fd = connect_unix(path, error);

	if (fd >= 0)
		return attempt(query, fd, path, error);
	if (errno == EAGAIN)
		return WAY_BUSY;
	return errno == ENOENT || errno == ECONNREFUSED ? WAY_NOT_HERE : WAY_REFUSED;
}

int query_run_at(const char *path, const char *command, query_line *take, void *context,
    struct reply *reply, struct error *error)
{
	struct query query = { command, take, context, reply, false, false };
	enum way_outcome outcome = WAY_BUSY;

	for (int pause = 20; pause <= BUSY_PAUSES && outcome != WAY_DONE; pause *= 2) {
		outcome = attempt_at(path, &query, error);
		if (outcome != WAY_BUSY && outcome != WAY_LOST)
			break;
		(void)poll(NULL, 0, pause);
	}
	if (outcome == WAY_NOT_HERE)
		return QUERY_NOBODY;
	return outcome == WAY_DONE ? 0 : -1;
}

int query_refused(const struct reply *reply, struct error *error)
{
	char words[REPLY_TEXT_SIZE] = "";
	struct span rest = span_from_string(reply->text);
	struct span line = { 0 };

	while (span_take_line(&rest, &line)) {
		CLEANUP(memory_free_string) char *copy = span_copy(line);

		text_append(words, sizeof words, copy);
		if (rest.length != 0)
			text_append(words, sizeof words, line.length < FULL_LINE ? "; " : " ");
	}
	return error_set(
	    error, error_kind_from_status(reply_status(reply)), reply_status(reply), "%s", words);
}
