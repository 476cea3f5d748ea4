/* SPDX-License-Identifier: MIT */

/*
 * submitters - so many at once run a program again and again, with a message on stdin
 *
 * usage: submitters COUNT RUNS MESSAGE PROGRAM [ARGUMENT...]
 *
 * Prints "seconds S median-ms M most-ms M failed N" when all RUNS are done.
 * Linked statically, so that it can run in the chroot of whom it measures, and
 * lean, so that the machine is the program's.
 */

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec * 1000 + (double)time.tv_nsec / 1e6;
}

/* Milliseconds; -1: it failed. */
static double run_once(const char *message, char **command)
{
	posix_spawn_file_actions_t actions;
	double begin = now();
	int status = -1;
	pid_t pid;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, message, O_RDONLY, 0);
	int outcome = posix_spawn(&pid, command[0], &actions, NULL, command, environ);
	posix_spawn_file_actions_destroy(&actions);
	if (outcome != 0 || waitpid(pid, &status, 0) != pid || status != 0)
		return -1;
	return now() - begin;
}

static int compare(const void *a, const void *b)
{
	const double *first = a;
	const double *second = b;

	return (*first > *second) - (*first < *second);
}

static void report(double *times, int runs, double begin)
{
	double seconds = (now() - begin) / 1000;
	int failed = 0;

	qsort(times, (size_t)runs, sizeof times[0], compare);
	for (int i = 0; i < runs; i++)
		failed += times[i] < 0;
	printf("seconds %.4f median-ms %.3f most-ms %.3f failed %d\n", seconds, times[runs / 2],
	    times[runs - 1], failed);
}

int main(int argc, char **argv)
{
	if (argc < 5)
		return 64;
	int count = (int)strtol(argv[1], NULL, 10);
	int runs = (int)strtol(argv[2], NULL, 10);
	double *times = mmap(NULL, (size_t)runs * sizeof *times, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	double begin = now();

	if (times == MAP_FAILED)
		return 71;
	for (int i = 0; i < count; i++) {
		if (fork() != 0)
			continue;
		for (int j = i; j < runs; j += count)
			times[j] = run_once(argv[3], argv + 4);
		_exit(0);
	}
	while (wait(NULL) > 0 || errno == EINTR)
		continue;
	report(times, runs, begin);
	return 0;
}
