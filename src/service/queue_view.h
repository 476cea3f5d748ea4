/* SPDX-License-Identifier: MIT */

/*
 * queue_view - the queue as lines, for whoever asks
 *
 * As text it has the layout of Postfix's mailq, which monitors read: behind
 * the ID `*` while it is being delivered and `!` while it is held; reasons in
 * brackets; recipients that are done are not named.  What Postfix does not
 * say (attempts, next attempt, what has failed) stands in brackets too.
 *
 * As JSON it is one object a message, with the keys of postqueue -j and ours:
 *
 *	{"queue_name": "deferred", "queue_id": "...", "arrival_time": 1763878000,
 *	"message_size": 4711, "sender": "...", "uid": 1000, "attempts": 2,
 *	"next_attempt": 1763878060, "recipients": [{"address": "...",
 *	"delay_reason": "..."}]}
 *
 * queue_name: incoming, active, deferred, hold; failed (kept with nothing left
 * to try), damaged (with "error").  A recipient that has failed or is in doubt
 * has a "state" too.  An object is one line, and comes in pieces when it is
 * long: the first piece of an object begins with '{' and no other does.
 *
 * While capture is on that is said, too, as text by a line before the last, as
 * JSON by {"capture": "DIR"}, which has no queue_id.
 *
 * Behind them comes what was noted of smarthosts that are paused; as text only
 * where messages wait, and before the totals, which monitors look for at the end.
 *
 * One file is open at a time and memory does not grow with their number, but
 * for their names.
 *
 * Does not know: sockets, who may see what.
 */

#ifndef SERVICE_QUEUE_VIEW_H
#define SERVICE_QUEUE_VIEW_H

#include "base/error.h"
#include "base/span.h"
#include "service/queue_viewer.h"

enum queue_view_form { QUEUE_VIEW_TEXT, QUEUE_VIEW_JSON, QUEUE_VIEW_COUNT };

enum { QUEUE_VIEW_LINE = 16384 }; /* octets of a line or piece, at most */

/* A line without its end, or a piece of JSON.  False: nobody wants more. */
typedef bool queue_view_line(void *context, struct span line);

struct queue_view {
	int queue_directory; /* borrowed */
	struct queue_viewer viewer;
	enum queue_view_form form;
	queue_view_line *line; /* not called for QUEUE_VIEW_COUNT */
	void *context;
	const char *capture; /* the Maildir that takes all mail, which is said always; or NULL */
	struct span notes;   /* lines of the same form, said behind the messages (health_view.h) */
	size_t messages;     /* so many were for the viewer */
	uint64_t octets;     /* of these */
};

/* incoming, active, deferred, hold, failed: of a file that was read. */
const char *queue_view_name(const struct queue_file *file);

/* Goes through the queue once, oldest first. */
int queue_view_run(struct queue_view *view, struct error *error);

#endif
