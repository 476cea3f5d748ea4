/* SPDX-License-Identifier: MIT */

/*
 * clock - for LD_PRELOAD: a wall clock that is wrong by the seconds in the file OFFSET
 *
 * The file is mapped, so that a test changes them while the program runs.
 */

#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static volatile int64_t *offset;

__attribute__((constructor)) static void load(void)
{
	int fd = open(OFFSET, O_RDONLY | O_CLOEXEC);

	offset = mmap(NULL, 8, PROT_READ, MAP_SHARED, fd, 0);
	close(fd);
}

int clock_gettime(clockid_t which, struct timespec *now)
{
	long outcome = syscall(SYS_clock_gettime, which, now);

	if (which == CLOCK_REALTIME && offset != NULL)
		now->tv_sec += *offset;
	return (int)outcome;
}

int gettimeofday(struct timeval *now, void *zone)
{
	struct timespec precise;

	(void)zone;
	clock_gettime(CLOCK_REALTIME, &precise);
	now->tv_sec = precise.tv_sec;
	now->tv_usec = precise.tv_nsec / 1000;
	return 0;
}

time_t time(time_t *now)
{
	struct timespec precise;

	clock_gettime(CLOCK_REALTIME, &precise);
	if (now != NULL)
		*now = precise.tv_sec;
	return precise.tv_sec;
}
