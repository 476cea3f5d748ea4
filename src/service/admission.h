/* SPDX-License-Identifier: MIT */

/*
 * admission - which client is served, which waits for a place, which is sent away
 *
 * There are so many places in all, and so many of them for one uid.  Who finds
 * none waits, connected and silent, until one is free; then those whose uid has
 * the fewest come first, and of one uid the oldest.  Nobody waits longer than
 * ADMISSION_PATIENCE, and few of one uid do.  So whoever floods us stands in a
 * queue of his own, and others are served at once:
 *
 *	- the last fifth of the places is for uids that have none yet
 *	- when too many wait, the youngest of the uid that has most waiting goes
 *	- an administrator (root, or the service's own uid) has no limit, and
 *	  ADMISSION_KEPT places that are for nobody else
 *
 * Those whose uid is not known (-1) are one.
 *
 * Does not know: processes, what is said on the connections that it holds.
 */

#ifndef SERVICE_ADMISSION_H
#define SERVICE_ADMISSION_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/config.h"

enum {
	ADMISSION_PATIENCE = 10000, /* milliseconds */
	ADMISSION_KEPT = 8,
	ADMISSION_PLACES = CONFIG_SESSIONS_LIMIT + ADMISSION_KEPT,
	ADMISSION_WAITING = 256,	/* in all */
	ADMISSION_WAITING_PER_UID = 64, /* of these */
};

struct admission_guest {
	int connection;
	int64_t uid;
	bool is_administrator;
	bool is_shared;	 /* by the socket that it came to (listeners.h) */
	int64_t came_at; /* clock_monotonic */
};

/* Zeroed before admission_limit. */
struct admission {
	unsigned sessions;
	unsigned sessions_per_uid;
	struct admission_party {
		int64_t uid;
		unsigned sessions;
	} parties[ADMISSION_PLACES]; /* those who have some */
	size_t party_count;
	unsigned total;					   /* of their sessions */
	struct admission_guest waiting[ADMISSION_WAITING]; /* the oldest first; sockets owned */
	size_t waiting_count;
};

void admission_limit(struct admission *admission, const struct config_limits *limits);
void admission_finish(struct admission *admission);

/* This uid has a session more, or less. */
void admission_enter(struct admission *admission, int64_t uid);
void admission_leave(struct admission *admission, int64_t uid);

enum admission_verdict {
	ADMISSION_NOW,	 /* there is a place for it: the connection is the caller's */
	ADMISSION_WAITS, /* it was taken over */
	ADMISSION_NEVER, /* one has to go: *turned_away, this one or another */
};

enum admission_verdict admission_arrive(struct admission *admission,
    const struct admission_guest *guest, struct admission_guest *turned_away);

/* The next that has a place now, or has waited for too long.  False: there is none. */
bool admission_take(struct admission *admission, struct admission_guest *guest);
bool admission_take_late(struct admission *admission, int64_t now, struct admission_guest *guest);

/* The last who came, as long as somebody waits. */
bool admission_take_any(struct admission *admission, struct admission_guest *guest);

/* Closes the connections of those who have left. */
void admission_forget_gone(struct admission *admission);

/* Somebody waits who could have a place of this uid. */
bool admission_wants(const struct admission *admission, int64_t uid);

/* Why there is no place for it, in words for its 421. */
void admission_explain(const struct admission *admission, int64_t uid, char *text, size_t size);

/* Fills polls (room for ADMISSION_WAITING); when somebody will have waited for too long. */
size_t admission_poll(const struct admission *admission, struct pollfd *polls);
int64_t admission_deadline(const struct admission *admission);

#endif
