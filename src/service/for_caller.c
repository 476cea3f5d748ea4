/* SPDX-License-Identifier: MIT */

#include "service/for_caller.h"

#include <errno.h>
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
#include "config/digest.h"
#include "config/environment.h"
#include "net/connect.h"
#include "net/join.h"
#include "service/background.h"
#include "service/capture.h"
#include "service/direct.h"
#include "service/inquirer.h"
#include "service/owner.h"
#include "service/receive.h"
#include "spool/spool.h"
#include "worker/worker.h"

enum {
	PAUSE = 20, /* milliseconds between looks for a socket that another makes; grows */
	LONGEST_PAUSE = 320,
	GREETING_LIMIT = 512, /* octets */
};

/* ---- by a service on demand ---- */

/* 0: it listens, or another service was first, or time is over; -1: it cannot be started. */
static int start_service(int64_t deadline, struct error *error)
{
	static const char *const arguments[] = { "mailchute", "serve", "--on-demand", NULL };

	return background_start(arguments, deadline, error);
}

static int no_service_listens(const struct config *config, struct error *error)
{
	char limit[24];

	clock_format_duration(config->timeout, limit);
	error_set(error, ERROR_UNAVAILABLE, "4.3.2",
	    "the service for the spool %s was started, and did not listen within %s", config->spool,
	    limit);
	(void)error_code(error, "MC-SERV-24");
	return error_next(error, "send it again; if that fails, too, mailchute serve says why");
}

/*
 * A connection to the service that owns the spool, started if need be.  One
 * that is just leaving holds the lock for a moment, and one that finishes its
 * deliveries for some seconds: then again.
 */
static int reach_service(const struct config *config, int64_t deadline, struct error *error)
{
	char *path CLEANUP(memory_free_string) = memory_format("%s/submit.sock", config->spool);

	for (int pause = PAUSE;; pause = pause < LONGEST_PAUSE ? 2 * pause : pause) {
		int fd = connect_unix(path, error);

		if (fd >= 0)
			return fd;
		if (clock_monotonic() >= deadline)
			return no_service_listens(config, error);
		if (start_service(deadline, error) < 0)
			return -1;
		fd = connect_unix(path, error);
		if (fd >= 0)
			return fd;
		(void)poll(NULL, 0, pause);
	}
}

enum greeting { GREETING_READ, GREETING_SILENT, GREETING_LOST };

/* The first line of the service, which ends in the digest of its settings. */
static enum greeting read_greeting(int service, int64_t deadline, struct buffer *greeting)
{
	struct pollfd wait = { .fd = service, .events = POLLIN };

	while (span_find_byte(buffer_span(greeting), '\n') < 0) {
		char *room = buffer_reserve(greeting, 1);

		if (room == NULL || poll(&wait, 1, clock_poll_timeout(deadline)) <= 0)
			return GREETING_SILENT;
		if (read(service, room, 1) <= 0)
			return GREETING_LOST;
		buffer_extend(greeting, 1);
	}
	return GREETING_READ;
}

/*
 * A caller that brings its own settings has its mail sent by them, so a
 * service of the same uid that was started with others is not for it.
 */
static bool has_our_settings(const struct config *config, struct span greeting)
{
	char digest[DIGEST_SIZE];
	struct span line = span_trim(greeting);

	digest_of(config, digest);
	return span_ends_with_ignoring_case(line, digest) ||
	       !span_starts_with(line, "220 "); /* "421 busy" is for the caller to hear */
}

static void join_caller(int service, struct span greeting)
{
	struct join join = {
		.near_input = STDIN_FILENO, .near_output = STDOUT_FILENO, .far = service
	};

	if (file_write_all(STDOUT_FILENO, greeting) == 0)
		(void)join_run(&join);
}

