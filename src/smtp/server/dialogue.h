/* SPDX-License-Identifier: MIT */

/*
 * dialogue - what the rooms of a server session share: lines in, replies out
 *
 * Private to this folder.  Whatever ends the session is kept in is_over and
 * outcome; who runs a step looks there, so no step hands failures up.
 *
 * Does not know: commands.
 */

#ifndef SMTP_SERVER_DIALOGUE_H
#define SMTP_SERVER_DIALOGUE_H

#include <stdbool.h>
#include <stdint.h>

#include "smtp/server/server.h"

enum dialogue_state {
	DIALOGUE_IDLE,
	DIALOGUE_MAIL,	 /* MAIL was taken */
	DIALOGUE_CHUNKS, /* and BDAT, without LAST */
};

enum dialogue_line {
	DIALOGUE_NO_LINE, /* the session is over */
	DIALOGUE_LINE,
	DIALOGUE_LONG_LINE, /* it was dropped */
};

struct dialogue {
	struct stream *stream;			/* borrowed */
	const struct server_settings *settings; /* borrowed */
	enum dialogue_state state;
	bool owes_reset; /* handler->mail was called since handler->reset */
	bool is_lmtp;
	bool is_logged_in;
	bool has_seen_rcpt;
	bool is_too_large;
	size_t recipients; /* taken in this transaction */
	uint64_t content_size;
	unsigned errors; /* of the client's syntax, since a MAIL was taken */
	int64_t command_timeout;
	bool is_plain;	/* after XPLAIN */
	uint64_t taken; /* octets of input since */
	/* Something since the last beginning; who does not wait for replies has not seen it. */
	bool has_refused;
	bool has_said;	       /* lines of an answer whose reply is not there yet */
	struct buffer content; /* a piece of DATA, dots undone */
	bool is_over;
	int outcome;	     /* of server_run, when is_over */
	struct error *error; /* the caller's; filled when outcome is -1 */
	char line[COMMAND_LINE_LIMIT];
};

void dialogue_init(struct dialogue *dialogue, struct stream *stream,
    const struct server_settings *settings, struct error *error);
void dialogue_finish(struct dialogue *dialogue);

/* Ends the session with this outcome, unless it is over already. */
void dialogue_end(struct dialogue *dialogue, int outcome);

/* Adds a word to sendmail -bs; it is no reply, and comes between two. */
void dialogue_put_aside(struct dialogue *dialogue, const char *text);

/* Shows a line of what goes on before the next reply, at once; see server_show. */
void dialogue_show(struct dialogue *dialogue, struct span line);

/* Says 421 to somebody who may not listen any more. */
void dialogue_last_word(struct dialogue *dialogue, const char *status, const char *text);

/* What is offered now, after TLS, login and XPLAIN have been looked at. */
struct extensions dialogue_offer(const struct dialogue *dialogue);

/*
 * The next line without its end, valid until the next call.  Waits at most
 * command_timeout.  A secret is not traced.
 */
enum dialogue_line dialogue_read_line(struct dialogue *dialogue, bool is_secret, struct span *line);

/* Takes octets from the start of the input. */
void dialogue_consume(struct dialogue *dialogue, size_t size);

/* Reads more content.  False when the session is over. */
bool dialogue_read_content(struct dialogue *dialogue);

/* Adds a reply to the flight; status "" for none; the text may have several lines. */
void dialogue_answer(struct dialogue *dialogue, int code, const char *status, const char *text);

/* Adds a line that the reply follows; see server_say. */
bool dialogue_say(struct dialogue *dialogue, struct span line);

/* Adds a handler's reply, or this one when it set none. */
void dialogue_answer_handler(struct dialogue *dialogue, const struct server_reply *reply, int code,
    const char *status, const char *text);

/* The handler refused. */
bool dialogue_is_refused(const struct server_reply *reply);

/* The transaction is over or dropped. */
void dialogue_reset(struct dialogue *dialogue);

#endif
