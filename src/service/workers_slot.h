/* SPDX-License-Identifier: MIT */

/*
 * workers_slot - one connection, and the attempts that were given to it
 *
 * Its life: free -> connecting (workers_slot_name, workers_slot_open) -> ready, with tasks or
 * idle -> free (workers_slot_free).
 *
 * Does not know: other connections.
 */

#ifndef SERVICE_WORKERS_SLOT_H
#define SERVICE_WORKERS_SLOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/channel.h"
#include "base/error.h"
#include "delivery/request.h"
#include "delivery/result.h"
#include "service/attempt.h"
#include "service/rates.h"
#include "service/relay.h"
#include "worker/worker.h"

enum {
	WORKERS_LINGER = 5000,	/* milliseconds */
	WORKERS_QUEUE = 64,	/* attempts given to one, at most */
	WORKERS_OCTETS = 98304, /* of requests without an answer, but for a single one */
};

struct workers_task {
	struct attempt *attempt; /* owned */
	size_t octets;		 /* of its request, once that has been sent */
	bool is_cut_off;	 /* put off without a reply: the end of the session follows */
};

struct workers_slot {
	struct channel channel;
	char *smarthost;	    /* its name; NULL: the slot is free */
	struct relay relay;	    /* as connected, for the log; owned */
	struct workers_task *tasks; /* in the order of their coming; owned, room for limit */
	size_t task_count;	    /* 0: idle */
	size_t sent_count;	    /* so many of the first have been sent */
	size_t octets;		    /* of their requests */
	size_t limit;		    /* of tasks */
	struct smarthost login;	    /* no more of it than its from */
	bool is_ready;		    /* the session stands: the worker reads its channel */
	bool is_step_by_step;	    /* the worker was told to speak so */
	bool is_traced;		    /* one attempt's own: its submitter sees the conversation */
	bool is_stale;	      /* not for another attempt: traced, or the settings have changed */
	bool is_too_many;     /* the server puts off what comes here, while others stand */
	bool has_served;      /* the server has answered an attempt on this connection */
	bool has_more;	      /* results that were read and not yet looked at */
	bool is_doubted;      /* an attempt has shown that it fell silent (signs.h) */
	int64_t opened_at;    /* clock_monotonic */
	int64_t linger_until; /* the same; while idle */
};

/* As a free one. */
void workers_slot_init(struct workers_slot *slot);

/* A free one is for this smarthost from now on; attempts may be added. */
void workers_slot_name(struct workers_slot *slot, const struct smarthost *smarthost);

/* Its worker, with the relay request sent. */
int workers_slot_open(struct workers_slot *slot, const struct request_relay *relay,
    struct worker_parent *parent, struct error *error);

/* Attempts that it still has are finished. */
void workers_slot_free(struct workers_slot *slot);

/* It is connected to this smarthost, or being so. */
bool workers_slot_is_named(const struct workers_slot *slot, const char *smarthost);
/* The same, and may be used for others' attempts. */
bool workers_slot_is_at(const struct workers_slot *slot, const char *smarthost);

bool workers_slot_is_idle(const struct workers_slot *slot);

/* The session stands, and it has not yet as many as it takes at once. */
bool workers_slot_may_take_more(const struct workers_slot *slot);

void workers_slot_add(struct workers_slot *slot, struct attempt *attempt);
/* Hands it back. */
struct attempt *workers_slot_take(struct workers_slot *slot, size_t index);

/* The attempt at this file, or NULL. */
struct attempt *workers_slot_find(const struct workers_slot *slot, const char *id);
/* The index of the one that was sent with this number; task_count when there is none. */
size_t workers_slot_find_number(const struct workers_slot *slot, uint32_t number);

enum workers_sent {
	WORKERS_SENT_BROKEN = -1, /* the worker is at fault: error */
	WORKERS_SENT_LATER = 0,	  /* too much is without an answer, or the worker has ended */
	WORKERS_SENT = 1,
	WORKERS_SENT_NEVER = 2, /* this attempt alone is at fault: error */
};

/* Sends the first that has not been sent; there is one. */
enum workers_sent workers_slot_send_next(
    struct workers_slot *slot, struct rates *rates, struct error *error);

#endif
