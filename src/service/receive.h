/* SPDX-License-Identifier: MIT */

/*
 * receive - one client's session: SMTP in, policy, a store at the end
 *
 * The only place where a message is changed, for every entrance: recipients
 * become what the aliases say, the header is completed, a Received field is
 * added (DESIGN 6).  Runs in a process of its own for each client.
 *
 * Does not know: the queue's schedule, smarthosts, what the store does.
 */

#ifndef SERVICE_RECEIVE_H
#define SERVICE_RECEIVE_H

#include <stdint.h>

#include "base/error.h"
#include "config/config.h"
#include "net/stream.h"
#include "service/board.h"
#include "service/inquirer.h"
#include "service/queue_commands.h"
#include "service/store.h"

struct receive_settings {
	const struct config *config;
	const struct error *fault; /* NULL, or why no mail can be taken now: said to MAIL */
	int64_t uid;		   /* the peer's; -1 unknown */
	const struct store *store;
	const struct board *board;	    /* NULL: nobody else wants the place */
	size_t place;			    /* on the board */
	const struct queue_commands *queue; /* NULL: none is kept */
	const struct inquirer_source *inquirer;
};

/* Serves the client until it leaves.  The stream stays the caller's. */
void receive_run(struct stream *stream, const struct receive_settings *settings);

#endif
