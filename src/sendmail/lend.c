/* SPDX-License-Identifier: MIT */

#include "sendmail/lend.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"
#include "net/join.h"
#include "sendmail/query.h"
#include "sendmail/way.h"
#include "smtp/status.h"

struct lend {
	struct join join;
	bool has_greeted;	     /* the caller has its 220 */
	char line[REPLY_LINE_LIMIT]; /* that is being said by the service; cut */
	size_t line_length;
	struct reply last;    /* the last whole one, of several lines the last; 0: none */
	bool has_come_to_end; /* stdin has, says the service */
	bool is_closed;	      /* by the last reply */
	bool is_parked;
	bool has_failed;
	struct error failure;
};

enum { STDOUT_TIMEOUT = 5000 }; /* milliseconds, for room in a pipe that is full */

/* Who does not listen may still send, and may be waiting for us to end. */
static void write_out(struct span bytes)
{
	struct pollfd room = { .fd = STDOUT_FILENO, .events = POLLOUT };

	if (poll(&room, 1, STDOUT_TIMEOUT) > 0)
		(void)file_write_all(STDOUT_FILENO, bytes);
}

/* ---- what the service says ---- */

static void take_aside(struct lend *lend, struct span line)
{
	const struct join *join = &lend->join;
	uint64_t taken;

	if (span_equals_string(line, COMMAND_END))
		lend->has_come_to_end = true;
	if (span_equals_string(line, COMMAND_CLOSE))
		lend->is_closed = true;
	/* The service has answered all that it was sent, and we have sent all that we read. */
	if (span_starts_with(line, COMMAND_PARK) &&
	    span_to_number(span_after(line, strlen(COMMAND_PARK)), &taken) &&
	    taken == join->passed_on && !join->has_pending && !join->near_has_ended)
		lend->join.is_stopped = true;
}

/* A whole line has been said.  True: it is for the caller. */
static void take_line(struct lend *lend)
{
	struct span line = span_from_bytes(lend->line, lend->line_length);
	struct reply reply;
	struct error ignored;

	if (span_starts_with(line, COMMAND_ASIDE))
		take_aside(lend, span_trim(line));
	else if (reply_parse(line, &reply, &ignored) > 0)
		lend->last = reply;
	lend->line_length = 0;
}

/* No reply begins with 0: such a line is taken out whole. */
static size_t filter(void *context, char *bytes, size_t size)
{
	struct lend *lend = context;
	size_t kept = 0;

	for (size_t i = 0; i < size; i++) {
		if (lend->line_length < sizeof lend->line)
			lend->line[lend->line_length++] = bytes[i];
		if (lend->line[0] != COMMAND_ASIDE[0])
			bytes[kept++] = bytes[i];
		if (bytes[i] == '\n')
			take_line(lend);
	}
	return kept;
}

/* ---- what the caller is told by us ---- */

static void tell(const struct error *error)
{
	struct buffer text CLEANUP(buffer_finish) = { 0 };
	struct buffer output CLEANUP(buffer_finish) = { 0 };
	char host[256] = "";
	char status[STATUS_SIZE];

	/* A 421 is of class 4, whatever the error (RFC 2034, 4). */
	text_copy(status, sizeof status, error->status[0] != '\0' ? error->status : "4.3.0");
	status[0] = '4';
	(void)gethostname(host, sizeof host - 1);
	buffer_init(&text, REPLY_TEXT_SIZE);
	buffer_init(&output, 2 * REPLY_TEXT_SIZE);
	buffer_append_string(&text, host);
	buffer_append_byte(&text, ' ');
	buffer_append_string(&text, error->text);
	struct buffer lines CLEANUP(buffer_finish) = { 0 };
	buffer_init(&lines, REPLY_TEXT_SIZE);
	reply_wrap(&lines, buffer_span(&text));
	if (error->next[0] != '\0') {
		buffer_append_byte(&lines, '\n');
		reply_wrap(&lines, span_from_string(error->next));
	}
	reply_write(&output, 421, status, buffer_string(&lines));
	write_out(buffer_span(&output));
}

static void greet(struct lend *lend, const struct session *session)
{
	struct buffer line CLEANUP(buffer_finish) = { 0 };

	if (lend->has_greeted)
		return;
	buffer_init(&line, REPLY_TEXT_SIZE);
	reply_write(&line, 220, "", session->greeting);
	write_out(buffer_span(&line));
	lend->has_greeted = true;
}

