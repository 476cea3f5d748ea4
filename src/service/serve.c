/* SPDX-License-Identifier: MIT */

#include "service/serve.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/process.h"
#include "net/listen.h"
#include "service/clients.h"
#include "service/owner.h"
#include "service/schedule.h"
#include "service/workers.h"
#include "spool/listing.h"
#include "spool/spool.h"
#include "worker/sandbox.h"

enum {
	LISTENERS_LIMIT = 8,
	LEAVE_TIMEOUT = 5000,  /* milliseconds for deliveries that run when we are told to end */
	BUSY_RETRY = 1000,     /* a queue file that another process holds */
	TROUBLE_RETRY = 30000, /* our own trouble: a disk, a setting */
	POLLS = 2 + LISTENERS_LIMIT + CLIENTS_LIMIT + WORKERS_LIMIT,
};

struct service {
	const struct serve_options *options;
	struct worker_parent parent;
	struct config config;
	bool is_configured; /* the configuration could be read, the spool is ours */
	struct error fault; /* why not */
	struct spool spool;
	struct schedule schedule;
	struct workers workers;
	struct clients clients;
	struct attempt *refused[CLIENTS_LIMIT]; /* their callers are being told; owned */
	size_t refused_count;
	int listeners[LISTENERS_LIMIT];
	size_t listener_count;
	char *socket_path; /* ours to remove; NULL with activation */
	int signals;
	uint32_t attempt_number;
	bool is_ending;
	int64_t idle_since; /* clock_monotonic */
};

/* ---- the queue ---- */

static void add_from_disk(struct service *service, const char *id, int64_t now)
{
	struct queue_progress progress;
	struct error error;
	int64_t longest = service->config.retry[service->config.retry_count - 1];

	if (schedule_has(&service->schedule, id) || workers_has(&service->workers, id))
		return;
	int outcome = queue_file_read_progress(service->spool.queue, id, &progress, &error);
	if (outcome == 2)
		return;
	int64_t due = outcome == 0 ? progress.next_attempt : 0;
	/* A clock that jumped must not put mail off for longer than the list says. */
	if (due > now + 2 * longest)
		due = now + longest;
	schedule_add(&service->schedule, id, due);
}

static int scan(struct service *service, struct error *error)
{
	struct listing listing CLEANUP(listing_finish) = { 0 };
	int64_t now = clock_wall();

	if (listing_read(&listing, service->spool.queue, error) < 0)
		return -1;
	for (size_t i = 0; i < listing.count; i++)
		add_from_disk(service, listing.ids[i], now);
	return 0;
}

static void begin_attempt(struct service *service, const char *id)
{
	struct attempt *attempt = memory_allocate(sizeof *attempt);
	struct error error;

	int outcome = attempt_begin(
	    attempt, &service->spool, id, &service->config, ++service->attempt_number, &error);
	if (outcome == ATTEMPT_STARTED) {
		workers_assign(&service->workers, &service->config, attempt);
		return;
	}
	free(attempt);
	if (outcome == ATTEMPT_BUSY)
		schedule_add(&service->schedule, id, clock_wall() + BUSY_RETRY);
	if (outcome < 0) {
		char line[900];

		error_line(&error, line, sizeof line);
		log_event(LOG_LEVEL_ERROR, "%s: %s", id, line);
		schedule_add(&service->schedule, id, clock_wall() + TROUBLE_RETRY);
	}
}

static void begin_due_attempts(struct service *service)
{
	char id[QUEUE_ID_SIZE];

	while (!service->is_ending && workers_has_room(&service->workers) &&
	       schedule_take(&service->schedule, clock_wall(), id))
		begin_attempt(service, id);
}

static void queued(void *context, const char *id)
{
	struct service *service = context;
	struct client *client = clients_waiting_for(&service->clients, id);

	/* Behind many older messages nobody should wait (DESIGN 1). */
	if (client != NULL && service->schedule.count > 10) {
		char text[64];

		snprintf(text, sizeof text, "queued as %s", id);
		clients_tell(client, NOTICE_TAKEN, "2.0.0", text);
	}
	if (!schedule_has(&service->schedule, id) && !workers_has(&service->workers, id))
		schedule_add(&service->schedule, id, 0);
}

static void release(struct attempt *attempt)
{
	attempt_finish(attempt);
	free(attempt);
}

static void hold_refused(struct service *service, struct client *client, struct attempt *attempt)
{
	service->refused[service->refused_count++] = attempt;
	clients_tell(
	    client, NOTICE_REFUSED, attempt->first_refusal.status, attempt->first_refusal.text);
}

