/* SPDX-License-Identifier: MIT */

#include "sendmail/program.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/process.h"

enum { PLACES = 3 };

struct places {
	char path[PLACES][PATH_MAX + 32];
};

static void find_places(struct places *places)
{
	char own[PATH_MAX];

	memset(places, 0, sizeof *places);
#ifdef MAILCHUTE_SINGLE
	/* It is this very file. */
	if (process_own_path(places->path[0], sizeof places->path[0]) == 0)
		return;
#endif
	snprintf(places->path[0], sizeof places->path[0], "%s", MAILCHUTE_PROGRAM);
	if (process_own_path(own, sizeof own) < 0)
		return;
	char *slash = strrchr(own, '/');
	if (slash == NULL)
		return;
	*slash = '\0';
	snprintf(places->path[1], sizeof places->path[1], "%s/mailchute", own);
	snprintf(places->path[2], sizeof places->path[2], "%s/../bin/mailchute", own);
}

static int not_found(struct error *error)
{
	error_system(
	    error, "cannot start %s, nor a mailchute beside this program", MAILCHUTE_PROGRAM);
	error->kind = ERROR_SYSTEM;
	return error_next(error, "nothing was sent; install the program mailchute");
}

/* exec(3) never writes to its arguments, and cannot say so in C. */
static char *const *as_exec_wants(const char *const arguments[])
{
	return (char *const *)(uintptr_t)arguments;
}

static int spawn(const char *path, const char *const arguments[], int socket, pid_t *pid)
{
	posix_spawn_file_actions_t actions;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, socket, STDIN_FILENO);
	posix_spawn_file_actions_adddup2(&actions, socket, STDOUT_FILENO);
#ifndef MAILCHUTE_SANITIZED
	/* What it has to say it says on the socket; a caller may read its stderr to the end. */
	posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
#endif
	int number = posix_spawn(pid, path, &actions, NULL, as_exec_wants(arguments), environ);
	posix_spawn_file_actions_destroy(&actions);
	return number;
}

pid_t program_start(const char *const arguments[], int socket, struct error *error)
{
	struct places places;
	pid_t pid;

	process_clean_environment();
	find_places(&places);
	for (size_t i = 0; i < PLACES; i++) {
		if (places.path[i][0] == '\0')
			continue;
		errno = spawn(places.path[i], arguments, socket, &pid);
		if (errno == 0)
			return pid;
		if (errno != ENOENT && errno != ENOTDIR && errno != EACCES)
			break;
	}
	return not_found(error);
}

int program_become(const char *const arguments[], struct error *error)
{
	struct places places;

	process_clean_environment();
	find_places(&places);
	for (size_t i = 0; i < PLACES; i++)
		if (places.path[i][0] != '\0')
			(void)execv(places.path[i], as_exec_wants(arguments));
	return not_found(error);
}
