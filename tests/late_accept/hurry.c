/* SPDX-License-Identifier: MIT */

/*
 * hurry - for LD_PRELOAD: a program whose clock runs FACTOR times as fast, and so do its waits
 *
 * sendmail gives a silent service twelve seconds; ten thousand times that is
 * more than a day.
 */

#define _GNU_SOURCE
#include <poll.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { FACTOR = 50, BILLION = 1000000000 };

int clock_gettime(clockid_t which, struct timespec *now)
{
	long outcome = syscall(SYS_clock_gettime, which, now);

	if (which != CLOCK_REALTIME && outcome == 0) {
		__int128 time = ((__int128)now->tv_sec * BILLION + now->tv_nsec) * FACTOR;

		now->tv_sec = (time_t)(time / BILLION);
		now->tv_nsec = (long)(time % BILLION);
	}
	return (int)outcome;
}

int poll(struct pollfd *polls, nfds_t count, int timeout)
{
	struct timespec time = { timeout / 1000 / FACTOR,
		(long)((int64_t)timeout * (BILLION / 1000) / FACTOR % BILLION) };

	return (int)syscall(SYS_ppoll, polls, count, timeout < 0 ? NULL : &time, NULL, 0);
}

int __poll_chk(struct pollfd *polls, nfds_t count, int timeout, size_t size);

int __poll_chk(struct pollfd *polls, nfds_t count, int timeout, size_t size)
{
	(void)size;
	return poll(polls, count, timeout);
}

int nanosleep(const struct timespec *time, struct timespec *left)
{
	int64_t total = ((int64_t)time->tv_sec * BILLION + time->tv_nsec) / FACTOR;
	struct timespec less = { total / BILLION, total % BILLION };

	return (int)syscall(SYS_nanosleep, &less, left);
}
