/* SPDX-License-Identifier: MIT */

#include "service/serve.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/process.h"
#include "base/text.h"
#include "config/digest.h"
#include "net/listen.h"
#include "service/changes.h"
#include "service/clients.h"
#include "service/flushes.h"
#include "service/inquirer.h"
#include "service/listeners.h"
#include "service/owner.h"
#include "service/runner.h"
#include "spool/spool.h"
#include "worker/sandbox.h"

enum {
	LEAVE_TIMEOUT = 3000, /* milliseconds for deliveries that run when we are told to end */
	POLLS = 2 + LISTENERS_LIMIT + CLIENTS_LIMIT + WORKERS_LIMIT,
};

struct service {
	const struct serve_options *options;
	struct worker_parent parent;
	struct config config;
	char way[40];	    /* in the greeting: "service 0123456789abcdef" */
	bool is_configured; /* the configuration could be read, the spool is ours */
	struct error fault; /* why not */
	struct spool spool;
	struct runner runner;
	struct clients clients;
	struct flushes flushes;
	struct listeners listeners;
	int signals;
	int status; /* to exit with */
	bool is_ending;
	int64_t idle_since; /* clock_monotonic */
};

static void log_error(const char *words, const struct error *error)
{
	char line[900];

	error_line(error, line, sizeof line);
	log_event(LOG_LEVEL_ERROR, "%s%s", words, line);
}

/* ---- what receive processes tell ---- */

static void queued(void *context, const char *id, bool is_later)
{
	struct service *service = context;

	runner_add(&service->runner, id, is_later);
}

static void settled(void *context, const char *id, bool answers)
{
	struct service *service = context;

	runner_settle(&service->runner, id, answers);
}

/* Those who may flush all share one place: they mean the same queue. */
static bool flushed(void *context, const struct queue_viewer *viewer, int64_t *ago)
{
	struct service *service = context;

	*ago = 0;
	/* A receive process asks for those alone whom the kernel names, unless it lies. */
	if (viewer->uid < 0)
		return false;
	if (!flushes_begin(
		&service->flushes, viewer->sees_all ? -1 : viewer->uid, clock_monotonic(), ago))
		return false;
	log_event(LOG_LEVEL_INFO, "uid %lld has %s tried now", (long long)viewer->uid,
	    viewer->sees_all ? "all that waits" : "its waiting mail");
	if (viewer->sees_all)
		runner_hasten(&service->runner, NULL, 0);
	return true;
}

static void due(void *context, const char (*ids)[QUEUE_ID_SIZE], size_t count)
{
	struct service *service = context;

	runner_hasten(&service->runner, ids, count);
}

static const struct config_smarthost *find_smarthost(const struct config *config, const char *name)
{
	for (size_t i = 0; i < config->smarthost_count; i++)
		if (strcmp(config->smarthosts[i].parameters.name, name) == 0)
			return &config->smarthosts[i];
	return NULL;
}

/* The client is of an older service, if it knows a smarthost that we do not. */
static int start_inquiry(
    struct service *service, const char *name, struct channel *worker, struct error *error)
{
	const struct config_smarthost *smarthost = find_smarthost(&service->config, name);

	if (smarthost == NULL)
		return error_set(
		    error, ERROR_CONFIG, "4.3.5", "there is no smarthost \"%s\" any more", name);
	return inquirer_start(&service->parent, &service->config, smarthost, worker, error);
}

static void asked(void *context, struct channel *client, const char *smarthost)
{
	struct service *service = context;
	struct channel worker CLEANUP(channel_finish) = { .fd = -1 };
	struct notice notice = { .kind = NOTICE_WORKER, .id = NOTICE_NO_ID };
	struct error error;

	if (start_inquiry(service, smarthost, &worker, &error) < 0) {
		text_copy(notice.status, sizeof notice.status, error.status);
		error_line(&error, notice.text, sizeof notice.text);
	}
	/* A client that is gone shows at its channel's end, and the worker ends with ours. */
	(void)notice_send_descriptor(client, &notice, worker.fd);
}

