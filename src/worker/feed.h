/* SPDX-License-Identifier: MIT */

/*
 * feed - the attempts on their way from the service to the session's window
 *
 * Reads requests from the channel while others are being delivered, keeps them
 * until there is room for them, and answers with their results.
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

enum {
	FEED_JOBS = 160,	/* waiting and running, at most; each holds a descriptor */
	FEED_OCTETS = 48 << 20, /* of their headers, but for a single one */
};

struct feed {
	struct channel *channel;       /* borrowed */
	const struct session *session; /* borrowed */
	struct job *first;	       /* waiting, in the order of their requests; owned */
	struct job *last;
	struct job *running; /* owned */
	size_t waiting;
	size_t jobs; /* waiting and running */
	size_t octets;
	bool is_over;	    /* the service will send no more */
	struct error error; /* why, when it broke the form */
};

void feed_init(struct feed *feed, struct channel *channel, const struct session *session);
void feed_finish(struct feed *feed);

/* What the window takes its transactions from. */
struct window_source feed_source(struct feed *feed);

#endif
