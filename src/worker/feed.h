/* SPDX-License-Identifier: MIT */

/*
 * feed - the attempts on their way from the service to the session's window
 *
 * Reads requests from the channel while others are being delivered, keeps them
 * until there is room for them, and answers with their results.
 *
 * A message for more recipients than the server takes at once goes in several
 * transactions (split.h): the server has said how many (RFC 9422), or shows it
 * by refusing some, who then go in another transaction before anything else.
 * Every transaction that brings another one had its takers, so it ends.
 *
 * A service that shuts down its writing side is leaving: what is on its way is
 * brought to its end, and of the rest it hears nothing, so that it is still to
 * be done by the service that comes after it.
 *
 * Does not know: SMTP.
 */

#ifndef WORKER_FEED_H
#define WORKER_FEED_H

#include <stdbool.h>
#include <stddef.h>

#include "base/channel.h"
#include "base/error.h"
#include "smtp/client/window.h"

struct job;
struct part;

enum {
	FEED_JOBS = 160,	/* attempts not over, at most; each holds a descriptor */
	FEED_OCTETS = 48 << 20, /* of their headers, but for a single one */
};

struct feed {
	struct channel *channel;       /* borrowed */
	const struct session *session; /* borrowed */
	struct job *first; /* with recipients to send to, in the order of their requests; owned */
	struct job *last;
	struct part *running; /* owned */
	size_t jobs;	      /* those with recipients to send to, and those that only run */
	size_t octets;
	size_t shown;	    /* recipients that the server was seen to take at once; 0: as many as
			       there were */
	bool is_over;	    /* the service will send no more */
	bool is_leaving;    /* and wants no more begun */
	struct error error; /* why, when it broke the form, or left something undone */
};

void feed_init(struct feed *feed, struct channel *channel, const struct session *session);
void feed_finish(struct feed *feed);

/* What the window takes its transactions from. */
struct window_source feed_source(struct feed *feed);

#endif
