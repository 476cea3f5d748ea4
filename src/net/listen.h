/* SPDX-License-Identifier: MIT */

/*
 * listen - sockets that wait for clients, made here or given by systemd
 */

#ifndef NET_LISTEN_H
#define NET_LISTEN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "base/error.h"

enum { LISTEN_BACKLOG = 4096 };

/*
 * A listening unix socket at path, never absent in between: bound under a
 * temporary name beside it, made mode, listening, then renamed over path.
 */
int listen_unix(const char *path, mode_t mode, struct error *error);

/* "host:port", "[::1]:port" or ":port" (loopback); port 0 asks for a free one. */
int listen_tcp(const char *where, struct error *error);

/* The port of a listening TCP socket. */
int listen_port(int fd);

/*
 * The descriptors that systemd passed (sd_listen_fds: LISTEN_PID, LISTEN_FDS),
 * made close-on-exec; the variables are removed.  Returns how many, from 3 on.
 */
int listen_inherited(void);

/*
 * sd_notify without libsystemd: "READY=1" and the like; nothing without
 * NOTIFY_SOCKET.  A manager that does not read is waited for a moment, and with
 * is_urgent not at all.  False: it was not told.
 */
bool listen_notify(const char *state, bool is_urgent);

/* The uid at the other end of a unix socket; -1 when it is unknown (overflow uid, TCP). */
int64_t listen_peer_uid(int fd);

#endif
