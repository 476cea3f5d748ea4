/* SPDX-License-Identifier: MIT */

/*
 * queue_requests - what a receive process asks its service about the queue
 *
 * The service owns the queue, and knows what is being delivered, so it makes
 * the changes; a receive process knows whose messages they are.
 *
 * Does not know: how the service does it.
 */

#ifndef SERVICE_QUEUE_REQUESTS_H
#define SERVICE_QUEUE_REQUESTS_H

#include "base/channel.h"
#include "base/error.h"
#include "service/notice.h"
#include "service/queue_change.h"

/* So many messages are in each state. */
struct queue_counts {
	size_t due;    /* are tried as soon as there is room */
	size_t active; /* are being delivered */
	size_t later;  /* wait for their time */
	int64_t next;  /* milliseconds until the first of these is due; -1: none waits */
};

void queue_counts_add(struct queue_counts *counts, const struct queue_counts *more);

/* "due=1 active=2 later=3 next=4000" */
enum { QUEUE_COUNTS_SIZE = 128 };
void queue_counts_format(const struct queue_counts *counts, char text[static QUEUE_COUNTS_SIZE]);
bool queue_counts_parse(struct span text, struct queue_counts *counts);

/* The text of NOTICE_CHANGED. */
void queue_requests_answer(const struct queue_change *change, struct notice *notice);

/* Takes lines of other kinds off the channel until one of this kind comes.  -1: nobody answers. */
int queue_requests_await(
    struct channel *service, enum notice_kind kind, struct notice *notice, struct error *error);

/* Has one message changed; a file that somebody has for a moment is asked for again. */
int queue_requests_change(struct channel *service, const char *id, enum queue_verb verb,
    struct queue_change *change, struct error *error);

/* Counts those with these IDs (a line each, at most NOTICE_LINES octets); all without any. */
int queue_requests_count(
    struct channel *service, struct span ids, struct queue_counts *counts, struct error *error);

/* Appends a line for each smarthost that is paused (health_view.h). */
int queue_requests_states(
    struct channel *service, bool as_json, struct buffer *lines, struct error *error);

#endif
