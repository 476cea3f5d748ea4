/* SPDX-License-Identifier: MIT */

/*
 * transaction - one message in a session: MAIL, RCPT, content
 *
 * A result for each recipient, handed up as soon as it is final, exactly once:
 *
 *	delivered	2yz after the content
 *	failed		5yz to MAIL, RCPT, DATA or the content
 *	deferred	4yz, or the session was lost before the last octet had left
 *	in doubt	the last octet has left and no reply came (RFC 1047)
 *
 * Flights: with PIPELINING, MAIL and all RCPT (and DATA without CHUNKING) go
 * at once, then the content; on a stream to our own service (XMAILCHUTE) the
 * content goes in the same flight.  Without, step by step.
 *
 * Does not know: retries, what becomes of a failed recipient.
 */

#ifndef SMTP_CLIENT_TRANSACTION_H
#define SMTP_CLIENT_TRANSACTION_H

#include "message/envelope.h"
#include "smtp/client/blame.h"
#include "smtp/client/content.h"
#include "smtp/client/session.h"
#include "smtp/command.h"

enum transaction_outcome {
	TRANSACTION_DELIVERED,
	TRANSACTION_DEFERRED,
	TRANSACTION_FAILED,
	TRANSACTION_IN_DOUBT,
};

struct transaction_result {
	enum transaction_outcome outcome;
	int code;		   /* of the reply; 0 without one */
	char status[STATUS_SIZE];  /* never empty */
	const struct reply *reply; /* the server's own words; NULL without any; during the call */
	const char *text;  /* one line for people: the command and the server's words, or the
			      connection's trouble; valid during the call */
	bool may_go_next;  /* deferred, as too many for this transaction, which has others: may go
			      in another one at once */
	bool is_limit;	   /* the server says that so many is its limit */
	bool is_of_sender; /* MAIL was refused */
	enum blame blame;  /* of a reply that is a refusal */
	size_t taken;	   /* recipients of this transaction that RCPT has accepted up to now */
};

struct transaction {
	const struct envelope *envelope;
	struct mail_parameters parameters; /* what was not offered is left out */
	struct content content;
	/* Called once for each recipient, by its index in the envelope. */
	void (*report)(void *context, size_t recipient, const struct transaction_result *result);
	void *context;
};

/*
 * Runs it.  0: every recipient has been reported and the session is usable
 * (needs_reset is taken care of).  -1: every recipient has been reported, the
 * session is not usable, and error says why.
 */
int transaction_run(
    struct session *session, const struct transaction *transaction, struct error *error);

#endif
