/* SPDX-License-Identifier: MIT */

#include "smtp/client/probe.h"

#include <assert.h>

#include "base/memory.h"

/* What a server that did not swallow it would run. */
static const char harmless[] = "NOOP\r\n";

/* The classes that open the window. */
static const int wanted[PROBE_COMMANDS] = { 2, 2, 5, 2, 5 };

static void put(struct session *session, const struct buffer *line, enum command_verb verb)
{
	assert(!line->has_overflowed);
	session_put(session, buffer_span(line));
	pipeline_push(&session->pipeline, (struct pipeline_entry){ .verb = verb });
}

static void put_plain(struct session *session, enum command_verb verb)
{
	CLEANUP(buffer_finish) struct buffer line = { 0 };

	buffer_init(&line, COMMAND_LINE_LIMIT);
	command_write_plain(&line, verb);
	put(session, &line, verb);
}

/* With no parameter but what the address itself needs. */
static void put_mail(struct session *session, const char *sender, bool smtputf8)
{
	CLEANUP(buffer_finish) struct buffer line = { 0 };
	struct mail_parameters parameters = { .smtputf8 = smtputf8 };

	buffer_init(&line, COMMAND_LINE_LIMIT);
	command_write_mail(&line, sender, &parameters, &session->extensions);
	put(session, &line, COMMAND_MAIL);
}

static void put_chunk(struct session *session, struct span content)
{
	CLEANUP(buffer_finish) struct buffer line = { 0 };

	buffer_init(&line, COMMAND_LINE_LIMIT);
	command_write_bdat(&line, content.length, true);
	put(session, &line, COMMAND_BDAT);
	if (content.length != 0)
		session_put(session, content);
}

void probe_put(struct probe *probe, struct session *session, const char *sender, bool smtputf8)
{
	assert(probe->state == PROBE_UNTRIED);

	put_plain(session, COMMAND_RSET);
	put_mail(session, sender, smtputf8);
	put_chunk(session, span_from_string(harmless));
	put_plain(session, COMMAND_RSET);
	put_chunk(session, span_from_string(""));
	probe->state = PROBE_ASKED;
}

int probe_take_reply(
    struct probe *probe, struct session *session, const struct reply *reply, struct error *error)
{
	bool is_mark = probe->answered == PROBE_COMMANDS - 1;

	assert(probe->state == PROBE_ASKED);
	if (reply_class(reply) == 3 || (is_mark && reply_class(reply) == 2 && probe->has_extra))
		return session_unexpected(session, "the probe for a window", reply, error);
	if (reply_class(reply) != wanted[probe->answered])
		probe->has_differed = true;
	/* The chunk was run; the mark's own reply is still to come. */
	if (is_mark && reply_class(reply) == 2) {
		probe->has_extra = true;
		return 0;
	}
	pipeline_pop(&session->pipeline);
	if (++probe->answered == PROBE_COMMANDS)
		probe->state = probe->has_differed ? PROBE_SHUT : PROBE_OPEN;
	return 0;
}
