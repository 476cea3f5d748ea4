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
 * first octet from the network.  It serves attempts until its channel closes:
 *
 *	service			worker
 *	relay request ->
 *			<-	ready | lost
 *	attempt, its file ->
 *			<-	recipient ... done | recipient ... lost
 *	(closes)
 *				(QUIT)
 *
 * A worker that was begun with an inquiry is sent verify requests instead, and
 * answers each with verified, or with lost.
 *
 * One that was begun with an examination tells facts first (examination.h), and
 * those of a sender when it is asked for one, then done.
 *
 * Where the relay request asks for it, lines of the conversation ("trace") go
 * before any of these results.
 *
 * A worker dies with its parent, and that with the service.  After "lost" the
 * worker is gone.  So it is when the service cannot be told
 * what became of a recipient: going on would send what will be sent again.
 */

#ifndef WORKER_WORKER_H
#define WORKER_WORKER_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/channel.h"
#include "base/error.h"

struct tls;

struct worker_parent {
	struct channel channel;
	pid_t pid;
};

/* Forks the parent.  Close-on-exec; it ends when the channel closes. */
int worker_parent_start(struct worker_parent *parent, struct error *error);

/* The parent, and so every worker from now on, becomes this uid, groups too.  For root alone. */
int worker_parent_become(struct worker_parent *parent, uid_t uid, gid_t gid, struct error *error);

/*
 * Has a new worker forked.  *channel is ready for a relay request.  The
 * worker's death shows as the channel's end.
 */
int worker_start(struct worker_parent *parent, struct channel *channel, struct error *error);

/*
 * Ends the parent and reaps it (a caller that has reaped it sets pid to -1
 * before).  The workers' channels are closed: within a second they say QUIT
 * and end by themselves.
 */
void worker_parent_finish(struct worker_parent *parent);

/* The same at once, and with it workers that have results which nobody waits for any more. */
void worker_parent_kill(struct worker_parent *parent);

/* What the parent runs in its child; does not return. */
_Noreturn void worker_run(int channel_fd);

/* The system's CA bundle, loaded at most once for all workers; or why it could not be. */
struct worker_trust {
	bool is_loaded;	    /* tried already */
	struct tls *system; /* NULL: error says why */
	struct error error;
};

void worker_trust_load(struct worker_trust *trust);

/* The same with what the parent has loaded already. */
_Noreturn void worker_run_trusting(int channel_fd, struct worker_trust *trust);

#endif