static void settled(void *context, const char *id, bool answers)
{
	struct service *service = context;

	for (size_t i = 0; i < service->refused_count; i++) {
		struct attempt *attempt = service->refused[i];

		if (strcmp(attempt->file.id, id) != 0)
			continue;
		if (answers)
			attempt_remove(attempt);
		release(attempt);
		service->refused[i] = service->refused[--service->refused_count];
		return;
	}
}

static void tell_taken(struct client *client, const struct attempt *attempt, const char *state)
{
	char text[900];

	if (client == NULL)
		return;
	snprintf(text, sizeof text, "%s as %s", state, attempt->file.id);
	clients_tell(client, NOTICE_TAKEN, "2.0.0", text);
}

static void concluded(void *context, struct attempt *attempt, bool is_counted)
{
	struct service *service = context;
	struct client *client = clients_waiting_for(&service->clients, attempt->file.id);
	int64_t due;

	switch (attempt_conclude(attempt, &service->config, is_counted, &due)) {
	case ATTEMPT_DELIVERED:
		tell_taken(client, attempt, "delivered");
		attempt_remove(attempt);
		break;
	case ATTEMPT_WAITING:
		schedule_add(&service->schedule, attempt->file.id, due);
		if (is_counted)
			tell_taken(client, attempt, "queued");
		break;
	case ATTEMPT_FAILED:
		tell_taken(client, attempt, "partly delivered, failures kept");
		break;
	case ATTEMPT_REFUSED:
		if (client != NULL && service->refused_count < CLIENTS_LIMIT) {
			hold_refused(service, client, attempt);
			return;
		}
		break;
	}
	release(attempt);
}

/* ---- settings and spool ---- */

static const struct spool no_spool = { .directory = -1, .queue = -1, .lock = -1 };

static void deconfigure(struct service *service)
{
	schedule_finish(&service->schedule);
	spool_finish(&service->spool);
	service->spool = no_spool;
	config_finish(&service->config);
	service->is_configured = false;
}

/* 0: ours; 1: another service owns the spool; -1. */
static int take_spool(struct service *service, struct error *error)
{
	if (owner_become(service->config.spool, error) < 0 ||
	    spool_open(&service->spool, service->config.spool, true, error) < 0)
		return -1;
	int locked = spool_lock(&service->spool, error);
	if (locked == 1) {
		error_set(error, ERROR_UNAVAILABLE, "4.3.2", "another service owns the spool %s",
		    service->config.spool);
		return 1;
	}
	if (locked < 0 || spool_sweep(&service->spool, error) < 0)
		return -1;
	return scan(service, error);
}

/* Reads the settings and takes the spool.  1: another service has it. */
static int configure(struct service *service, struct error *error)
{
	if (config_load(&service->options->sources, &service->config, error) < 0)
		return -1;
	(void)log_open("mailchute", service->config.log_to);
	if (service->config.smarthost_count == 0) {
		config_no_smarthost(&service->config, error);
		deconfigure(service);
		return -1;
	}
	int outcome = take_spool(service, error);
	if (outcome != 0) {
		deconfigure(service);
		return outcome;
	}
	service->is_configured = true;
	return 0;
}

/* A configuration that is mended is found at the next client; the service never ends over it. */
static void configure_again(struct service *service)
{
	if (!service->is_configured && configure(service, &service->fault) == 0)
		log_event(LOG_LEVEL_INFO, "the configuration is complete now, spool %s",
		    service->config.spool);
}

static void reload(struct service *service)
{
	struct config config;
	struct error error;
	char line[900];

	if (!service->is_configured) {
		configure_again(service);
		return;
	}
	if (config_load(&service->options->sources, &config, &error) < 0) {
		error_line(&error, line, sizeof line);
		log_event(LOG_LEVEL_ERROR, "the old configuration stays in force: %s", line);
		return;
	}
	config_finish(&service->config);
	service->config = config;
	log_event(LOG_LEVEL_INFO, "configuration read anew");
}

/* ---- clients ---- */

static const struct config no_config = { 0 };

static void accept_clients(struct service *service, int listener)
{
	while (service->clients.count < CLIENTS_LIMIT) {
		int connection = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		struct error error;

		if (connection < 0)
			return;
		configure_again(service);
		struct clients_settings settings = {
			.config = service->is_configured ? &service->config : &no_config,
			.fault = service->is_configured ? NULL : &service->fault,
			.queue_directory = service->is_configured ? service->spool.queue : -1,
			.way = service->options->on_demand ? "spool" : "service",
			.waits_by_default = service->is_configured &&
					    (service->config.wait == CONFIG_WAIT_OUTCOME ||
						(service->config.wait == CONFIG_WAIT_AUTO &&
						    service->options->on_demand)),
		};
		if (clients_start(&service->clients, connection, &settings, &error) < 0)
			log_event(LOG_LEVEL_ERROR, "%s", error.text);
	}
}

