/* SPDX-License-Identifier: MIT */

/*
 * queue_viewer - who asks about the queue, and what is his
 *
 * Root and the owner of the spool see all of it, anybody else the messages
 * that he has submitted himself, and whom the kernel does not name (uid -1)
 * nothing.  Of what is not his, nobody learns even that it is there.
 *
 * Does not know: what is shown of a message, sockets.
 */

#ifndef SERVICE_QUEUE_VIEWER_H
#define SERVICE_QUEUE_VIEWER_H

#include <stdbool.h>
#include <stdint.h>

#include "spool/queue_file.h"

struct queue_viewer {
	int64_t uid; /* -1: unknown */
	bool sees_all;
};

/* root_counts: uid 0 at the other end is an administrator of this service (DESIGN 6). */
struct queue_viewer queue_viewer_of(int64_t uid, bool root_counts);

/*
 * Reads the file with this ID, if the viewer may see it.  0: it is his; 2:
 * there is none for him; 3 or -1: it cannot be read and error says why, which
 * only those are told who see all.  The message itself is read where that
 * decides whose it is.
 */
int queue_viewer_read(const struct queue_viewer *viewer, struct queue_file *file,
    int queue_directory, const char *id, struct error *error);

#endif
