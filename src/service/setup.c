/* SPDX-License-Identifier: MIT */

#include "service/setup.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "config/digest.h"
#include "config/host.h"
#include "config/stamp.h"
#include "service/capture.h"
#include "service/entrance.h"
#include "service/events.h"
#include "service/openness.h"
#include "service/owner.h"
#include "service/predecessor.h"
#include "spool/medium.h"

enum {
	LOCK_PATIENCE = 2000,	    /* milliseconds */
	DISMISSED_PATIENCE = 10000, /* more than such a service takes to end its deliveries */
	LOCK_PAUSE = 20,
	LOOK_PAUSE = 200,    /* a thousand messages tried anew are one wish */
	DUE_PAUSE = 1000,    /* between two looks that nobody wished for */
	FAULT_PAUSE = 10000, /* and as long as each of them says what is wrong */
};

static const struct spool no_spool = { .directory = -1, .queue = -1, .lock = -1 };

void setup_init(struct service *service)
{
	service->spool = no_spool;
	runner_init(&service->runner, NULL, NULL, NULL, NULL);
}

void setup_finish(struct service *service)
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
	log_give_to(uid, gid);
	return owner_become(service->config.spool, error);
}

static void tell_doubt(const struct service *service)
{
	const char *doubt = medium_doubt(service->spool.directory);

	if (doubt != NULL)
		log_event(LOG_LEVEL_WARNING, "the spool %s %s", service->config.spool, doubt);
}

/*
 * A predecessor that was killed with all its children may need a moment to be
 * gone, and one that a sendmail started makes room.  Whoever comes on demand
 * finds its predecessor's socket instead.
 */
static int lock_spool(struct service *service, struct error *error)
{
	int locked = spool_lock(&service->spool, error);
	int64_t patience = LOCK_PATIENCE;

	if (locked != 1 || service->options->on_demand)
		return locked;
	if (predecessor_dismiss(service->config.spool)) {
		log_event(
		    LOG_LEVEL_INFO, "takes the place of the service that was started on demand");
		patience = DISMISSED_PATIENCE;
	}
	int64_t until = clock_deadline(patience);
	while (locked == 1 && clock_monotonic() < until) {
		(void)poll(NULL, 0, LOCK_PAUSE);
		locked = spool_lock(&service->spool, error);
	}
	return locked;
}

