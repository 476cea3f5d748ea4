/* SPDX-License-Identifier: MIT */

/*
 * serve - the service: listens, receives, schedules, has mail delivered
 *
 * One process, one poll loop.  What takes time runs elsewhere: clients in
 * receive processes, connections in workers.  The truth is on disk: killed at
 * any moment, the next one goes on from the queue files.
 *
 * Does not know: the sendmail command line, SMTP.
 */

#ifndef SERVICE_SERVE_H
#define SERVICE_SERVE_H

#include <stdbool.h>
#include <stddef.h>

#include "config/config.h"

struct serve_options {
	struct config_sources sources;
	/*
	 * Started by a caller of this uid: listens in the spool, lets callers wait
	 * for the outcome, leaves when the queue is empty and idle for a while.
	 */
	bool on_demand;
	int ready_fd;	    /* closed when clients can connect, or after a line that says why
			       they cannot: "KIND text"; -1: none */
	bool is_verbose;    /* every conversation with a smarthost goes to the log */
	const char *listen; /* a socket path instead of the usual one; NULL: the usual */
};

/* Runs until it is told to end.  Returns an exit status. */
int serve_run(const struct serve_options *options);

#endif
