/* SPDX-License-Identifier: MIT */

/*
 * reception - the life of a receive process
 *
 * Forked for one client, it keeps that connection, the queue directory, its end
 * of a channel to the service, and its row on the board; it closes all else.
 * When its client has left, it says so and may be given another of the same
 * user (spares.h); it ends when the channel does.
 */

#ifndef SERVICE_RECEPTION_H
#define SERVICE_RECEPTION_H

#include <stdbool.h>
#include <stddef.h>

#include "config/config.h"
#include "service/board.h"
#include "service/queue_viewer.h"

/* What receive processes are given by the service. */
struct reception_settings {
	const struct config *config;
	const struct error *fault; /* NULL, or why no mail can be taken now */
	int queue_directory;	   /* -1 with a fault */
	const char *way;	   /* "service" or "spool" */
	bool waits_by_default;
	int64_t uid;	  /* of the client, as the kernel says; -1 unknown */
	bool root_counts; /* this client is an administrator if it is root */
};

/* And this one. */
struct reception {
	const struct reception_settings *settings;
	struct queue_viewer viewer;
	struct board *board;
	size_t place; /* on the board */
};

/* In the child.  Both descriptors are its own. */
_Noreturn void reception_run(int connection, int channel_fd, const struct reception *reception);

#endif
