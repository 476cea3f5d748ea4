/* SPDX-License-Identifier: MIT */

#include "service/entrance.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/log.h"
#include "base/memory.h"
#include "service/setup.h"

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
		service_log_error("", &error);
}

void entrance_accept(struct service *service)
{
	int connection;
	bool is_shared;

	while ((connection = listeners_accept(&service->listeners, &is_shared)) >= 0) {
		setup_again(service);
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
	if (listeners_inherit(&service->listeners) == 0 && !service->options->on_demand &&
	    listen_for_all(service, error) < 0)
		return -1;
	return service->is_configured ? entrance_open_in_spool(service, error) : 0;
}
