/* SPDX-License-Identifier: MIT */

/*
 * queue_selection - which messages of the queue are meant
 *
 *	ALL
 *	ID... [FROM=xtext] [TO=xtext] [SMARTHOST=xtext]
 *
 * IDs are whole: a part that is unique now may mean another message a moment
 * later.  Conditions narrow: who gives two means the messages that meet both.
 * "@example.org" stands for all addresses of that domain, an empty FROM for
 * the null sender.  TO looks at those who still wait, or have failed.
 *
 * Does not know: where the messages are, who asks.
 */

#ifndef SERVICE_QUEUE_SELECTION_H
#define SERVICE_QUEUE_SELECTION_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/span.h"
#include "spool/queue_file.h"

struct queue_selection {
	char (*ids)[QUEUE_ID_SIZE]; /* owned, in the order in which they were given */
	size_t id_count;
	char *from; /* owned, like the next; NULL: any */
	char *to;
	char *smarthost;
	bool is_all;
};

/* Adds one ID.  -1: it is none. */
int queue_selection_add(struct queue_selection *selection, struct span id, struct error *error);

/* Reads the words above into a zeroed selection.  -1: they are not these; finish it all the same.
 */
int queue_selection_parse(
    struct queue_selection *selection, struct span words, struct error *error);

/* Writes the conditions, or ALL, each with a blank before it; and so an ID. */
void queue_selection_write(const struct queue_selection *selection, struct buffer *words);

/* Nothing was said of what is meant. */
bool queue_selection_is_empty(const struct queue_selection *selection);

/* There is FROM, TO or SMARTHOST: the file has to be looked into. */
bool queue_selection_has_conditions(const struct queue_selection *selection);

/*
 * Whether the file meets the conditions; smarthost is where it goes now, or
 * NULL.  A file that cannot be read (NULL) meets none.
 */
bool queue_selection_matches(
    const struct queue_selection *selection, const struct queue_file *file, const char *smarthost);

void queue_selection_finish(struct queue_selection *selection);

#endif
