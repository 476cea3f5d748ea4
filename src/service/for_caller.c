/* SPDX-License-Identifier: MIT */

#include "service/for_caller.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/process.h"
#include "net/connect.h"
#include "net/join.h"
#include "service/direct.h"
#include "service/owner.h"
#include "service/receive.h"
#include "spool/spool.h"
#include "worker/worker.h"

enum {
	START_TIMEOUT = 4000, /* milliseconds for a service on demand to listen */
	PAUSE = 10,	      /* between looks for the winner's socket */
};

/* ---- by a service on demand ---- */

static _Noreturn void become_service(void)
{
	static char *const arguments[] = { (char *)(uintptr_t) "mailchute",
		(char *)(uintptr_t) "serve", (char *)(uintptr_t) "--on-demand", NULL };
	char path[PATH_MAX];

	if (process_own_path(path, sizeof path) == 0)
		(void)execv(path, arguments);
	(void)execv(MAILCHUTE_PROGRAM, arguments);
	_exit(ERROR_SYSTEM);
}

/* Returns when the service listens, or has ended (another was first), or time is over. */
static int start_service(int64_t deadline, struct error *error)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return error_system(error, "cannot make a pipe");
	int outcome = process_detach(ends[1]);
	if (outcome == 1)
		become_service();
	file_close(&ends[1]);
	if (outcome == 0) {
		struct pollfd wait = { .fd = ends[0], .events = POLLIN };

		(void)poll(&wait, 1, clock_poll_timeout(deadline));
	}
	file_close(&ends[0]);
	return outcome < 0 ? error_system(error, "cannot start a service") : 0;
}

/*
 * A connection to the service that owns the spool, started if need be.  One
 * that is just leaving holds the lock for a moment: then once more.
 */
static int reach_service(const struct config *config, struct error *error)
{
	char *path CLEANUP(memory_free_string) = memory_format("%s/submit.sock", config->spool);
	int64_t deadline = clock_deadline(START_TIMEOUT);

	for (;;) {
		int fd = connect_unix(path, error);

		if (fd >= 0)
			return fd;
		if (clock_monotonic() >= deadline)
			return -1;
		if (start_service(deadline, error) < 0)
			return -1;
		fd = connect_unix(path, error);
		if (fd >= 0)
			return fd;
		(void)poll(NULL, 0, PAUSE);
	}
}

/* ---- the decision ---- */

static bool exists(const char *path)
{
	struct stat status;

	return lstat(path, &status) == 0;
}

static bool can_be_made(const char *path)
{
	char *parent CLEANUP(memory_free_string) = memory_copy_string(path);
	char *slash = strrchr(parent, '/');

	if (exists(path) || slash == NULL)
		return false;
	*(slash == parent ? slash + 1 : slash) = '\0';
	return access(parent, W_OK | X_OK) == 0;
}

static bool spool_is_for_us(const struct config *config)
{
	if (config->mode == CONFIG_MODE_SPOOL)
		return true;
	if (config->mode != CONFIG_MODE_AUTO)
		return false;
	return spool_is_own(config->spool) || can_be_made(config->spool);
}

/* Why this caller cannot be served at all; 0 when it can. */
static int check(const struct config *config, struct error *error)
{
	if (config->mode == CONFIG_MODE_SERVICE) {
		error_set(error, ERROR_CONFIG, "4.3.5",
		    "no service answers at %s, and submit { mode = \"service\" } allows no other "
		    "way",
		    MAILCHUTE_SOCKET_PATH);
		return error_next(
		    error, "start it: systemctl start mailchute.socket, or mailchute serve");
	}
	if (config->smarthost_count == 0)
		return config_no_smarthost(config, error);
	return owner_become(config->spool, error);
}

/* ---- both ---- */

static void receive_directly(
    struct worker_parent *parent, const struct config *config, const struct error *fault)
{
	struct stream stream CLEANUP(stream_finish) = { 0 };
	struct direct_store direct CLEANUP(direct_store_finish) = {
		.config = config,
		.parent = parent,
		.fd = -1,
	};
	struct store store = direct_store_table(&direct);
	struct receive_settings settings = {
		.config = config,
		.fault = fault,
		.uid = (int64_t)getuid(),
		.store = &store,
	};

	stream_init_take_fd(&stream, dup(STDIN_FILENO), dup(STDOUT_FILENO), "caller");
	receive_run(&stream, &settings);
}

static void serve(struct worker_parent *parent, const struct config *config)
{
	struct error fault;

	if (check(config, &fault) < 0) {
		receive_directly(parent, config, &fault);
		return;
	}
	if (!spool_is_for_us(config)) {
		receive_directly(parent, config, NULL);
		return;
	}
	int service = reach_service(config, &fault);
	if (service >= 0) {
		(void)join_run(STDIN_FILENO, STDOUT_FILENO, service);
		(void)close(service);
		return;
	}
	log_event(LOG_LEVEL_WARNING, "no service for the spool %s could be started: %s",
	    config->spool, fault.text);
	fault.kind = ERROR_CANNOT_CREATE;
	receive_directly(parent, config, config->mode == CONFIG_MODE_SPOOL ? &fault : NULL);
}

int for_caller_run(const struct config_sources *sources)
{
	struct worker_parent parent;
	struct config config = { 0 };
	struct error error;

	/* What the caller sees comes through the session; its stderr is not for our log. */
	(void)log_open("mailchute", access("/dev/log", W_OK) == 0 ? "syslog" : "none");
	/* Before any secret is read, so that no worker inherits one. */
	if (worker_parent_start(&parent, &error) < 0) {
		receive_directly(NULL, &config, &error);
		return (int)error.kind;
	}
	if (config_load(sources, &config, &error) < 0)
		receive_directly(&parent, &config, &error);
	else
		serve(&parent, &config);
	worker_parent_finish(&parent);
	config_finish(&config);
	return 0;
}