static int listen_at(struct service *service, const char *path, mode_t mode, struct error *error)
{
	int fd = listen_unix(path, mode, error);

	if (fd < 0)
		return -1;
	service->listeners[service->listener_count++] = fd;
	free(service->socket_path);
	service->socket_path = memory_copy_string(path);
	return 0;
}

/* The directory of the usual socket comes from the package; a container has none. */
static void make_socket_directory(const char *path)
{
	char *directory CLEANUP(memory_free_string) = memory_copy_string(path);
	char *slash = strrchr(directory, '/');

	if (slash == NULL || slash == directory)
		return;
	*slash = '\0';
	if (mkdir(directory, 0755) == 0)
		(void)chmod(directory, 0755);
}

static int listen_in_spool(struct service *service, struct error *error)
{
	char *path CLEANUP(memory_free_string) = memory_format(
	    "%s/submit.sock", service->config.spool);

	return listen_at(service, path, 0600, error);
}

static int open_listeners(struct service *service, struct error *error)
{
	const char *named = service->options->listen;
	int inherited = listen_inherited();

	for (int i = 0; i < inherited && i < LISTENERS_LIMIT; i++) {
		(void)file_set_nonblocking(3 + i, true);
		service->listeners[service->listener_count++] = 3 + i;
	}
	if (inherited > 0)
		return 0;
	if (service->options->on_demand)
		return listen_in_spool(service, error);
	if (named == NULL)
		named = getenv("MAILCHUTE_SOCKET");
	if (named != NULL && named[0] != '\0')
		return listen_at(service, named, 0666, error);
	make_socket_directory(MAILCHUTE_SOCKET_PATH);
	if (listen_at(service, MAILCHUTE_SOCKET_PATH, 0666, error) == 0)
		return 0;
	if (!service->is_configured)
		return -1;
	log_event(LOG_LEVEL_WARNING, "%s; listening in the spool instead", error->text);
	return listen_in_spool(service, error);
}

static void close_listeners(struct service *service)
{
	for (size_t i = 0; i < service->listener_count; i++)
		file_close(&service->listeners[i]);
	service->listener_count = 0;
}

static void remove_socket(struct service *service)
{
	if (service->socket_path != NULL)
		(void)unlink(service->socket_path);
}

/* ---- the loop ---- */

static int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* When something is to be done without any input, by the monotonic clock. */
static int64_t next_deadline(const struct service *service, int64_t leave_at)
{
	int64_t deadline = earlier(leave_at, workers_deadline(&service->workers));
	int64_t due = schedule_next(&service->schedule);

	if (due != INT64_MAX && workers_has_room(&service->workers) && !service->is_ending) {
		int64_t wait = due - clock_wall();

		deadline = earlier(deadline, clock_deadline(wait > 0 ? wait : 0));
	}
	if (service->options->on_demand && service->idle_since != CLOCK_NEVER)
		deadline = earlier(deadline, service->idle_since + SERVE_IDLE);
	return deadline;
}

static void handle_signal(struct service *service)
{
	struct signalfd_siginfo info;

	while (read(service->signals, &info, sizeof info) == (ssize_t)sizeof info) {
		if (info.ssi_signo == SIGHUP)
			reload(service);
		else
			service->is_ending = true;
	}
}

static void wait_for_events(struct service *service, int64_t deadline)
{
	struct pollfd polls[POLLS];
	size_t count = 0;

	polls[count++] = (struct pollfd){ .fd = service->signals, .events = POLLIN };
	for (size_t i = 0; i < service->listener_count; i++)
		if (service->clients.count < CLIENTS_LIMIT)
			polls[count++] = (struct pollfd){ .fd = service->listeners[i],
				.events = POLLIN };
	count += clients_poll(&service->clients, polls + count);
	count += workers_poll(&service->workers, polls + count);
	(void)poll(polls, count, clock_poll_timeout(deadline));
}

static bool is_idle(const struct service *service)
{
	return service->schedule.count == 0 && service->clients.count == 0 &&
	       workers_busy_count(&service->workers) == 0 && service->refused_count == 0;
}

static void note_idleness(struct service *service)
{
	if (!is_idle(service))
		service->idle_since = CLOCK_NEVER;
	else if (service->idle_since == CLOCK_NEVER)
		service->idle_since = clock_monotonic();
}

/*
 * A service on demand that has nothing left leaves, but not past a client that
 * is just coming: first the name goes, then those who hold the socket already
 * are served, then the queue is looked through once more.
 */