/* 0: ours; 1: another service owns the spool; -1. */
static int take_spool(struct service *service, struct error *error)
{
	if (become_owner(service, error) < 0 ||
	    spool_open(&service->spool, service->config.spool, true, error) < 0)
		return -1;
	int locked = lock_spool(service, error);
	if (locked == 1) {
		char holder[SPOOL_HOLDER_SIZE];

		spool_holder(&service->spool, holder);
		error_set(error, ERROR_UNAVAILABLE, "4.3.2",
		    "another service owns the spool %s: %s", service->config.spool, holder);
		error_next(error, "end that one, or give this one a spool of its own");
		return 1;
	}
	if (locked < 0 || spool_sweep(&service->spool, error) < 0)
		return -1;
	tell_doubt(service);
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

/* A file may have been moved away by who rotates logs. */
static void open_log(const struct service *service)
{
	log_set_json(service->config.log_is_json);
	(void)log_open("mailchute", service->config.log_to);
}

/* Whoever misses his mail looks here. */
static void tell_capture(const struct config *config)
{
	if (capture_is_on(config))
		log_event(LOG_LEVEL_WARNING,
		    "capture is on: all mail is kept in the Maildir %s, and none is sent",
		    config->capture);
}

/* The first one is said with what becomes of it. */
static void log_other(void *context, const struct error *fault)
{
	size_t *count = context;
	char line[900];

	if ((*count)++ == 0)
		return;
	error_line(fault, line, sizeof line);
	log_event(LOG_LEVEL_ERROR, "settings: %s", line);
}

static int load(const struct service *service, struct config *config, struct error *error)
{
	/* Without settings they are looked for at every client: said once is enough. */
	bool is_first = service->is_configured || service->fault.kind == ERROR_NONE;
	size_t count = 0;

	return config_load_telling(
	    &service->options->sources, config, is_first ? log_other : NULL, &count, error);
}

int setup_run(struct service *service, struct error *error)
{
	if (load(service, &service->config, error) < 0)
		return -1;
	capture_complete(&service->config);
	open_log(service);
	runner_init(&service->runner, &service->config, &service->spool, &service->clients,
	    &service->parent);
	service->runner.workers.is_verbose = service->options->is_verbose;
	name_way(service);
	if (service->config.smarthost_count == 0) {
		config_no_smarthost(&service->config, error);
		setup_finish(service);
		return -1;
	}
	int outcome = take_spool(service, error);
	if (outcome != 0) {
		setup_finish(service);
		return outcome;
	}
	service->is_configured = true;
	tell_capture(&service->config);
	openness_tell(&service->config);
	return 0;
}

/* Where the administrator's commands find us, as if we had started with a configuration. */
static void open_in_spool(struct service *service)
{
	struct error error;

	if (!service->is_ending && entrance_open_in_spool(service, &error) < 0)
		service_log_error("", &error);
}

void setup_again(struct service *service)
{
	if (service->is_configured)
		return;
	int outcome = setup_run(service, &service->fault);
	clients_renew(&service->clients);
	if (outcome != 0)
		return;
	log_event(
	    LOG_LEVEL_INFO, "the configuration is complete now, spool %s", service->config.spool);
	open_in_spool(service);
}

/* 0: new is whole, and we could go on with it. */
static int load_again(struct service *service, struct config *new, struct error *error)
{
	if (load(service, new, error) < 0)
		return -1;
	capture_complete(new);
	if (new->smarthost_count != 0)
		return 0;
	config_no_smarthost(new, error);
	config_finish(new);
	return -1;
}

/* The files that wait are in the old one, and others find us by its socket. */
static void keep_spool(const struct service *service, struct config *new)
{
	char *asked = new->spool;

	if (strcmp(asked, service->config.spool) == 0)
		return;
	log_event(LOG_LEVEL_WARNING,
	    "queue { dir = \"%s\" } counts from the next start on; until then the spool is %s, and "
	    "what waits there then stays there",
	    asked, service->config.spool);
	new->spool = memory_copy_string(service->config.spool);
	free(asked);
}

static void take_settings(struct service *service, const struct config *new)
{
	config_finish(&service->config);
	service->config = *new;
	name_way(service);
	open_log(service);
	runner_forget(&service->runner);
	events_settings_read();
	tell_capture(&service->config);
}

/* Those that could not be used are told of. */
static void keep_settings(struct service *service, const struct error *error)
{
	char line[900];

	service->has_old_settings = true;
	error_line(error, line, sizeof line);
	events_settings_kept(line);
}

void setup_reload(struct service *service)
{
	struct config new;
	struct error error;

	host_forget();
	clients_renew(&service->clients);
	if (!service->is_configured) {
		setup_again(service);
		if (!service->is_configured)
			service_log_error("still no mail can be taken: ", &service->fault);
		return;
	}
	if (load_again(service, &new, &error) < 0) {
		open_log(service);
		keep_settings(service, &error);
		return;
	}
	service->has_old_settings = false;
	keep_spool(service, &new);
	take_settings(service, &new);
}

/* Of what says where mail goes, and as whom. */
static bool is_other(const struct config *config, const struct config *new)
{
	char before[DIGEST_SIZE];
	char after[DIGEST_SIZE];

	digest_of(config, before);
	digest_of(new, after);
	return strcmp(before, after) != 0;
}

static void look(struct service *service)
{
	uint64_t stamp = stamp_of(&service->config);
	struct config new;
	struct error error;

	if (!service->has_old_settings && stamp != 0 && stamp == service->stamp)
		return;
	if (load_again(service, &new, &error) < 0) {
		keep_settings(service, &error);
		return;
	}
	service->has_old_settings = false;
	service->stamp = stamp;
	if (!is_other(&service->config, &new)) {
		config_finish(&new);
		return;
	}
	clients_renew(&service->clients);
	keep_spool(service, &new);
	take_settings(service, &new);
}

void setup_look(struct service *service)
{
	if (!service->wants_look || setup_look_at(service) > clock_monotonic())
		return;
	service->wants_look = false;
	service->looked_at = clock_monotonic();
	if (service->is_configured)
		look(service);
	else
		setup_again(service);
}

void setup_look_soon(struct service *service)
{
	int64_t pause = service->has_old_settings ? FAULT_PAUSE : DUE_PAUSE;

	if (service->looked_at != 0 && clock_monotonic() < service->looked_at + pause)
		return;
	service->wants_look = true;
	setup_look(service);
}

void setup_look_due(struct service *service)
{
	if (service->is_configured && runner_deadline(&service->runner) <= clock_monotonic())
		setup_look_soon(service);
}

int64_t setup_look_at(const struct service *service)
{
	if (!service->wants_look)
		return CLOCK_NEVER;
	return service->looked_at != 0 ? service->looked_at + LOOK_PAUSE : 0;
}
