/* SPDX-License-Identifier: MIT */

/*
 * queue_actions - goes through the messages that are meant, and says of each what came of it
 *
 * Each is a line "SIGN ID words", the sign that of queue_change.h ("- ID STATUS
 * words" where it was refused); an ID that was named and is not there has its
 * line too.
 *
 * Does not know: who makes the changes, and where the lines go.
 */

#ifndef SERVICE_QUEUE_ACTIONS_H
#define SERVICE_QUEUE_ACTIONS_H

#include "config/config.h"
#include "service/queue_change.h"
#include "service/queue_selection.h"
#include "service/queue_view.h"
#include "service/queue_viewer.h"

struct queue_actions {
	int queue_directory;	     /* borrowed */
	const struct config *config; /* borrowed: what goes to which smarthost */
	struct queue_viewer viewer;
	/* Makes one change.  -1: who makes them is gone, error says so. */
	int (*change)(void *context, const char *id, enum queue_verb verb,
	    struct queue_change *change, struct error *error);
	queue_view_line *line;
	void *context; /* of both */
	size_t count;  /* so many were met */
};

/* -1: it ended early; what was said so far is done. */
int queue_actions_run(struct queue_actions *actions, enum queue_verb verb,
    const struct queue_selection *selection, struct error *error);

/*
 * Calls visit with each message that is meant and may be seen, as far as it
 * can be read (NULL: it cannot, and error says why); with a file that is
 * missing, unless only its conditions are not met, id alone and no error.
 * visit ends it by -1, error filled.
 */
typedef int queue_actions_visit(
    void *context, const char *id, struct queue_file *file, const struct error *trouble);

int queue_actions_each(const struct queue_actions *actions, const struct queue_selection *selection,
    queue_actions_visit *visit, void *context, struct error *error);

#endif
