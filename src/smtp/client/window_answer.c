/* SPDX-License-Identifier: MIT */

#include "smtp/client/window_parts.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

/*
 * A reply that only a server gives that wants one command at a time; what it says
 * of an address (RFC 3463, 3.2 and 3.3) may hold these letters for the address's sake.
 */
static bool blames_pipelining(const struct reply *reply)
{
	bool is_of_protocol = reply->status[0] == '\0' || strncmp(reply->status, "5.5.", 4) == 0;

	return is_of_protocol && reply_class(reply) == 5 &&
	       (strcasestr(reply->text, "pipelin") != NULL ||
		   strcasestr(reply->text, "synchroni") != NULL);
}

/* "Bad sequence of commands", although the one before it was accepted. */
static bool is_out_of_sequence(const struct delivery *delivery, const struct pipeline_entry *entry)
{
	const struct fates *fates = &delivery->fates;

	switch (entry->verb) {
	case COMMAND_RSET:
	case COMMAND_MAIL:
		return true;
	case COMMAND_RCPT:
		return fates->of[entry->recipient] != FATE_REPORTED;
	default:
		return fates->accepted != 0;
	}
}

/*
 * The server lost its place because commands came before it had answered: no
 * verdict about the message, which another session gives it step by step.
 */
static bool is_stumble(const struct window *window, const struct delivery *delivery,
    const struct pipeline_entry *entry, const struct reply *reply)
{
	if (!window->session->extensions.pipelining || window->flight < 2)
		return false;
	if (!is_out_of_sequence(delivery, entry))
		return false;
	return reply->code == 503 || blames_pipelining(reply);
}

static void stumble(
    struct window *window, const struct pipeline_entry *entry, const struct reply *reply)
{
	char line[ERROR_TEXT_SIZE];

	window->session->has_stumbled = true;
	if (window->is_ending)
		return;
	window->is_ending = true;
	reply_line(reply, line, sizeof line);
	error_set(&window->reason, ERROR_UNAVAILABLE, "4.5.0",
	    "%s cannot take commands ahead of its replies (%s: %s)", window->session->stream->peer,
	    entry->is_content_end ? "the content" : command_verb_name(entry->verb), line);
}

/*
 * So Exim ends a session in which it has refused more than it bears (RSET is
 * what it counts).  Whoever says so at once would say so to the next session.
 */
static bool is_leave(
    const struct window *window, const struct pipeline_entry *entry, const struct reply *reply)
{
	return entry->verb == COMMAND_RSET && reply->code == 554 && window->finished != 0;
}

/* Nothing more is begun; what becomes of the others shows when the connection ends. */
static int take_leave(struct window *window, const struct reply *reply)
{
	char line[ERROR_TEXT_SIZE];

	window->is_leaving = true;
	window->is_ending = true;
	reply_line(reply, line, sizeof line);
	error_set(&window->reason, ERROR_UNAVAILABLE, "4.3.2", "%s ended the session at RSET: %s",
	    window->session->stream->peer, line);
	return 0;
}

/* Nobody of it has been told anything, and nobody of it can have the message. */
static bool may_return(const struct delivery *delivery, const struct pipeline_entry *entry)
{
	if (!fates_is_untold(&delivery->fates))
		return false;
	if (entry->verb != COMMAND_RCPT)
		return true;
	/* The content, which is on its way, may be taken for the next. */
	return delivery->fates.accepted == 0 &&
	       (!delivery->has_content_begun || delivery->fates.open == 1);
}

static int take_stumble(struct window *window, struct delivery *delivery,
    const struct pipeline_entry *entry, const struct reply *reply, struct error *error)
{
	struct reply later = *reply;

	stumble(window, entry, reply);
	if (may_return(delivery, entry)) {
		delivery->is_returned = true;
		fates_withdraw(&delivery->fates);
		return 0;
	}
	if (entry->verb == COMMAND_RSET)
		return session_unexpected(window->session, "RSET", reply, error);
	later.code = 450;
	snprintf(later.status, sizeof later.status, "4.5.0");
	return fates_take_reply(&delivery->fates, entry, &later, error);
}

/* It lost its place and took the content all the same: whose it is, nobody can tell. */
static int take_praise_after_all(struct window *window, struct delivery *delivery,
    const struct reply *reply, struct error *error)
{
	delivery->is_returned = false;
	fates_reopen(&delivery->fates);
	return session_unexpected(
	    window->session, "a content whose envelope it had lost", reply, error);
}

/* Praise for what the server cannot have seen yet: it counts otherwise than we do. */
static bool is_early(
    const struct window *window, const struct pipeline_entry *entry, const struct reply *reply)
{
	return reply_class(reply) <= 3 && !window_may_be_seen(window, entry);
}

/* What it says of the commands that come next. */
static void note_state(
    struct window *window, const struct pipeline_entry *entry, const struct reply *reply)
{
	if (entry->is_content_end && reply_class(reply) > 3)
		window->is_doubtful = true;
	if (entry->verb == COMMAND_RSET)
		window->is_doubtful = false;
}

int window_answer(struct window *window, const struct reply *reply, struct error *error)
{
	struct session *session = window->session;
	const struct pipeline_entry *head = pipeline_head(&session->pipeline);
	int outcome;

	if (head == NULL)
		return session_unexpected(session, "an idle session", reply, error);
	if (window->is_leaving) {
		window->is_leaving = false;
		return session_unexpected(session, "what follows its leave", reply, error);
	}
	struct pipeline_entry entry = *head;
	struct delivery *delivery = entry.delivery;
	if (delivery == NULL) {
		outcome = probe_take_reply(&window->probe, session, reply, error);
		window_await(window);
		return outcome;
	}
	if (is_early(window, &entry, reply))
		return session_unexpected(session, "what it cannot have seen", reply, error);
	pipeline_pop(&session->pipeline);
	delivery->awaited--;
	window_await(window);
	note_state(window, &entry, reply);
	if (is_leave(window, &entry, reply))
		return take_leave(window, reply);
	if (delivery->is_returned && entry.is_content_end && reply_class(reply) == 2)
		return take_praise_after_all(window, delivery, reply, error);
	if (is_stumble(window, delivery, &entry, reply))
		return take_stumble(window, delivery, &entry, reply, error);
	return fates_take_reply(&delivery->fates, &entry, reply, error);
}