static bool may_leave(struct service *service)
{
	struct error error;

	if (!service->options->on_demand || service->idle_since == CLOCK_NEVER ||
	    clock_monotonic() < service->idle_since + SERVE_IDLE)
		return false;
	remove_socket(service);
	for (size_t i = 0; i < service->listener_count; i++)
		accept_clients(service, service->listeners[i]);
	if (scan(service, &error) == 0 && is_idle(service))
		return true;
	close_listeners(service);
	if (listen_in_spool(service, &error) < 0)
		log_event(LOG_LEVEL_ERROR, "%s", error.text);
	return false;
}

static void step(struct service *service, int64_t leave_at)
{
	begin_due_attempts(service);
	note_idleness(service);
	wait_for_events(service, next_deadline(service, leave_at));
	handle_signal(service);
	for (size_t i = 0; i < service->listener_count; i++)
		accept_clients(service, service->listeners[i]);
	clients_step(&service->clients);
	workers_step(&service->workers);
}

/* Deliveries that run are finished, or left as they stand in their files. */
static void wind_down(struct service *service)
{
	int64_t leave_at = clock_deadline(LEAVE_TIMEOUT);

	listen_notify("STOPPING=1");
	remove_socket(service);
	for (size_t i = 0; i < service->listener_count; i++)
		accept_clients(service, service->listeners[i]);
	close_listeners(service);
	while (workers_busy_count(&service->workers) != 0 && clock_monotonic() < leave_at)
		step(service, leave_at);
	log_event(LOG_LEVEL_INFO, "ended");
}

static void run(struct service *service)
{
	while (!service->is_ending) {
		step(service, CLOCK_NEVER);
		if (may_leave(service))
			break;
	}
	wind_down(service);
}

static int watch_signals(struct error *error)
{
	struct sigaction ignore = { .sa_handler = SIG_IGN };
	sigset_t set;

	/* Ended children leave no trace. */
	(void)sigaction(SIGCHLD, &ignore, NULL);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	int fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	return fd >= 0 ? fd : error_system(error, "cannot watch for signals");
}

/* Settings, spool, sockets.  0; 1: another service is there and that is fine; -1. */
static int start(struct service *service, struct error *error)
{
	service->signals = -1;
	service->spool = no_spool;
	workers_init(&service->workers, &service->parent);
	service->workers.concluded = concluded;
	service->workers.context = service;
	clients_init(&service->clients);
	service->clients.queued = queued;
	service->clients.settled = settled;
	service->clients.context = service;
	service->idle_since = CLOCK_NEVER;

	/* Before any secret is read, so that no worker inherits one. */
	if (worker_parent_start(&service->parent, error) < 0)
		return -1;
	service->signals = watch_signals(error);
	if (service->signals < 0)
		return -1;
	int outcome = configure(service, &service->fault);
	*error = service->fault;
	if (outcome == 1)
		return service->options->on_demand ? 1 : -1;
	if (outcome < 0 && (service->options->on_demand || service->fault.kind != ERROR_CONFIG))
		return -1;
	if (outcome < 0) {
		char line[900];

		error_line(&service->fault, line, sizeof line);
		log_event(LOG_LEVEL_ERROR, "no mail can be taken until this is mended: %s", line);
	}
	return open_listeners(service, error);
}

static void finish(struct service *service)
{
	for (size_t i = 0; i < service->refused_count; i++)
		release(service->refused[i]);
	workers_finish(&service->workers);
	clients_finish(&service->clients);
	close_listeners(service);
	worker_parent_finish(&service->parent);
	deconfigure(service);
	file_close(&service->signals);
	free(service->socket_path);
}

int serve_run(const struct serve_options *options)
{
	struct service *service = memory_allocate(sizeof *service);
	struct error error;
	int status = 0;

	service->options = options;
	int outcome = start(service, &error);
	if (outcome < 0) {
		char line[900];

		error_line(&error, line, sizeof line);
		log_event(LOG_LEVEL_ERROR, "%s", line);
		status = (int)error.kind;
	}
	if (outcome == 0) {
		if (sandbox_landlock_version() == 0)
			log_event(LOG_LEVEL_WARNING,
			    "this kernel has no Landlock: workers are confined by seccomp alone");
		log_event(LOG_LEVEL_INFO, "ready%s%s", service->socket_path != NULL ? " at " : "",
		    service->socket_path != NULL ? service->socket_path : "");
		listen_notify("READY=1");
	}
	if (options->ready_fd >= 0)
		(void)close(options->ready_fd);
	if (outcome == 0)
		run(service);
	finish(service);
	free(service);
	return status;
}
