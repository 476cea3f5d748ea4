/* SPDX-License-Identifier: MIT */

/*
 * clients - the receive processes: one for each client of the service
 *
 * Each is forked when its client is let in (reception.h), and outlives the
 * service if it must.  When its client has left it is a spare for a while,
 * for the next client of the same user (spares.h).
 */

#ifndef SERVICE_CLIENTS_H
#define SERVICE_CLIENTS_H

#include <poll.h>
#include <stdbool.h>

#include "base/channel.h"
#include "config/config.h"
#include "service/admission.h"
#include "service/board.h"
#include "service/notice.h"
#include "service/queue_change.h"
#include "service/queue_requests.h"
#include "service/queue_viewer.h"
#include "service/reception.h"

enum { CLIENTS_LIMIT = ADMISSION_PLACES };

struct client {
	struct channel channel;
	char awaited[QUEUE_ID_SIZE]; /* the file whose outcome it waits for, or "" */
	bool wants_trace;	     /* and what is said with the smarthost about it */
	struct buffer lines;	     /* of that, not yet told */
	struct queue_viewer viewer;  /* what of the queue it may see and have tried */
	bool may_flush;		     /* it was told GO, and has not yet said what is due */
	bool is_spare;		     /* its client has left */
	int64_t spare_until;	     /* clock_monotonic */
	unsigned generation;	     /* of the settings that it was forked with */
};

struct clients {
	struct client *places[CLIENTS_LIMIT]; /* owned; NULL: the place is free */
	size_t count;			      /* that have a client */
	size_t spare_count;		      /* that have none */
	unsigned generation;		      /* of the settings, as clients_renew counts */
	struct board *board;		      /* a row for each place; owned */
	const struct usage *usage;	      /* what waits of whom; borrowed; NULL: nothing */
	/* A queue file of this uid is durable; is_later: not to be tried at once. */
	void (*queued)(void *context, const char *id, int64_t uid, uint64_t octets, bool is_later);
	/* A client of this uid has left. */
	void (*left)(void *context, int64_t uid);
	/* The client with this awaited file has let go of it: it answers the refusal, or is gone.
	 */
	void (*settled)(void *context, const char *id, bool answers);
	/* This one wants its mail tried.  False: it has just asked; *ago is in milliseconds. */
	bool (*flushed)(void *context, const struct queue_viewer *viewer, int64_t *ago);
	/* These are its files, sorted. */
	void (*due)(void *context, const char (*ids)[QUEUE_ID_SIZE], size_t count);
	/* A client that sees all wants this smarthost to be asked: answer it by WORKER. */
	void (*asked)(void *context, struct channel *client, const char *smarthost);
	/* This one wants a message changed, which may not be its own. */
	void (*changed)(void *context, const struct queue_viewer *viewer, const char *id,
	    enum queue_verb verb, struct queue_change *change);
	/* So many are in each state: of these, sorted, or of all when ids is NULL. */
	void (*counted)(void *context, const char (*ids)[QUEUE_ID_SIZE], size_t count,
	    struct queue_counts *counts);
	/* Lines about smarthosts that are paused (health_view.h). */
	void (*states)(void *context, bool as_json, struct buffer *lines);
	void *context;
};

void clients_init(struct clients *clients);
void clients_finish(struct clients *clients);

/* Takes over connection and gives it to a spare receive process of this user, or to a new one. */
int clients_start(struct clients *clients, int connection,
    const struct reception_settings *settings, struct error *error);

/* The settings have changed: no receive process that has the old ones gets another client. */
void clients_renew(struct clients *clients);

/* When clients_step has something to do without any input. */
int64_t clients_deadline(const struct clients *clients);

/* For spares.c: forgets a receive process, which ends when it has no client any more. */
void clients_forget(struct clients *clients, size_t place);

/* Whoever waits for this file; NULL: nobody. */
struct client *clients_waiting_for(struct clients *clients, const char *id);

/* Shows it a line of the conversation about the file that it waits for; never blocks. */
void clients_show(struct client *client, struct span line);

/* Tells it the outcome.  After TAKEN it waits no more. */
void clients_tell(
    struct client *client, enum notice_kind kind, const char *status, const char *text);

/* Tells whoever waits for this file, if anybody does, what it is now: "queued as ID". */
void clients_tell_taken(struct clients *clients, const char *id, const char *state);

size_t clients_poll(const struct clients *clients, struct pollfd *polls);
void clients_step(struct clients *clients);

#endif