static void changed(void *context, const struct queue_viewer *viewer, const char *id,
    enum queue_verb verb, struct queue_change *change)
{
	struct service *service = context;

	if (service->is_configured)
		changes_make(&service->runner, viewer, id, verb, change);
}

static void counted(
    void *context, const char (*ids)[QUEUE_ID_SIZE], size_t count, struct queue_counts *counts)
{
	const struct service *service = context;

	if (service->is_configured)
		changes_count(&service->runner, ids, count, counts);
}

/* ---- settings and spool ---- */

static const struct spool no_spool = { .directory = -1, .queue = -1, .lock = -1 };

static void deconfigure(struct service *service)
{
	runner_finish(&service->runner);
	spool_finish(&service->spool);
	service->spool = no_spool;
	config_finish(&service->config);
	service->is_configured = false;
}

/* The workers too: they speak to the network as the owner of the spool. */
static int become_owner(struct service *service, struct error *error)
{
	uid_t uid;
	gid_t gid;

	if (!owner_is_another(service->config.spool, &uid, &gid))
		return 0;
	if (worker_parent_become(&service->parent, uid, gid, error) < 0)
		return -1;
	return owner_become(service->config.spool, error);
}

/* 0: ours; 1: another service owns the spool; -1. */
static int take_spool(struct service *service, struct error *error)
{
	if (become_owner(service, error) < 0 ||
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
	return runner_scan(&service->runner, error);
}

/* The name in our greeting that tells a caller with settings of its own whether they are ours. */
static void name_way(struct service *service)
{
	char digest[DIGEST_SIZE];

	digest_of(&service->config, digest);
	snprintf(service->way, sizeof service->way, "%s %s",
	    service->options->on_demand ? "spool" : "service", digest);
}

/* Reads the settings and takes the spool.  1: another service has it. */
static int configure(struct service *service, struct error *error)
{
	if (config_load(&service->options->sources, &service->config, error) < 0)
		return -1;
	(void)log_open("mailchute", service->config.log_to);
	runner_init(&service->runner, &service->config, &service->spool, &service->clients,
	    &service->parent);
	service->runner.workers.is_verbose = service->options->is_verbose;
	name_way(service);
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

	if (!service->is_configured) {
		configure_again(service);
		return;
	}
	if (config_load(&service->options->sources, &config, &error) < 0) {
		log_error("the old configuration stays in force: ", &error);
		return;
	}
	config_finish(&service->config);
	service->config = config;
	name_way(service);
	/* The file may have been moved away by who rotates logs. */
	(void)log_open("mailchute", service->config.log_to);
	runner_forget(&service->runner);
	log_event(LOG_LEVEL_INFO, "configuration read anew");
}

/* ---- clients ---- */

static const struct config no_config = { 0 };

static void start_client(struct service *service, int connection, bool is_shared)
{
	bool is_configured = service->is_configured;
	enum config_wait wait = is_configured ? service->config.wait : CONFIG_WAIT_DISK;
	struct clients_settings settings = {
		.config = is_configured ? &service->config : &no_config,
		.fault = is_configured ? NULL : &service->fault,
		.queue_directory = is_configured ? service->spool.queue : -1,
		.way = is_configured ? service->way : "service",
		.waits_by_default = wait == CONFIG_WAIT_OUTCOME ||
				    (wait == CONFIG_WAIT_AUTO && service->options->on_demand),
		.root_counts = !is_shared,
	};
	struct error error;

	if (clients_start(&service->clients, connection, &settings, &error) < 0)
		log_error("", &error);
}

static void accept_clients(struct service *service)
{
	int connection;
	bool is_shared;

	while ((connection = listeners_accept(&service->listeners, &is_shared)) >= 0) {
		configure_again(service);
		if (service->clients.count == CLIENTS_LIMIT)
			clients_refuse(connection);
		else
			start_client(service, connection, is_shared);
	}
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

/* For callers of our own uid and root, who look there when they bring their own settings. */
static int listen_in_spool(struct service *service, struct error *error)
{
	char *path CLEANUP(memory_free_string) = memory_format(
	    "%s/submit.sock", service->config.spool);

	return listeners_add(&service->listeners, path, 0600, error);
}

static int listen_for_all(struct service *service, struct error *error)
{
	const char *named = service->options->listen;

	if (named != NULL && named[0] != '\0') {
		if (listeners_add(&service->listeners, named, 0666, error) < 0)
			return -1;
		listeners_share(&service->listeners);
		return 0;
	}
	named = getenv("MAILCHUTE_SOCKET");
	if (named != NULL && named[0] != '\0')
		return listeners_add(&service->listeners, named, 0666, error);
	make_socket_directory(MAILCHUTE_SOCKET_PATH);
	if (listeners_add(&service->listeners, MAILCHUTE_SOCKET_PATH, 0666, error) == 0)
		return 0;
	if (!service->is_configured)
		return -1;
	log_event(LOG_LEVEL_WARNING, "%s; listening in the spool alone", error->text);
	return 0;
}

static int open_listeners(struct service *service, struct error *error)
{
	if (listeners_inherit(&service->listeners) == 0 && !service->options->on_demand &&
	    listen_for_all(service, error) < 0)
		return -1;
	return service->is_configured ? listen_in_spool(service, error) : 0;
}

/* ---- the loop ---- */

/* When something is to be done without any input, by the monotonic clock. */
static int64_t next_deadline(const struct service *service, int64_t leave_at)
{
	int64_t deadline = clock_earlier(leave_at, listeners_deadline(&service->listeners));

	if (service->is_configured)
		deadline = clock_earlier(deadline, runner_deadline(&service->runner));
	if (service->options->on_demand && service->idle_since != CLOCK_NEVER)
		deadline = clock_earlier(deadline, service->idle_since + SERVE_IDLE);
	return deadline;
}

static void handle_signals(struct service *service)
{
	struct signalfd_siginfo info;

	while (read(service->signals, &info, sizeof info) == (ssize_t)sizeof info) {
		if (info.ssi_signo == SIGHUP)
			reload(service);
		else
			service->is_ending = true;
	}
}

/* It has nothing to say but its end; without it nothing can be delivered any more. */
static void watch_parent(struct service *service, short events)
{
	if (events == 0 || service->is_ending)
		return;
	log_event(LOG_LEVEL_ERROR,
	    "the parent of the delivery workers is gone; this service ends, so that a new one "
	    "delivers");
	service->status = ERROR_SYSTEM;
	service->is_ending = true;
}

static void wait_for_events(struct service *service, int64_t deadline)
{
	struct pollfd polls[POLLS];
	size_t count = 2;

	polls[0] = (struct pollfd){ .fd = service->signals, .events = POLLIN };
	polls[1] = (struct pollfd){ .fd = service->parent.channel.fd, .events = POLLIN };
	count += listeners_poll(&service->listeners, polls + count);
	count += clients_poll(&service->clients, polls + count);
	if (service->is_configured)
		count += runner_poll(&service->runner, polls + count);
	if (poll(polls, count, clock_poll_timeout(deadline)) > 0)
		watch_parent(service, polls[1].revents);
}

static bool is_idle(const struct service *service)
{
	return service->clients.count == 0 && runner_is_idle(&service->runner);
}

static void note_idleness(struct service *service)
{
	if (!is_idle(service))
		service->idle_since = CLOCK_NEVER;
	else if (service->idle_since == CLOCK_NEVER)
		service->idle_since = clock_monotonic();
}

static void step(struct service *service, int64_t leave_at)
{
	runner_begin_due(&service->runner);
	note_idleness(service);
	wait_for_events(service, next_deadline(service, leave_at));
	handle_signals(service);
	accept_clients(service);
	clients_step(&service->clients);
	if (service->is_configured)
		runner_step(&service->runner);
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
	listeners_remove_names(&service->listeners);
	accept_clients(service);
	if (runner_scan(&service->runner, &error) == 0 && is_idle(service)) {
		listeners_close(&service->listeners);
		return true;
	}
	listeners_close(&service->listeners);
	if (listen_in_spool(service, &error) < 0)
		log_error("", &error);
	return false;
}

/* Deliveries that run are finished, or left as they stand in their files. */
static void wind_down(struct service *service)
{
	int64_t leave_at = clock_deadline(LEAVE_TIMEOUT);

	service->is_ending = true;
	service->runner.is_ending = true;
	if (service->is_configured)
		workers_leave(&service->runner.workers);
	listen_notify("STOPPING=1");
	listeners_remove_names(&service->listeners);
	accept_clients(service);
	listeners_close(&service->listeners);
	while (runner_is_busy(&service->runner) && clock_monotonic() < leave_at)
		step(service, leave_at);
	if (service->is_configured)
		workers_abandon(&service->runner.workers);
}

/*
 * A receive process whose client came while the lock was still held has kept
 * its mail and found nobody to tell.  True: there is such mail, and the spool
 * is ours again.
 */
static bool must_stay(struct service *service)
{
	struct error error;

	if (!service->options->on_demand || service->is_ending)
		return false;
	spool_unlock(&service->spool);
	if (runner_scan(&service->runner, &error) < 0 || runner_is_idle(&service->runner) ||
	    spool_lock(&service->spool, &error) != 0)
		return false;
	return listen_in_spool(service, &error) == 0;
}

static void run(struct service *service)
{
	do {
		while (!service->is_ending && !may_leave(service))
			step(service, CLOCK_NEVER);
	} while (must_stay(service));
	wind_down(service);
	log_event(LOG_LEVEL_INFO, "ended");
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
	runner_init(&service->runner, NULL, NULL, NULL, NULL);
	clients_init(&service->clients);
	service->clients.queued = queued;
	service->clients.settled = settled;
	service->clients.flushed = flushed;
	service->clients.due = due;
	service->clients.asked = asked;
	service->clients.changed = changed;
	service->clients.counted = counted;
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
	if (outcome < 0)
		log_error("no mail can be taken until this is mended: ", &service->fault);
	return open_listeners(service, error);
}

static void finish(struct service *service)
{
	clients_finish(&service->clients);
	listeners_close(&service->listeners);
	/* With it go the workers, before the lock of the spool does. */
	worker_parent_finish(&service->parent);
	deconfigure(service);
	file_close(&service->signals);
}

static void tell_ready(const struct service *service)
{
	const char *path = listeners_path(&service->listeners);

	log_event(
	    LOG_LEVEL_INFO, "ready%s%s", path != NULL ? " at " : "", path != NULL ? path : "");
	if (sandbox_landlock_version() == 0)
		log_event(LOG_LEVEL_WARNING,
		    "this kernel has no Landlock: workers are confined by seccomp alone");
	listen_notify("READY=1");
}

/* To the log, and to the for_caller that started us. */
static void tell_failure(const struct serve_options *options, const struct error *error)
{
	char line[900];

	error_line(error, line, sizeof line);
	log_event(LOG_LEVEL_ERROR, "%s", line);
	if (options->ready_fd >= 0)
		dprintf(options->ready_fd, "%d %s", (int)error->kind, line);
}

int serve_run(const struct serve_options *options)
{
	struct service *service = memory_allocate(sizeof *service);
	struct error error;

	service->options = options;
	int outcome = start(service, &error);
	if (outcome < 0) {
		tell_failure(options, &error);
		service->status = (int)error.kind;
	}
	if (outcome == 0)
		tell_ready(service);
	if (options->ready_fd >= 0)
		(void)close(options->ready_fd);
	if (outcome == 0)
		run(service);
	finish(service);
	int status = service->status;
	free(service);
	return status;
}
