/* SPDX-License-Identifier: MIT */

/*
 * workers - the connections that are open, and the attempts that run on them
 *
 * A worker whose session stands is given as many attempts as its window takes
 * and some more, so that it never waits for us; then its connection lingers a
 * moment for the next.  An attempt whose submitter wants to see the
 * conversation has a connection of its own, so that nobody sees the mail of
 * others.  The pool owns the attempts that it was given until it hands them
 * back through concluded.
 */

#ifndef SERVICE_WORKERS_H
#define SERVICE_WORKERS_H

#include <poll.h>
#include <stdbool.h>

#include "base/channel.h"
#include "config/config.h"
#include "service/attempt.h"
#include "service/rates.h"
#include "service/stumbles.h"
#include "service/tickets.h"
#include "worker/worker.h"

enum {
	WORKERS_LIMIT = 2,     /* connections at once */
	WORKERS_LINGER = 5000, /* milliseconds */
	WORKERS_QUEUE = 64,    /* attempts given to one, at most */
	WORKERS_ATTEMPTS = WORKERS_LIMIT * WORKERS_QUEUE + 1,
	WORKERS_OCTETS = 98304, /* of requests without an answer, but for a single one */
};

struct workers_task {
	struct attempt *attempt; /* owned */
	size_t octets;		 /* of its request, once that has been sent */
};

struct workers_slot {
	struct channel channel;
	char *smarthost;			  /* its name; NULL: the slot is free */
	char relay[RESULT_TEXT_SIZE];		  /* as connected, for the log */
	struct workers_task tasks[WORKERS_QUEUE]; /* in the order of their coming */
	size_t task_count;			  /* 0: idle */
	size_t sent_count;			  /* so many of the first have been sent */
	size_t octets;				  /* of their requests */
	size_t limit;				  /* of tasks */
	struct smarthost login;			  /* no more of it than its from */
	bool is_ready;	      /* the session stands: the worker reads its channel */
	bool is_step_by_step; /* the worker was told to speak so */
	bool is_traced;	      /* one attempt's own: its submitter sees the conversation */
	bool is_stale;	      /* not for another attempt: traced, or the settings have changed */
	bool has_served;      /* the server has answered an attempt on this connection */
	int64_t linger_until; /* clock_monotonic; while idle */
};

struct workers {
	struct worker_parent *parent; /* borrowed */
	struct workers_slot slots[WORKERS_LIMIT];
	struct tickets tickets;	  /* by name of the smarthost */
	struct stumbles stumbles; /* the same */
	struct rates rates;	  /* the same */
	bool is_leaving;	  /* workers_leave has been called */
	struct attempt *parked;	  /* waits for a worker, as no other smarthost's does; owned */
	/*
	 * An attempt is over; its results are in the file, not yet concluded.
	 * is_counted: false when a connection that has served others had ended
	 * before any of it was sent.  The attempt becomes the callee's.
	 */
	void (*concluded)(void *context, struct attempt *attempt, bool is_counted);
	/* A line of the conversation about an attempt that wants_trace; may be NULL. */
	void (*traced)(void *context, const struct attempt *attempt, const struct result *line);
	bool is_verbose; /* every conversation goes to the log */
	void *context;
};

void workers_init(struct workers *workers, struct worker_parent *parent);
void workers_finish(struct workers *workers);

/* Another attempt may be assigned. */
bool workers_has_room(const struct workers *workers);
/* Attempts that have not been handed back. */
size_t workers_busy_count(const struct workers *workers);
bool workers_has(const struct workers *workers, const char *id);
/* The attempt at this file, which stays the pool's; NULL: there is none. */
struct attempt *workers_find(const struct workers *workers, const char *id);

/* The login of a connection to this smarthost, its from; NULL when there is none. */
const struct smarthost *workers_login(const struct workers *workers, const char *smarthost);

/*
 * Gives an attempt to a worker that is idle at this smarthost, to a new one,
 * or to one that has others; else it waits for one.  The attempt becomes the
 * pool's in any case: where no worker can be had, its recipients are put off
 * and concluded is called.
 */
void workers_assign(struct workers *workers, const struct config *config, struct attempt *attempt);

/* Fills polls (room for WORKERS_LIMIT) with what to wait for; returns how many. */
size_t workers_poll(const struct workers *workers, struct pollfd *polls);

/* Reads what has come, after poll(2); closes what has lingered long enough. */
void workers_step(struct workers *workers, const struct config *config);

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
