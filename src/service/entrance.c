/* SPDX-License-Identifier: MIT */

#include "service/entrance.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "net/listen.h"
#include "service/setup.h"

static const struct config no_config = { 0 };

enum {
	AT_ONCE = 64, /* clients that are let in before the rest of the service has its turn */
	TELL_PAUSE = 10000, /* milliseconds between two lines about clients turned away */
};

static void start_client(struct service *service, const struct admission_guest *guest)
{
	bool is_configured = service->is_configured;
	enum config_wait wait = is_configured ? service->config.wait : CONFIG_WAIT_DISK;
	struct reception_settings settings = {
		.config = is_configured ? &service->config : &no_config,
		.fault = is_configured ? NULL : &service->fault,
		.queue_directory = is_configured ? service->spool.queue : -1,
		.way = is_configured ? service->way : "service",
		.waits_by_default = wait == CONFIG_WAIT_OUTCOME ||
				    (wait == CONFIG_WAIT_AUTO && service->options->on_demand),
		.uid = guest->uid,
		.root_counts = !guest->is_shared,
	};
	struct error error;

	if (clients_start(&service->clients, guest->connection, &settings, &error) < 0)
		service_log_error("", &error);
	else
		admission_enter(&service->admission, guest->uid);
}

/* Whoever floods the service must not flood its log. */
static void log_turned_away(struct service *service, int64_t uid, const char *why)
{
	int64_t now = clock_monotonic();

	service->turned_away++;
	if (service->told_at != 0 && now < service->told_at + TELL_PAUSE)
		return;
	log_event(LOG_LEVEL_WARNING, "clients turned away: %u, the last one of uid=%lld: %s",
	    service->turned_away, (long long)uid, why);
	service->turned_away = 0;
	service->told_at = now;
}

/* It fits in the socket, or is lost with the connection. */
static void turn_away(struct service *service, struct admission_guest *guest)
{
	char words[300];
	char why[240];

	admission_explain(&service->admission, guest->uid, why, sizeof why);
	int length = snprintf(words, sizeof words, "421 4.3.2 %s; try again in a moment\r\n", why);
	(void)send(guest->connection, words, (size_t)length, MSG_NOSIGNAL | MSG_DONTWAIT);
	file_close(&guest->connection);
	log_turned_away(service, guest->uid, why);
}

static void let_in(struct service *service, struct admission_guest *guest)
{
	struct admission_guest refused;

	switch (admission_arrive(&service->admission, guest, &refused)) {
	case ADMISSION_NOW:
		start_client(service, guest);
		break;
	case ADMISSION_WAITS:
		break;
	case ADMISSION_NEVER:
		turn_away(service, &refused);
		break;
	}
}

static bool accept_one(struct service *service)
{
	struct admission_guest guest = { .came_at = clock_monotonic() };

	guest.connection = listeners_accept(&service->listeners, &guest.is_shared);
	if (guest.connection < 0)
		return false;
	if (service->is_configured)
		setup_look_soon(service);
	else
		setup_again(service);
	guest.uid = listen_peer_uid(guest.connection);
	guest.is_administrator = queue_viewer_of(guest.uid, !guest.is_shared).sees_all;
	let_in(service, &guest);
	return true;
}

static void serve_waiting(struct service *service)
{
	struct admission_guest guest;

	admission_limit(&service->admission,
	    service->is_configured ? &service->config.limits : &config_default_limits);
	admission_forget_gone(&service->admission);
	while (admission_take(&service->admission, &guest))
		start_client(service, &guest);
	while (admission_take_late(&service->admission, clock_monotonic(), &guest))
		turn_away(service, &guest);
}

void entrance_accept(struct service *service)
{
	/* So that nobody who comes now finds less than what those before him have taken. */
	entrance_show(service);
	serve_waiting(service);
	for (int i = 0; i < AT_ONCE && accept_one(service); i++)
		continue;
}

void entrance_drain(struct service *service)
{
	serve_waiting(service);
	while (accept_one(service))
		continue;
}

void entrance_dismiss(struct service *service)
{
	struct admission_guest guest;

	while (admission_take_any(&service->admission, &guest))
		turn_away(service, &guest);
}

static bool is_wanted(void *context, int64_t uid)
{
	const struct service *service = context;

	return admission_wants(&service->admission, uid);
}

void entrance_show(struct service *service)
{
	board_show(service->clients.board, &service->runner.usage, is_wanted, service);
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

int entrance_open_in_spool(struct service *service, struct error *error)
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

int entrance_open(struct service *service, struct error *error)
{
	if (service->listeners.count == 0 && !service->options->on_demand &&
	    listen_for_all(service, error) < 0)
		return -1;
	return service->is_configured ? entrance_open_in_spool(service, error) : 0;
}
