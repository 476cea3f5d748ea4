/* SPDX-License-Identifier: MIT */

/*
 * window - many messages through one session, in as few round trips as it bears
 *
 * What goes in one flight depends on the server (DESIGN 4, "Delivering"):
 *
 *	neither			one command a flight
 *	PIPELINING		[RSET] MAIL RCPT DATA | content, and MAIL RCPT DATA of the next
 *	and CHUNKING		[RSET] MAIL RCPT | BDAT, content, and RSET MAIL RCPT of the next;
 *				of a message alone that is harmless (harmless.h), all at once
 *	and the probe held	whole transactions, smarthost->window of them unanswered at most
 *
 * The probe (probe.h) is made once, when more than a few messages wait.  With
 * a window of 1 one message follows the other and nothing is sent ahead.
 *
 * It sends and reads at once, and takes new transactions while replies are
 * outstanding.  Results are handed up one by one, as soon as they are final.
 *
 * Does not know: where transactions come from, retries.
 */

#ifndef SMTP_CLIENT_WINDOW_H
#define SMTP_CLIENT_WINDOW_H

#include "smtp/client/transaction.h"

enum {
	WINDOW_OCTETS = 4 << 20, /* of content unanswered, at most, but for a single message */
	WINDOW_PROBE = 4,	 /* so many waiting messages are worth the probe */
};

enum window_end {
	WINDOW_DONE,	 /* every recipient was reported */
	WINDOW_RETURNED, /* none was, and the server has refused it for our flights, took its leave
			    before it or has seen none of it: another session may try at once */
};

/* Where the transactions come from. */
struct window_source {
	/* The next one, which stays valid until it is finished; NULL: there is none now. */
	const struct transaction *(*next)(void *context);
	/* How many there are now; what is made of it is a guess, so it may be too low. */
	size_t (*waiting)(void *context);
	void (*finished)(void *context, const struct transaction *transaction, enum window_end end);
	/*
	 * What to watch beside the stream, and what to do when it is readable.  -1:
	 * nothing now, which is for ever when no message is on its way; false:
	 * nothing will ever come any more.  attend NULL: what next does not give
	 * will never come.
	 */
	int (*descriptor)(void *context);
	bool (*attend)(void *context);
	void *context;
};

/*
 * Runs until nothing will come any more and all are finished: 0; or until the
 * session can take no more of them: -1, error says why.  Then all that had
 * been taken from the source are finished, one way or the other.
 *
 * session->has_stumbled tells of a server that could not cope with commands
 * sent ahead of replies; whoever comes next clears session->extensions.pipelining.
 */
int window_run(struct session *session, const struct window_source *source, struct error *error);

#endif
