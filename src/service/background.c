/* SPDX-License-Identifier: MIT */

#include "service/background.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/process.h"

static _Noreturn void become_service(const char *const arguments[])
{
	/* exec(3) never writes to its arguments, and cannot say so in C. */
	char *const *words = (char *const *)(uintptr_t)arguments;
	char path[PATH_MAX];

	if (process_own_path(path, sizeof path) == 0)
		(void)execv(path, words);
	(void)execv(MAILCHUTE_PROGRAM, words);
	_exit(ERROR_SYSTEM);
}

/* Why it could not start, as it says so itself: "KIND text".  Nothing, when it could. */
static int read_failure(int fd, struct error *error)
{
	char line[900];
	char *words = NULL;

	ssize_t length = file_read_full(fd, line, sizeof line - 1);
	if (length <= 0)
		return 0;
	line[length] = '\0';
	long kind = strtol(line, &words, 10);
	if (kind < ERROR_USAGE || kind > ERROR_CONFIG)
		kind = ERROR_SYSTEM;
	return error_set(error, (enum error_kind)kind,
	    kind == ERROR_CONFIG	  ? "4.3.5"
	    : kind == ERROR_CANNOT_CREATE ? "4." ERROR_CANNOT_CREATE_DETAIL
					  : "4.3.0",
	    "%s", words + strspn(words, " "));
}

/*
 * A service would live with this caller's limits, and serve others with them.
 * 0: they are wide enough.
 */
static int check_limits(struct error *error)
{
	const char *too_small;

	if (process_raise_limits(&too_small))
		return 0;
	return error_set(error, ERROR_SYSTEM, "4.3.0",
	    "a service cannot be started under this process's limit of %s", too_small);
}

int background_start(const char *const arguments[], int64_t deadline, struct error *error)
{
	int ends[2];

	if (check_limits(error) < 0)
		return -1;
	if (pipe2(ends, O_CLOEXEC) < 0)
		return error_system(error, "cannot make a pipe");
	int outcome = process_detach(ends[1]);
	if (outcome == 1)
		become_service(arguments);
	file_close(&ends[1]);
	if (outcome < 0) {
		error_system(error, "cannot start a service");
	} else {
		struct pollfd wait = { .fd = ends[0], .events = POLLIN };

		if (poll(&wait, 1, clock_poll_timeout(deadline)) > 0)
			outcome = read_failure(ends[0], error);
	}
	file_close(&ends[0]);
	return outcome;
}
