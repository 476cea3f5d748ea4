/* SPDX-License-Identifier: MIT */

/*
 * probe - may whole transactions be sent without waiting for a reply?
 *
 * RFC 3030, 2 wants the replies to RCPT read before BDAT; a server that does
 * not swallow the chunk of a refused transaction would run message text as
 * commands.  So it is tried with a text that does no harm:
 *
 *	RSET, MAIL, BDAT 6 LAST "NOOP" CR LF, RSET		one flight
 *
 * Exactly 2yz 2yz 5yz 2yz: the chunk was swallowed.  A server that ran it has
 * one reply more, which may look the same (NOOP is answered like RSET) and
 * come later.  So a BDAT 0 LAST stands behind it as a mark: it has no
 * transaction and no octets, and must be refused; a positive reply before that
 * is the one too many.  Behind the mark every reply is in its place again, so
 * the next envelope goes in the same flight, and the probe costs no round trip.
 *
 * Does not know: what is sent before and after.
 */

#ifndef SMTP_CLIENT_PROBE_H
#define SMTP_CLIENT_PROBE_H

#include "smtp/client/session.h"
#include "smtp/command.h"

enum probe_state {
	PROBE_UNTRIED,
	PROBE_ASKED, /* its replies are awaited */
	PROBE_OPEN,  /* it held */
	PROBE_SHUT,  /* it did not */
};

enum { PROBE_COMMANDS = 5 };

struct probe {
	enum probe_state state;
	unsigned answered;
	bool has_differed; /* from what opens the window */
	bool has_extra;	   /* the reply to the chunk that was run */
};

/* Adds the four commands and the mark to the flight and to the pipeline. */
void probe_put(struct probe *probe, struct session *session, const char *sender, bool smtputf8);

/*
 * A reply to the head of the pipeline, which is the probe's; pops it, unless
 * it was the one too many.  -1: the server cannot be followed any more.
 */
int probe_take_reply(
    struct probe *probe, struct session *session, const struct reply *reply, struct error *error);

#endif
