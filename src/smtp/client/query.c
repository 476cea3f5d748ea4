/* SPDX-License-Identifier: MIT */

#include "smtp/client/query.h"

#include <assert.h>

#include "base/memory.h"
#include "base/text.h"

enum { CODES = 4 };

/* What RFC 5321, 4.3.2 lists as success. */
static const struct row {
	enum command_verb verb;
	int codes[CODES];
	bool has_refusal;
} rows[] = {
	{ COMMAND_VRFY, { 250, 251, 252 }, true },
	{ COMMAND_HELP, { 211, 214 }, true },
	{ COMMAND_NOOP, { 250 }, true },
	{ COMMAND_RSET, { 250 }, false },
};

static const struct row *find_row(enum command_verb verb)
{
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		if (rows[i].verb == verb)
			return &rows[i];
	return NULL;
}

static bool is_success(const struct row *row, int code)
{
	for (size_t i = 0; i < CODES; i++)
		if (row->codes[i] == code)
			return true;
	return false;
}

/* The line without its end, for errors. */
static void name_command(const struct buffer *line, char *what, size_t size)
{
	text_copy_span(what, size, span_first(buffer_span(line), line->length - 2));
}

static enum query_answer judge(struct session *session, const struct row *row, const char *what,
    const struct reply *reply, struct error *error)
{
	if (is_success(row, reply->code)) {
		if (row->verb == COMMAND_RSET)
			session->needs_reset = false;
		return reply->code == 252 ? QUERY_MAYBE : QUERY_YES;
	}
	if (reply_class(reply) >= 4 && row->has_refusal) {
		session_refused(session, what, reply, error);
		return QUERY_REFUSED;
	}
	session_unexpected(session, what, reply, error);
	return QUERY_LOST;
}

enum query_answer query_ask(struct session *session, enum command_verb verb, struct span argument,
    struct reply *reply, struct error *error)
{
	CLEANUP(buffer_finish) struct buffer line = { 0 };
	const struct row *row = find_row(verb);
	char what[200];

	assert(row != NULL && session->is_usable);
	buffer_init(&line, COMMAND_LINE_LIMIT);
	if (command_write_query(&line, verb, argument, error) < 0)
		return QUERY_LOST;
	name_command(&line, what, sizeof what);
	if (session_command(session, buffer_string(&line), NULL, session->settings->timeouts.mail,
		reply, error) < 0)
		return QUERY_LOST;
	return judge(session, row, what, reply, error);
}
