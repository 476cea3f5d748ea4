/* SPDX-License-Identifier: MIT */

/*
 * stdin - what a test puts in the place of standard input
 *
 * Small input comes in pieces of a given size, one for each read, as a slow
 * caller gives it: a socket that keeps the borders of its packets.
 */

#ifndef TESTS_SENDMAIL_STDIN_H
#define TESTS_SENDMAIL_STDIN_H

#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/file.h"
#include "base/span.h"

static inline void stdin_replace(int fd)
{
	if (fd < 0 || (fd != STDIN_FILENO && dup2(fd, STDIN_FILENO) < 0))
		abort();
	if (fd != STDIN_FILENO)
		(void)close(fd);
}

/* At most a few hundred pieces. */
static inline void stdin_in_pieces(struct span input, size_t piece)
{
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		abort();
	while (input.length != 0) {
		struct span part = span_first(input, piece);

		if (send(ends[1], part.start, part.length, MSG_DONTWAIT) != (ssize_t)part.length)
			abort();
		input = span_after(input, part.length);
	}
	(void)close(ends[1]);
	stdin_replace(ends[0]);
}

static inline void stdin_as_file(struct span input)
{
	int fd = memfd_create("stdin", MFD_CLOEXEC);

	if (fd < 0 || file_write_all(fd, input) < 0 || lseek(fd, 0, SEEK_SET) != 0)
		abort();
	stdin_replace(fd);
}

#endif
