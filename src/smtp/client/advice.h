/* SPDX-License-Identifier: MIT */

/*
 * advice - what providers say, what they mean by it, and what to do about it
 *
 * One table of replies; blame.h reads the same.  A reply that is in none of
 * its rows has no advice, and the server's own words stand alone.
 *
 * Does not know: who is told.
 */

#ifndef SMTP_CLIENT_ADVICE_H
#define SMTP_CLIENT_ADVICE_H

#include "base/error.h"
#include "smtp/client/blame.h"
#include "smtp/reply.h"
#include "smtp/smarthost.h"

/* Where the reply came; a row of the table holds at a set of them. */
enum advice_step {
	ADVICE_MAIL = 1,
	ADVICE_RCPT = 2,
	ADVICE_CONTENT = 4, /* DATA, BDAT and what follows them */
	ADVICE_CONNECT = 8, /* the greeting */
	ADVICE_HELLO = 16,
	ADVICE_STARTTLS = 32,
	ADVICE_AUTH = 64,
};

struct advice {
	enum blame blame;
	const char *code;  /* "MC-AUTH-01" (base/codes.h) */
	const char *means; /* in plain words; may be NULL, like next */
	const char *next;  /* what to write, where to go; with {name}, {host}, {user}, {from} */
};

/* host: where it came from, for what only one provider says; NULL: unknown.  NULL: no row fits. */
const struct advice *advice_find(
    const struct reply *reply, const char *host, enum advice_step step);

/* Adds code, meaning and next step to the error; what the advice has none of stays. */
void advice_give(
    const struct advice *advice, const struct smarthost *smarthost, struct error *error);

/* Both, of a reply from this smarthost; without a row the error stays as it is. */
void advice_add(const struct reply *reply, const struct smarthost *smarthost, enum advice_step step,
    struct error *error);

/* Adds to the error about a smarthost whose name is not known which one was probably meant. */
void advice_add_host(const struct smarthost *smarthost, struct error *error);

/* Adds to the error about a smarthost that nobody answers at by which ports it may be reached. */
void advice_add_ports(const struct smarthost *smarthost, struct error *error);

#endif
