/* SPDX-License-Identifier: MIT */

/*
 * look - a scripted server of whom the client may ask once whether it has said more
 *
 * The first read with nothing there gives EAGAIN, and leaves the descriptor
 * readable, so that a client that waits comes back at once and is caught at it.
 */

#ifndef TESTS_SMTP_CLIENT_LOOK_H
#define TESTS_SMTP_CLIENT_LOOK_H

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <sys/socket.h>

struct look {
	int client; /* where the client waits, and the other end of it; borrowed */
	int server;
	bool has_looked;
};

/* True: errno and *wants are set for the client's first look. */
static inline bool look_may(struct look *look, short *wants)
{
	if (look->has_looked)
		return false;
	look->has_looked = send(look->server, "", 1, 0) == 1;
	*wants = POLLIN;
	errno = EAGAIN;
	return look->has_looked;
}

/* The client has spoken. */
static inline void look_forget(struct look *look)
{
	char byte;

	if (look->has_looked)
		(void)recv(look->client, &byte, 1, MSG_DONTWAIT);
	look->has_looked = false;
}

#endif
