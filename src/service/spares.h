/* SPDX-License-Identifier: MIT */

/*
 * spares - receive processes without a client, kept a moment for the next one
 *
 * Making a process and taking it down costs as much as receiving a message.
 * Whoever submits many gets the one that served him just now: only ever
 * clients of one user, of whom the kernel says who he is, so that nothing of
 * one user is left in a process that serves another.
 *
 * A spare stays in its place in clients, uncounted, without a row on the board.
 */

#ifndef SERVICE_SPARES_H
#define SERVICE_SPARES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "service/clients.h"

enum {
	SPARES_LIMIT = 16,
	SPARES_TIME = 1000, /* milliseconds */
};

/* True: a spare of this user has it now; the descriptor stays the caller's, as a copy. */
bool spares_serve(struct clients *clients, int connection, const struct queue_viewer *viewer);

/* The client in this place, which may be no one's, has left: it is a spare, if it is of use. */
void spares_keep(struct clients *clients, size_t place);

/* It has no client and will get none. */
bool spares_is_stale(const struct clients *clients, const struct client *client);

/* One gives its place to another user.  False: there is none. */
bool spares_forget_one(struct clients *clients);
void spares_forget_all(struct clients *clients);
void spares_forget_old(struct clients *clients);

/* When the first of them is old; CLOCK_NEVER. */
int64_t spares_deadline(const struct clients *clients);

#endif
