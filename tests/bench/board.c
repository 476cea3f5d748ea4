/* SPDX-License-Identifier: MIT */

#include "board.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

struct board *board_of(int fd)
{
	void *memory = mmap(NULL, sizeof(struct board), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (memory == MAP_FAILED) {
		perror("bench: shared memory");
		exit(71);
	}
	return memory;
}

struct board *board_new(int *fd)
{
	*fd = memfd_create("board", 0);
	if (*fd < 0 || ftruncate(*fd, sizeof(struct board)) < 0) {
		perror("bench: shared memory");
		exit(71);
	}
	return board_of(*fd);
}

int64_t board_microseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

struct board_moment board_look(const struct board *board)
{
	return (struct board_moment){
		.turns = board->counts.turns,
		.depth = board->counts.depth,
		.microseconds = board_microseconds(),
	};
}
