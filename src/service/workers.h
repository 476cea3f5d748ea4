/* SPDX-License-Identifier: MIT */

/*
 * workers - the connections that are open, and the attempts that run on them
 *
 * A worker whose session stands is given as many attempts as its window takes
 * and some more, so that it never waits for us; then its connection lingers a
 * moment for the next.  Only while all that are open to a smarthost have as
 * many as they take is a further one opened to it, up to its `connections`;
 * while its first is being opened, the others wait to see whether it comes to
 * stand.  The last slots are kept for smarthosts that have none.  A smarthost
 * that refuses a further connection is not down: the attempt goes to those
 * that stand, uncounted.
 *
 * An attempt whose submitter wants to see the conversation has a connection of
 * its own, so that nobody sees the mail of others.  The pool owns the attempts
 * that it was given until it hands them back through concluded.
 */

#ifndef SERVICE_WORKERS_H
#define SERVICE_WORKERS_H

#include <poll.h>
#include <stdbool.h>

#include "config/config.h"
#include "service/attempt.h"
#include "service/connections.h"
#include "service/rates.h"
#include "service/stumbles.h"
#include "service/tickets.h"
#include "service/workers_slot.h"
#include "worker/worker.h"

enum {
	WORKERS_LIMIT = 20,   /* connections at once, to all smarthosts */
	WORKERS_SHARED = 400, /* attempts at once; then only those that open a connection */
	WORKERS_ATTEMPTS = WORKERS_SHARED + WORKERS_LIMIT,
};

struct workers {
	struct worker_parent *parent; /* borrowed */
	struct workers_slot slots[WORKERS_LIMIT];
	struct tickets tickets;		/* by name of the smarthost */
	struct stumbles stumbles;	/* the same */
	struct rates rates;		/* the same */
	struct connections connections; /* the same */
	bool is_leaving;		/* workers_leave has been called */
	/*
	 * An attempt is over; its results are in the file, not yet concluded.
	 * is_counted: false when a connection that has served others had ended
	 * before any of it was sent.  The attempt becomes the callee's.
	 */
	void (*concluded)(void *context, struct attempt *attempt, bool is_counted);
	/* A line of the conversation about an attempt that wants_trace; may be NULL. */
	void (*traced)(void *context, const struct attempt *attempt, const struct result *line);
	/* A connection without any attempt has shown this of its smarthost; may be NULL. */
	void (*shown)(void *context, const char *smarthost, const struct health_sign *sign);
	bool is_verbose; /* every conversation goes to the log */
	void *context;
};

void workers_init(struct workers *workers, struct worker_parent *parent);
void workers_finish(struct workers *workers);

/* Attempts that have not been handed back. */
size_t workers_busy_count(const struct workers *workers);
bool workers_has(const struct workers *workers, const char *id);
/* The attempt at this file, which stays the pool's; NULL: there is none. */
struct attempt *workers_find(const struct workers *workers, const char *id);

/* The login of a connection to this smarthost, its from; NULL when there is none. */
const struct smarthost *workers_login(const struct workers *workers, const char *smarthost);

/*
 * Gives an attempt to a worker that is idle at its smarthost, to one that has
 * others, or to a new one; there is room for it (room.h).  The attempt becomes the
 * pool's in any case: where no worker can be had, its recipients are put off
 * and concluded is called.
 */
void workers_assign(struct workers *workers, const struct config *config, struct attempt *attempt);

/* Fills polls (room for WORKERS_LIMIT) with what to wait for; returns how many. */
size_t workers_poll(const struct workers *workers, struct pollfd *polls);

/* Reads what has come, after poll(2); closes what has lingered long enough. */
void workers_step(struct workers *workers);

/*
 * The service ends: the workers finish what is on its way and give the rest
 * back, uncounted; nothing new is sent.
 */
void workers_leave(struct workers *workers);

/* What has no result by now is in doubt: the workers are about to be ended. */
void workers_abandon(struct workers *workers);

/* The settings have changed: connections of the old ones serve nothing new. */
void workers_forget(struct workers *workers);

/* When workers_step has something to do without input; CLOCK_NEVER: not. */
int64_t workers_deadline(const struct workers *workers);

#endif
