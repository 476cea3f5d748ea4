/* SPDX-License-Identifier: MIT */

#include "net/join.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/file.h"

enum { BLOCK = 65536 };

/* All of it, waiting where the other end does not take it yet. */
static int write_waiting(int to, struct span bytes)
{
	while (bytes.length != 0) {
		ssize_t written = write(to, bytes.start, bytes.length);

		if (written < 0 && errno == EAGAIN) {
			struct pollfd ready = { .fd = to, .events = POLLOUT };

			(void)poll(&ready, 1, -1);
			continue;
		}
		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return -1;
		bytes = span_after(bytes, (size_t)written);
	}
	return 0;
}

/* 1: passed on, or nothing was there; 0: the source has ended; -1. */
static int copy_block(int from, int to)
{
	char block[BLOCK];
	ssize_t count = read(from, block, sizeof block);

	if (count < 0 && (errno == EINTR || errno == EAGAIN))
		return 1;
	if (count <= 0)
		return (int)count;
	return write_waiting(to, span_from_bytes(block, (size_t)count)) < 0 ? -1 : 1;
}

/* Nobody is there any more who would read an answer. */
static bool is_gone(int near_output)
{
	struct pollfd state = { .fd = near_output };

	return poll(&state, 1, 0) > 0 && (state.revents & (POLLHUP | POLLERR)) != 0;
}

int join_run(int near_input, int near_output, int far)
{
	bool near_is_open = true;

	for (;;) {
		struct pollfd polls[] = {
			{ .fd = far, .events = POLLIN },
			{ .fd = near_is_open ? near_input : -1, .events = POLLIN },
			/* Only to hear of its end. */
			{ .fd = near_is_open ? -1 : near_output },
		};
		int outcome = 1;

		if (poll(polls, 3, -1) < 0 && errno != EINTR)
			return -1;
		if (polls[0].revents != 0)
			outcome = copy_block(far, near_output);
		if (outcome <= 0)
			return outcome;
		if (polls[1].revents != 0)
			outcome = copy_block(near_input, far);
		if (outcome < 0)
			return -1;
		if (outcome == 0) {
			near_is_open = false;
			(void)shutdown(far, SHUT_WR);
		}
		/* Whoever half-closes waits for an answer; whoever is gone must be seen to be. */
		if (!near_is_open && is_gone(near_output))
			return 0;
	}
}