/* The session is over, and not by the caller's will. */
static void fail(struct lend *lend)
{
	struct error *failure = &lend->failure;
	char words[REPLY_TEXT_SIZE];

	lend->has_failed = true;
	if (lend->last.code != 0 && (lend->is_closed || lend->has_come_to_end)) {
		reply_line(&lend->last, words, sizeof words);
		error_set(failure, error_kind_from_status(reply_status(&lend->last)),
		    reply_status(&lend->last), "the session was ended: %s", words);
		return;
	}
	error_set(failure, ERROR_IO, "4.4.2",
	    "the service was lost; a message whose end it has not answered may have been queued");
	(void)error_next(failure, "see mailchute queue before sending it again");
	if (lend->line_length != 0)
		write_out(span_from_string("\r\n"));
	tell(failure);
}

static void judge(struct lend *lend)
{
	int code = lend->last.code;

	/* The 421 that comes behind a message without its end. */
	if (code == 221 || (lend->has_come_to_end && code != 421))
		return;
	fail(lend);
}

/* ---- one session ---- */

static enum way_outcome make_plain(struct session *session, struct error *error)
{
	struct reply reply = { 0 };

	if (session_command(session, "XPLAIN\r\n", NULL, WAY_ANSWER_TIMEOUT, &reply, error) < 0)
		return reply.code != 0 ? WAY_BUSY : WAY_LOST;
	if (reply_class(&reply) == 2)
		return WAY_DONE;
	query_refused(&reply, error);
	return WAY_REFUSED;
}

/* What the service said in one breath with its last answer to us. */
static void pass_rest_on(struct lend *lend, struct stream *stream)
{
	struct span rest = stream_input(stream);
	char *bytes CLEANUP(memory_free_string) = memory_allocate(rest.length + 1);

	if (rest.length == 0)
		return;
	memcpy(bytes, rest.start, rest.length);
	write_out(span_from_bytes(bytes, filter(lend, bytes, rest.length)));
	stream_consume(stream, rest.length);
}

static void join_caller(struct lend *lend, struct stream *stream)
{
	lend->join = (struct join){
		.near_input = STDIN_FILENO,
		.near_output = STDOUT_FILENO,
		.far = stream->input_fd,
		.filter = filter,
		.context = lend,
		/* A message that came whole is not given up because nobody reads the answer. */
		.outlives_near = true,
	};
	lend->line_length = 0;
	lend->last = (struct reply){ 0 };
	lend->has_come_to_end = false;
	lend->is_closed = false;
	pass_rest_on(lend, stream);
	lend->is_parked = lend->join.is_stopped || join_run(&lend->join) == JOIN_STOPPED;
	if (!lend->is_parked)
		judge(lend);
}

static enum way_outcome attempt(void *context, int fd, const char *label, struct error *error)
{
	struct lend *lend = context;
	struct way_visit visit CLEANUP(way_visit_finish) = { 0 };

	enum way_outcome outcome = way_visit_open(&visit, fd, label, error);
	if (outcome == WAY_DONE)
		outcome = make_plain(&visit.session, error);
	if (outcome != WAY_DONE)
		return outcome;
	greet(lend, &visit.session);
	join_caller(lend, &visit.stream);
	return WAY_DONE;
}

/* ---- parked ---- */

/* Waits until the caller goes on.  False: it has ended. */
static bool wait_for_caller(void)
{
	struct pollfd input = { .fd = STDIN_FILENO, .events = POLLIN };
	char octet;

	while (poll(&input, 1, -1) < 0 && errno == EINTR)
		continue;
	if ((input.revents & POLLIN) == 0)
		return false;
	return recv(STDIN_FILENO, &octet, 1, MSG_PEEK | MSG_DONTWAIT) != 0;
}

/* The children of sessions that were parked. */
static void reap(void)
{
	while (waitpid(-1, NULL, WNOHANG) > 0)
		continue;
}

int lend_run(struct error *error)
{
	struct lend lend = { 0 };

	do {
		reap();
		lend.is_parked = false;
		if (way_find(attempt, &lend, error) < 0) {
			tell(error);
			return -1;
		}
	} while (lend.is_parked && !lend.join.near_has_ended && wait_for_caller());
	*error = lend.failure;
	return lend.has_failed ? -1 : 0;
}
