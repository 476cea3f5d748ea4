/* SPDX-License-Identifier: MIT */

#include "service/serve.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "service/condition.h"
#include "service/entrance.h"
#include "service/events.h"
#include "service/leaving.h"
#include "service/service.h"
#include "service/setup.h"
#include "service/wishes.h"
#include "worker/sandbox.h"

enum {
	LEAVE_TIMEOUT = 3000, /* milliseconds for deliveries that run when we are told to end */
	POLLS = 2 + LISTENERS_LIMIT + ADMISSION_WAITING + CLIENTS_LIMIT + WORKERS_LIMIT,
};

/* When something is to be done without any input, by the monotonic clock. */
static int64_t next_deadline(const struct service *service, int64_t leave_at)
{
	int64_t deadline = clock_earlier(leave_at, listeners_deadline(&service->listeners));

	if (service->is_configured)
		deadline = clock_earlier(deadline, runner_deadline(&service->runner));
	deadline = clock_earlier(deadline, admission_deadline(&service->admission));
	deadline = clock_earlier(deadline, clients_deadline(&service->clients));
	deadline = clock_earlier(deadline, notify_deadline(&service->notify));
	deadline = clock_earlier(deadline, setup_look_at(service));
	return clock_earlier(deadline, leaving_deadline(service));
}

static void reload(struct service *service)
{
	notify_reloading(&service->notify);
	setup_reload(service);
	notify_ready(&service->notify);
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
	count += admission_poll(&service->admission, polls + count);
	count += clients_poll(&service->clients, polls + count);
	if (service->is_configured)
		count += runner_poll(&service->runner, polls + count);
	if (poll(polls, count, clock_poll_timeout(deadline)) > 0)
		watch_parent(service, polls[1].revents);
}

static void tell_manager(struct service *service)
{
	char text[NOTIFY_STATUS_SIZE];

	notify_alive(&service->notify);
	if (!notify_wants_status(&service->notify))
		return;
	condition_describe(service, text);
	notify_status(&service->notify, text);
}

static void step(struct service *service, int64_t leave_at)
{
	setup_look_due(service);
	if (service->is_configured)
		runner_begin_due(&service->runner);
	leaving_note(service);
	tell_manager(service);
	/* What has just been removed counts no more for who comes while we wait. */
	entrance_show(service);
	wait_for_events(service, next_deadline(service, leave_at));
	if (service->is_configured)
		runner_follow_clock(&service->runner);
	handle_signals(service);
	/* In this order: who leaves makes room for who waits. */
	clients_step(&service->clients);
	setup_look(service);
	entrance_accept(service);
	if (service->is_configured)
		runner_step(&service->runner);
}

/* Deliveries that run are finished, or left as they stand in their files. */
static void wind_down(struct service *service)
{
	int64_t leave_at = clock_deadline(LEAVE_TIMEOUT);

	service->is_ending = true;
	service->runner.is_ending = true;
	if (service->is_configured)
		workers_leave(&service->runner.workers);
	notify_stopping(&service->notify);
	listeners_remove_names(&service->listeners);
	entrance_drain(service);
	listeners_close(&service->listeners);
	while (runner_is_busy(&service->runner) && clock_monotonic() < leave_at)
		step(service, leave_at);
	if (service->is_configured && workers_busy_count(&service->runner.workers) != 0) {
		worker_parent_kill(&service->parent);
		workers_abandon(&service->runner.workers);
	}
	entrance_dismiss(service);
}

static void run(struct service *service)
{
	do {
		while (!service->is_ending && !leaving_may(service))
			step(service, CLOCK_NEVER);
	} while (leaving_must_stay(service));
	wind_down(service);
	events_ended();
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

/*
 * Without settings it goes on, and tells each client why.  Without a spool too,
 * where systemd listens: that would start it over and over, and who comes
 * meanwhile would hear nothing.
 */
static bool may_stay(const struct service *service)
{
	return !service->options->on_demand &&
	       (service->fault.kind == ERROR_CONFIG || service->listeners.count != 0);
}

/* Settings, spool, sockets.  0; 1: another service is there and that is fine; -1. */
static int start(struct service *service, struct error *error)
{
	service->signals = -1;
	notify_init(&service->notify);
	setup_init(service);
	service->idle_since = CLOCK_NEVER;

	/* Before any secret is read, so that no worker inherits one; nor the board. */
	if (worker_parent_start(&service->parent, error) < 0)
		return -1;
	(void)listeners_inherit(&service->listeners);
	clients_init(&service->clients);
	wishes_connect(service);
	service->signals = watch_signals(error);
	if (service->signals < 0)
		return -1;
	int outcome = setup_run(service, &service->fault);
	*error = service->fault;
	if (outcome == 1)
		return service->options->on_demand ? 1 : -1;
	if (outcome < 0 && !may_stay(service))
		return -1;
	if (outcome < 0)
		service_log_error("no mail can be taken until this is mended: ", &service->fault);
	return entrance_open(service, error);
}

static void finish(struct service *service)
{
	clients_finish(&service->clients);
	admission_finish(&service->admission);
	listeners_close(&service->listeners);
	/* With it go the workers, before the lock of the spool does. */
	worker_parent_finish(&service->parent);
	setup_finish(service);
	file_close(&service->signals);
}

static void tell_ready(struct service *service)
{
	events_ready(listeners_path(&service->listeners));
	if (sandbox_landlock_version() == 0)
		log_event(LOG_LEVEL_WARNING,
		    "this kernel has no Landlock: workers are confined by seccomp alone");
	notify_ready(&service->notify);
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
