/* SPDX-License-Identifier: MIT */

/*
 * worker - the processes that speak to the network
 *
 * A parent is forked early, before any secret is read; it loads the CA bundle
 * once and forks a worker for each connection.  So the service itself never
 * loads TLS, and a worker inherits nobody's secrets and no file.
 *
 * A worker's life: receives the relay request, resolves, connects, prepares
 * what may open files, shuts itself in (sandbox.h), and only then reads the
 * first octet from the network.  It serves attempts until its channel closes.
 */

#ifndef WORKER_WORKER_H
#define WORKER_WORKER_H

#include <sys/types.h>

#include "base/channel.h"
#include "base/error.h"

struct worker_parent {
	struct channel channel;
	pid_t pid;
};

/* Forks the parent.  Close-on-exec; it ends when the channel closes. */
int worker_parent_start(struct worker_parent *parent, struct error *error);

/*
 * Has a new worker forked.  *channel is ready for a relay request.  The
 * worker's death shows as the channel's end.
 */
int worker_start(struct worker_parent *parent, struct channel *channel, struct error *error);

/* Closes the channel; workers end by themselves when theirs are closed. */
void worker_parent_finish(struct worker_parent *parent);

/* What the parent runs in its child; does not return. */
_Noreturn void worker_run(int channel_fd);

#endif
