/* SPDX-License-Identifier: MIT */

/*
 * queue_commands - XQUEUE: what a client may ask about the queue
 *
 *	XQUEUE LIST [JSON]	queue_view's lines, as far as they are its own
 *	XQUEUE FLUSH		have what is its own tried now
 *	XQUEUE SHOW [BODY|RAW] selection	queue_show's lines
 *	XQUEUE RETRY|HOLD|RELEASE|REMOVE selection
 *				queue_actions' lines: one a message
 *	XQUEUE COUNT [selection]	how many are due, being delivered, waiting
 *	XQUEUE ADD id [LATER]	this file is new (successor.h); for who sees all
 *
 * A selection is queue_selection's, and only what is the client's own is in it.
 *
 * Runs in the receive process.  Without a queue (a mail relayed while its
 * caller waits) it says what that means for the question.
 *
 * Does not know: when something is tried.
 */

#ifndef SERVICE_QUEUE_COMMANDS_H
#define SERVICE_QUEUE_COMMANDS_H

#include "base/channel.h"
#include "config/config.h"
#include "service/queue_viewer.h"
#include "smtp/server/server.h"

struct queue_commands {
	int queue_directory;	 /* borrowed */
	struct channel *service; /* borrowed; its fd is negative without a service */
	struct queue_viewer viewer;
	const struct config *config; /* borrowed; NULL: nothing is known of smarthosts */
};

/* argument is what follows XQUEUE. */
void queue_commands_run(
    const struct queue_commands *commands, struct span argument, struct server_reply *reply);

/* The same where no queue is: spool is the one that would be, if there is one. */
void queue_commands_refuse(const char *spool, struct span argument, struct server_reply *reply);

#endif