/* 0: the caller was served by the service; 1: it has just left; -1: it is not for this caller. */
static int join_service(
    const struct config *config, int service, int64_t deadline, struct error *error)
{
	struct buffer greeting CLEANUP(buffer_finish) = { 0 };

	buffer_init(&greeting, GREETING_LIMIT);
	/* What is left then is for the mail to be relayed, where that may be. */
	deadline = clock_earlier(deadline, clock_deadline(config->timeout / 2));
	switch (read_greeting(service, deadline, &greeting)) {
	case GREETING_LOST:
		return 1;
	case GREETING_SILENT:
		error_set(error, ERROR_UNAVAILABLE, "4.3.2",
		    "the service for the spool %s does not answer", config->spool);
		(void)error_code(error, "MC-SERV-24");
		return error_next(error, "end it, it may hang; the next mail starts another");
	case GREETING_READ:
		break;
	}
	if (environment_has_own_settings() && !has_our_settings(config, buffer_span(&greeting)))
		return error_set(error, ERROR_UNAVAILABLE, "4.3.2",
		    "the service for the spool %s was started with other settings", config->spool);
	join_caller(service, buffer_span(&greeting));
	return 0;
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

bool for_caller_has_spool(const struct config *config)
{
	uid_t uid;
	gid_t gid;

	if (config->mode == CONFIG_MODE_SPOOL)
		return true;
	if (config->mode != CONFIG_MODE_AUTO)
		return false;
	return spool_is_own(config->spool) || owner_is_another(config->spool, &uid, &gid) ||
	       can_be_made(config->spool);
}

/* Why this caller cannot be served at all; 0 when it can. */
static int check(const struct config *config, struct error *error)
{
	if (config->mode == CONFIG_MODE_SERVICE && !capture_is_callers(config)) {
		const char *named = getenv("MAILCHUTE_SOCKET");

		error_set(error, ERROR_CONFIG, "4.3.5",
		    "no service answers at %s, and submit { mode = \"service\" } allows no other "
		    "way",
		    named != NULL && named[0] != '\0' ? named : MAILCHUTE_SOCKET_PATH);
		(void)error_code(error, "MC-SERV-24");
		return error_next(
		    error, "start it: systemctl start mailchute.socket, or mailchute serve");
	}
	if (config->smarthost_count == 0)
		return config_no_smarthost(config, error);
	return 0;
}

/* ---- both ---- */

/* The caller is told, too; but what php-fpm's children say to stderr nobody reads. */
static void log_fault(const struct error *fault)
{
	char line[900];

	error_line(fault, line, sizeof line);
	log_event(LOG_LEVEL_ERROR, "uid %u is refused: %s", (unsigned)getuid(), line);
}

struct own_worker {
	struct worker_parent *parent;
	const struct config *config;
};

static int start_inquiry(void *context, const struct config_smarthost *smarthost,
    struct channel *worker, struct error *error)
{
	const struct own_worker *own = context;

	return inquirer_start(own->parent, own->config, smarthost, worker, error);
}

static void receive_directly(struct worker_parent *parent, const struct config *config,
    const struct error *fault, int64_t latest)
{
	struct stream stream CLEANUP(stream_finish) = { 0 };
	struct direct_store direct CLEANUP(direct_store_finish) = {
		.config = config,
		.parent = parent,
		.fd = -1,
		.latest = latest,
	};
	struct store store = direct_store_table(&direct);
	struct own_worker own = { parent, config };
	const struct inquirer_source inquirer = { start_inquiry, &own };
	struct receive_settings settings = {
		.config = config,
		.fault = fault,
		.uid = (int64_t)getuid(),
		.store = &store,
		.inquirer = &inquirer,
	};
	struct error error;
	uid_t uid;
	gid_t gid;

	if (fault == NULL && owner_is_another(config->spool, &uid, &gid) &&
	    (worker_parent_become(parent, uid, gid, &error) < 0 ||
		owner_become(config->spool, &error) < 0))
		settings.fault = &error;
	if (settings.fault != NULL)
		log_fault(settings.fault);
	int input = dup(STDIN_FILENO);
	int output = dup(STDOUT_FILENO);
	/* Without a greeting the caller tries again. */
	if (input < 0 || output < 0)
		return;
	stream_init_take_fd(&stream, input, output, "caller");
	receive_run(&stream, &settings);
}

/*
 * 0: served by a service; -1: why not.  Each that leaves between our coming
 * and its greeting is followed by another.
 */
static int serve_by_spool(const struct config *config, int64_t deadline, struct error *error)
{
	for (;;) {
		int service CLEANUP(file_close) = reach_service(config, deadline, error);

		if (service < 0)
			return -1;
		int outcome = join_service(config, service, deadline, error);
		if (outcome != 1)
			return outcome;
		if (clock_monotonic() >= deadline)
			return error_set(error, ERROR_UNAVAILABLE, "4.3.2",
			    "the service for the spool %s ends before it greets", config->spool);
		(void)poll(NULL, 0, PAUSE);
	}
}

static void serve(struct worker_parent *parent, const struct config *config, bool is_question)
{
	int64_t deadline = clock_deadline(config->timeout);
	struct error fault;

	if (check(config, &fault) < 0) {
		receive_directly(parent, config, &fault, 0);
		return;
	}
	/* What is queued already is not to be captured by the wish of one caller. */
	if (is_question || capture_is_callers(config) || !for_caller_has_spool(config)) {
		receive_directly(parent, config, NULL, 0);
		return;
	}
	if (serve_by_spool(config, deadline, &fault) == 0)
		return;
	log_event(LOG_LEVEL_WARNING, "no service for the spool %s: %s", config->spool, fault.text);
	/* After submit { timeout } there is no time left to relay it, either. */
	bool is_over = config->mode == CONFIG_MODE_SPOOL || clock_monotonic() >= deadline;
	receive_directly(parent, config, is_over ? &fault : NULL, deadline);
}

/* With the settings there is more to know of where the log goes. */
static void serve_logging(
    struct worker_parent *parent, const struct config *config, bool is_question)
{
	log_set_json(config->log_is_json);
	(void)log_open("mailchute", config->log_to);
	serve(parent, config, is_question);
}

int for_caller_run(const struct config_sources *sources, bool is_question)
{
	struct worker_parent parent;
	struct config config = { 0 };
	struct error error;

	/* What the caller sees comes through the session; its stderr is not for our log. */
	log_spare_stderr();
	(void)log_open("mailchute", "auto");
	/* Before any secret is read, so that no worker inherits one. */
	if (worker_parent_start(&parent, &error) < 0) {
		receive_directly(NULL, &config, &error, 0);
		return (int)error.kind;
	}
	int loaded = config_load(sources, &config, &error);
	if (loaded == 0)
		capture_complete(&config);
	if (loaded < 0)
		receive_directly(&parent, &config, &error, 0);
	else
		serve_logging(&parent, &config, is_question);
	worker_parent_finish(&parent);
	config_finish(&config);
	return 0;
}
