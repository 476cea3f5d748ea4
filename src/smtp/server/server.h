/* SPDX-License-Identifier: MIT */

/*
 * server - one SMTP session as the server, by callbacks
 *
 * Speaks RFC 5321 with PIPELINING, CHUNKING, 8BITMIME, SMTPUTF8, SIZE, DSN,
 * ENHANCEDSTATUSCODES, STARTTLS, AUTH PLAIN and LOGIN: what the settings
 * offer; LMTP (RFC 2033) after LHLO.  MAIL is taken without EHLO, as every
 * sendmail -bs does.  A command line may end in LF alone.  Replies to
 * pipelined commands leave in one write; memory does not grow with a message.
 *
 * One transaction, whether by DATA or BDAT:
 *
 *	IDLE -- MAIL --> MAIL -- BDAT --> CHUNKS
 *	MAIL -- DATA --> IDLE		CHUNKS -- BDAT LAST --> IDLE
 *	any -- RSET, EHLO, HELO, LHLO, STARTTLS --> IDLE
 *	any -- a BDAT that is refused --> IDLE, its octets swallowed
 *	CHUNKS -- MAIL, RCPT, DATA --> IDLE, refused
 *
 * Plain, after XPLAIN, is for a client that lent its connection to another
 * (sendmail -bs): the private commands and parameters are gone.  And who never
 * waits for a reply does no harm: DATA that must be refused, because something
 * before it was, is read to its end all the same, so that the lines of a
 * message never run as commands.
 *
 * Does not know: where a message is kept, who may send what.
 */

#ifndef SMTP_SERVER_SERVER_H
#define SMTP_SERVER_SERVER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "net/stream.h"
#include "smtp/command.h"
#include "smtp/extension.h"
#include "smtp/reply.h"

/* An answer.  Zeroed it means "250 2.0.0 OK" and the like. */
struct server_reply {
	int code;
	char status[STATUS_SIZE];
	char text[REPLY_TEXT_SIZE]; /* LF between lines */
	bool closes;		    /* the session ends after it */
	/*
	 * Lines for a MAIL with XTRACE, each with LF: they follow the text, each
	 * behind COMMAND_PROGRESS, which stands alone in the last line of the
	 * answer.  Borrowed until the answer is written.
	 */
	struct span progress;
	struct dialogue *output; /* for server_say and _show; NULL where nothing may be said */
};

/* Sets all of an answer. */
void server_reply_set(struct server_reply *reply, int code, const char *status, const char *format,
    ...) __attribute__((format(printf, 4, 5)));

/* An answer from an error: code 4yz or 5yz by its status (x.3.1 is 452, 5.1.1 is 550...). */
void server_reply_from_error(struct server_reply *reply, const struct error *error);

enum { SERVER_SAY_LIMIT = 16384 }; /* octets of a line; the rest is cut off */

/*
 * Only for the answer that handler.other has to fill: adds a line before its
 * reply, as many as there are to say.  It leaves as "250-line", so the reply
 * must then be a 250; any other ends the session in the middle of the answer,
 * which the client takes for a loss.  Memory stays flat.  False: the client is
 * gone, and there is no use in saying more.
 */
bool server_say(struct server_reply *reply, struct span line);

/*
 * Only for the answer that handler.end has to fill, to a MAIL with XLIVE: shows
 * a line now, before the reply.  Who does not listen is given no time.
 */
void server_show(struct server_reply *reply, struct span line);

/*
 * What the program does.  A callback refuses by setting a 4yz or 5yz code.
 * Any of them but mail, rcpt, content and end may be NULL.
 */
struct server_handler {
	void (*mail)(void *context, struct span sender, const struct mail_parameters *parameters,
	    struct server_reply *reply);
	void (*rcpt)(void *context, struct span recipient, const struct rcpt_parameters *parameters,
	    struct server_reply *reply);
	/* Before the first octet of the content: DATA or the first BDAT. */
	void (*begin)(void *context, struct server_reply *reply);
	/*
	 * Octets of the content as they come, in pieces of any size; a failure
	 * is kept until end.  DATA: the lines with the stuffed dots undone and
	 * the CRLF before the final dot.  BDAT: exactly the octets of the chunks,
	 * one after the other, neither dots nor line ends touched nor added.
	 * Content past offered.size_limit is not passed on (and end not called).
	 */
	void (*content)(void *context, struct span bytes);
	/* The content is whole: the answer to the message. */
	void (*end)(void *context, struct server_reply *reply);
	/* The transaction is over or dropped; called before the next one and at the end. */
	void (*reset)(void *context);
	/* Is this the password?  Sets 535 5.7.8 when not. */
	void (*log_in)(
	    void *context, const char *user, const char *password, struct server_reply *reply);
	/* XQUEUE, XEXPLAIN, VRFY; a NULL handler gets them 502 (252 for VRFY). */
	void (*other)(void *context, const struct command *command, struct server_reply *reply);
	/* XPLAIN; a refusal is for the client of the client to hear. */
	void (*plain)(void *context, struct server_reply *reply);
	/* Asked while the client is silent: others wait for its place, so its session ends. */
	bool (*is_wanted)(void *context);
};

struct server_settings {
	const char *name;	   /* in the greeting and in the answer to EHLO */
	const char *banner;	   /* after the name in the 220, "ESMTP mailchute service" */
	struct extensions offered; /* starttls and auth are withdrawn when done */
	const struct stream_security *security; /* for STARTTLS; NULL: not offered */
	bool auth_is_required;			/* MAIL before AUTH: 530 5.7.0 */
	bool auth_needs_tls;			/* AUTH in clear: 538 5.7.11 */
	int64_t command_timeout;		/* milliseconds between commands */
	int64_t plain_timeout;			/* the same after XPLAIN; 0: no other */
	int64_t park_after;	 /* of such silence between messages; 0: never (COMMAND_PARK) */
	int64_t wanted_after;	 /* of silence outside of content; 0: never (is_wanted) */
	int64_t content_timeout; /* between octets of content; CLOCK_NEVER: none */
	const char *size_rule;	 /* what says offered.size_limit, for people; NULL: it is just so */
	const struct server_handler *handler;
	void *context;
	/* Each line in ('<') and out ('>'), for those who show a conversation; may be NULL. */
	void (*trace)(void *context, char direction, struct span line);
};

/*
 * Runs the session from the 220 until QUIT (0), until the client is gone (1),
 * or an error (-1).  The stream stays the caller's.
 */
int server_run(struct stream *stream, const struct server_settings *settings, struct error *error);

#endif
