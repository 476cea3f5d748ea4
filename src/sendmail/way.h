/* SPDX-License-Identifier: MIT */

/*
 * way - where a session with mailchute is to be had
 *
 *	1. a service that listens: $MAILCHUTE_SOCKET, else the system's socket
 *	2. a service of this uid, at submit.sock in its own spool
 *	3. a child of our own, "mailchute serve --for-caller", on a socket pair:
 *	   it reads the configuration and decides what to do
 *
 * One question decides: does a socket answer with 220?  Until then any way may
 * be given up for the next.
 *
 * Does not know: configuration, what is said in the session.
 */

#ifndef SENDMAIL_WAY_H
#define SENDMAIL_WAY_H

#include "base/error.h"
#include "net/stream.h"
#include "smtp/client/session.h"

enum { WAY_ANSWER_TIMEOUT = 600000 }; /* the service bounds itself; this is for one that hangs */

/* What came of one way. */
enum way_outcome {
	WAY_DONE,
	WAY_REFUSED,  /* an answer, and not a good one; error says which */
	WAY_NOT_HERE, /* nobody answers: the next way */
	WAY_BUSY,     /* this way again, after a pause */
	WAY_LOST,     /* nothing has come of it yet: once more from the start */
};

/* Tries a connected socket, which it takes over; label names it in errors. */
typedef enum way_outcome way_attempt(void *context, int fd, const char *label, struct error *error);

/* 0: an attempt was WAY_DONE.  -1: error is the line for the caller, its kind the exit status. */
int way_find(way_attempt *attempt, void *context, struct error *error);

/* The same for what hands nothing over: a child of our own answers, and starts no service. */
int way_find_for_question(way_attempt *attempt, void *context, struct error *error);

enum { WAY_NOBODY = 1 };

/* The same by the first two ways alone; WAY_NOBODY: no service is there for this caller. */
int way_find_listening(way_attempt *attempt, void *context, struct error *error);

/* The session of an attempt.  Zeroed before; settings.trace may be set before it is opened. */
struct way_visit {
	struct stream stream;
	struct session session;
	struct session_settings settings; /* its timeouts may be changed once it is open */
	struct smarthost service;
};

/* The part of an attempt that all have in common: takes over fd; the 220 and the answer to EHLO. */
enum way_outcome way_visit_open(
    struct way_visit *visit, int fd, const char *label, struct error *error);
/* Open, no step of it may take longer than so many milliseconds. */
void way_visit_bound(struct way_visit *visit, int64_t limit);
void way_visit_finish(struct way_visit *visit);

#endif
