/* SPDX-License-Identifier: MIT */

/*
 * queue_show - all that is known about a message that waits
 *
 * The envelope, what became of each recipient with every reply that the queue
 * file has kept, and the header as it will be sent but for what depends on the
 * smarthost; the body, too, when asked for; or the message alone.
 *
 * A line is handed over behind a sign: ' ' ends there, '+' goes on in the next;
 * '?' is an ID that is not there, '-' and an ID one that cannot be read, as in
 * queue_actions.h.  Control characters become '?'; in RAW a line is written by
 * queue_raw.h, and nothing is lost.
 *
 * Does not know: sockets.
 */

#ifndef SERVICE_QUEUE_SHOW_H
#define SERVICE_QUEUE_SHOW_H

#include "service/queue_actions.h"

enum queue_show_form {
	QUEUE_SHOW_HEADER,
	QUEUE_SHOW_BODY,
	QUEUE_SHOW_RAW, /* header and body, octet by octet but for line ends, nothing else */
};

/* actions->change is not called. */
int queue_show_run(struct queue_actions *actions, enum queue_show_form form,
    const struct queue_selection *selection, struct error *error);

#endif
