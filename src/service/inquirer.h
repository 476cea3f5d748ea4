/* SPDX-License-Identifier: MIT */

/*
 * inquirer - asks a smarthost whether it knows an address (VRFY)
 *
 * By a worker of its own, which logs in as for a message and sends none.
 *
 * Does not know: who wants to know, and in which words.
 */

#ifndef SERVICE_INQUIRER_H
#define SERVICE_INQUIRER_H

#include <stdint.h>

#include "base/channel.h"
#include "config/config.h"
#include "delivery/result.h"
#include "worker/worker.h"

/* How a worker's channel is had by whoever may not start one.  -1: error says why. */
struct inquirer_source {
	int (*start)(void *context, const struct config_smarthost *smarthost,
	    struct channel *worker, struct error *error);
	void *context;
};

/* Has a worker forked, and tells it the smarthost with its secret, read now. */
int inquirer_start(struct worker_parent *parent, const struct config *config,
    const struct config_smarthost *smarthost, struct channel *worker, struct error *error);

/* Starts a worker by the service at the other end of this channel. */
int inquirer_start_by_service(struct channel *service, const struct config_smarthost *smarthost,
    struct channel *worker, struct error *error);

/* A line of the conversation. */
typedef void inquirer_trace(void *context, const struct result *line);

/*
 * Asks, and waits for the answer until the deadline (clock_monotonic): a result
 * of the kind VERIFIED.  -1: the smarthost could not be asked, and the worker
 * is of no more use.
 */
int inquirer_ask(struct channel *worker, const char *address, int64_t deadline,
    inquirer_trace *trace, void *context, struct result *answer, struct error *error);

/* Lets the worker take its leave of the smarthost, for a moment at most.  The channel stays. */
void inquirer_end(struct channel *worker, inquirer_trace *trace, void *context);

#endif
