/* SPDX-License-Identifier: MIT */

/*
 * listeners - the sockets at which clients of the service come in
 *
 * Those that systemd passed are its own; those made here are removed at the
 * end, unless somebody else has put another in their place.
 */

#ifndef SERVICE_LISTENERS_H
#define SERVICE_LISTENERS_H

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"

enum { LISTENERS_LIMIT = 8 };

struct listeners_socket {
	int fd;	    /* owned */
	char *path; /* owned; NULL: not ours to remove */
	dev_t device;
	ino_t inode;
	bool is_shared; /* given by serve --listen: root at its other end may be any root */
};

struct listeners {
	struct listeners_socket sockets[LISTENERS_LIMIT];
	size_t count;
	int64_t paused_until; /* clock_monotonic: accept(2) failed, and would fail again at once */
};

/* What systemd passed; how many. */
size_t listeners_inherit(struct listeners *listeners);

/* A unix socket of our own at path. */
int listeners_add(struct listeners *listeners, const char *path, mode_t mode, struct error *error);

/* The last one that was added is shared with other machines' or containers' roots. */
void listeners_share(struct listeners *listeners);

/* The next client of any socket, close-on-exec, and what that is; -1: none waits now. */
int listeners_accept(struct listeners *listeners, bool *is_shared);

/* Takes our sockets' names away, so that nobody comes in any more but who is in the queue. */
void listeners_remove_names(struct listeners *listeners);
void listeners_close(struct listeners *listeners);

/* The path of the first socket that was made here; NULL without one. */
const char *listeners_path(const struct listeners *listeners);

/* Fills polls (room for LISTENERS_LIMIT); the deadline ends a pause. */
size_t listeners_poll(const struct listeners *listeners, struct pollfd *polls);
int64_t listeners_deadline(const struct listeners *listeners);

#endif
