/* SPDX-License-Identifier: MIT */

#include "net/join.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/file.h"

enum { BLOCK = 65536 };

/* 1: passed on; 0: the source has ended; -1. */
static int copy_block(int from, int to)
{
	char block[BLOCK];
	ssize_t count;

	do
		count = read(from, block, sizeof block);
	while (count < 0 && errno == EINTR);
	if (count <= 0)
		return (int)count;
	return file_write_all(to, span_from_bytes(block, (size_t)count)) < 0 ? -1 : 1;
}

int join_run(int near_input, int near_output, int far)
{
	bool near_is_open = true;

	for (;;) {
		struct pollfd polls[] = {
			{ .fd = far, .events = POLLIN },
			{ .fd = near_is_open ? near_input : -1, .events = POLLIN },
		};

		if (poll(polls, 2, -1) < 0 && errno != EINTR)
			return -1;
		if (polls[0].revents != 0) {
			int outcome = copy_block(far, near_output);

			if (outcome <= 0)
				return outcome;
		}
		if (polls[1].revents == 0)
			continue;
		int outcome = copy_block(near_input, far);
		if (outcome < 0)
			return -1;
		if (outcome == 0) {
			near_is_open = false;
			(void)shutdown(far, SHUT_WR);
		}
	}
}
