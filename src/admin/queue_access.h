/* SPDX-License-Identifier: MIT */

/*
 * queue_access - how an administrator's command gets at the queue
 *
 *	1. the service that owns the spool of the configuration, at its socket there
 *	2. without one: the queue itself, its lock taken as a service does
 *	3. who is neither root nor the owner of the spool: the socket for all
 *
 * So the queue has one writer at any time.
 */

#ifndef ADMIN_QUEUE_ACCESS_H
#define ADMIN_QUEUE_ACCESS_H

#include <stdbool.h>

#include "base/error.h"
#include "config/config.h"
#include "sendmail/query.h"
#include "smtp/reply.h"
#include "spool/spool.h"

struct queue_access {
	struct config config;
	struct spool spool; /* open and locked once queue_access_lock has said 0 */
	int64_t uid;	    /* whoever runs the command */
	bool has_spool;
	bool is_ours; /* there is a spool, and this is root or its owner */
};

/* Reads the configuration, and looks whose the spool is. */
int queue_access_begin(struct queue_access *access, struct error *error);

/* Asks the service (query.h).  QUERY_NOBODY: there is none. */
int queue_access_ask(const struct queue_access *access, const char *command, query_line *take,
    void *context, struct reply *reply, struct error *error);

/*
 * For where nobody answers: takes the spool's lock.  1: a service has it that
 * has just come; ask again.  -1: the queue is not to be had.
 */
int queue_access_lock(struct queue_access *access, struct error *error);

void queue_access_finish(struct queue_access *access);

#endif
