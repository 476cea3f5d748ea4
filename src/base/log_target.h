/* SPDX-License-Identifier: MIT */

/*
 * log_target - where lines of the log go, without ever being in the way
 *
 * A line that cannot be put is lost; nothing is retried later and no error is
 * anybody's but the log's.  Nothing here waits for a target but for a twentieth
 * of a second, and again only after it has taken a line.  A socket or a file
 * that is gone, or whose descriptor somebody else has closed, is opened anew.
 *
 *	stderr	stays as the program has got it
 *	file	appended to, one write a line
 *	socket	a datagram a line; a stream, where that is all there is (syslog)
 */

#ifndef BASE_LOG_TARGET_H
#define BASE_LOG_TARGET_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/span.h"

enum log_target_kind {
	LOG_TARGET_NONE,
	LOG_TARGET_STDERR,
	LOG_TARGET_FILE,
	LOG_TARGET_SOCKET,
};

struct log_target {
	enum log_target_kind kind;
	char *path;	/* owned; of a file or a socket */
	int fd;		/* owned but for stderr; -1: not open at the moment */
	dev_t device;	/* of what fd has been opened as */
	ino_t inode;	/* the same */
	bool is_stream; /* a socket that takes no datagrams */
	bool is_torn;	/* the last line came to stand there in part */
	bool is_slow;	/* waiting was in vain and is not tried again yet */
};

/*
 * path is NULL for none and stderr.  0; -1 with errno set: it cannot be opened
 * now, and target is as it would be if it had been lost (log_target_put tries
 * again).  The target is zeroed or finished before.
 */
int log_target_open(struct log_target *target, enum log_target_kind kind, const char *path);

void log_target_finish(struct log_target *target);

/* One line with its end (a datagram has none).  0; -1 with errno set: it is lost. */
int log_target_put(struct log_target *target, struct span line);

#endif
