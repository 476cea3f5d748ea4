/* SPDX-License-Identifier: MIT */

/*
 * session - one connection to an SMTP server, from its greeting to QUIT
 *
 * The steps, each a row of one table (name, timeout, what we send, who reads
 * the answer); the answer returns the next step:
 *
 *	GREETING -> EHLO [-> HELO] [-> STARTTLS -> EHLO] [-> AUTH] -> READY
 *
 * After STARTTLS everything learnt before is forgotten (RFC 3207, 4.2).  A
 * password never travels in the clear but to loopback and unix sockets.
 *
 * Does not know: recipients, retries, where its parameters come from.
 */

#ifndef SMTP_CLIENT_SESSION_H
#define SMTP_CLIENT_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "net/stream.h"
#include "smtp/client/pipeline.h"
#include "smtp/command.h"
#include "smtp/extension.h"
#include "smtp/reply.h"
#include "smtp/smarthost.h"

struct session;

/* Milliseconds for each step; RFC 5321, 4.5.3.2. */
struct session_timeouts {
	int64_t greeting;
	int64_t hello;
	int64_t starttls;
	int64_t handshake;
	int64_t auth;
	int64_t mail;
	int64_t rcpt;
	int64_t data;
	int64_t content; /* for each block of the content to leave */
	int64_t end;	 /* the reply after the last octet */
	int64_t quit;
};

extern const struct session_timeouts session_default_timeouts;

/* How to log in; the table of authenticate.c (GNU SASL), or NULL for programs without it. */
struct session_authenticator {
	/*
	 * Chooses a mechanism among session->extensions.auth and runs the whole
	 * dialogue (session_command).  -1: the error carries the server's words
	 * and ERROR_NO_PERMISSION with 4.7.8 or 5.7.8 and the like: an account's
	 * fault, never a message's.
	 */
	int (*log_in)(struct session *session, struct error *error);
};

/*
 * A line in (<) or out (>), without CRLF, or an event (*).  It is fit to be
 * shown: secrets and what no terminal should see are masked before it gets here.
 */
typedef void session_trace(void *context, char direction, struct span line);

struct session_settings {
	const struct smarthost *smarthost;
	const char *hello; /* our name in EHLO: an FQDN or an address literal */
	const struct stream_security *security;		   /* NULL: TLS cannot be had */
	const struct session_authenticator *authenticator; /* NULL: no login */
	struct session_timeouts timeouts;
	session_trace *trace; /* may be NULL */
	void *trace_context;
	bool hears_progress; /* a MAIL with XLIVE is meant: lines of progress come before a reply */
};

/* Which step failed, for those who treat an account's trouble unlike a message's. */
enum session_step {
	SESSION_CONNECT,
	SESSION_GREETING,
	SESSION_HELLO,
	SESSION_STARTTLS,
	SESSION_HANDSHAKE,
	SESSION_AUTH,
	SESSION_READY,
	SESSION_CLOSED,
};

struct session {
	struct stream *stream; /* borrowed */
	const struct session_settings *settings;
	struct extensions extensions;
	struct pipeline pipeline;
	enum session_step step;	 /* where it stands, or where it failed */
	enum command_verb hello; /* EHLO, HELO or LHLO: how it was greeted last */
	bool is_usable;		 /* another transaction may begin */
	bool is_in_step;	 /* each reply still belongs to a command, so QUIT makes sense */
	bool needs_reset;	 /* RSET goes before the next MAIL */
	bool has_stumbled;	 /* over commands sent ahead of replies: better step by step */
	char greeting[256];	 /* the first line of the 220, without code */
	char last_reply[160];	 /* in one line, for errors that come instead of the next */
	int last_code;		 /* its code; 0: it has said nothing yet */
	struct span said;	 /* a secret on its way: hidden where the reply repeats it */
};

/*
 * Takes a connected stream to READY.  On -1 the error names the peer and the
 * step, quotes the server's words, and has status 4.x.x where waiting may
 * help; session->step tells where.  Call session_finish in any case.
 */
int session_open(struct session *session, struct stream *stream,
    const struct session_settings *settings, struct error *error);

/*
 * One command line (with CRLF) out and its whole reply in.  hidden: what the
 * trace shows instead of the line; NULL shows it.
 */
int session_command(struct session *session, const char *line, const char *hidden, int64_t timeout,
    struct reply *reply, struct error *error);

/*
 * Waits for the next reply, tracing it line by line as it comes.  A 421 or a
 * lost connection makes the session unusable: -1; after a 421, and only then,
 * reply is filled all the same.
 */
int session_read_reply(
    struct session *session, int64_t deadline, struct reply *reply, struct error *error);

/* How long the reply to this command may take; milliseconds. */
int64_t session_reply_timeout(const struct session *session, const struct pipeline_entry *entry);

/* Shows an event, of one line, to whoever follows the trace. */
void session_note(const struct session *session, const char *text);

/* Adds to the flight and traces each line of it. */
void session_put(struct session *session, struct span lines);

/* Sends the flight.  -1: not all of it has left; the error quotes the server's last words. */
int session_flush(struct session *session, int64_t deadline, struct error *error);

/* Fills error from a reply: "peer refused MAIL: 550 5.7.1 words", kind and status from the reply.
 */
int session_refused(const struct session *session, const char *what, const struct reply *reply,
    struct error *error);

/* The same for a reply that is no answer to what: the session is unusable from here on. */
int session_unexpected(
    struct session *session, const char *what, const struct reply *reply, struct error *error);

/* 0 when the peer has said nothing that was not asked for; a 421 on its own account is quoted. */
int session_check_silence(struct session *session, struct error *error);

/* The session cannot go on: no command may follow, not even QUIT.  Returns -1. */
int session_break(struct session *session);

/* Sends QUIT if that still makes sense, without waiting for the answer. */
void session_quit(struct session *session);

/* Frees what it holds.  The stream stays the caller's. */
void session_finish(struct session *session);

#endif
