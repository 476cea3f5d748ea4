/* SPDX-License-Identifier: MIT */

#include "service/wishes.h"

#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "service/changes.h"
#include "service/health_view.h"
#include "service/inquirer.h"

static void queued(void *context, const char *id, int64_t uid, uint64_t octets, bool is_later)
{
	struct service *service = context;

	runner_add(&service->runner, id, uid, octets, is_later);
}

static void left(void *context, int64_t uid)
{
	struct service *service = context;

	admission_leave(&service->admission, uid);
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
	if (viewer->sees_all) {
		runner_hasten(&service->runner, NULL, 0);
		service->wants_look = true;
	}
	return true;
}

static void due(void *context, const char (*ids)[QUEUE_ID_SIZE], size_t count)
{
	struct service *service = context;

	runner_hasten(&service->runner, ids, count);
}

/* The client is of an older service, if it knows a smarthost that we do not. */
static int start_inquiry(
    struct service *service, const char *name, struct channel *worker, struct error *error)
{
	const struct config_smarthost *smarthost = config_find_smarthost(&service->config, name);

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
	if (viewer->sees_all && (verb == QUEUE_RETRY || verb == QUEUE_RELEASE))
		service->wants_look = true;
}

static void counted(
    void *context, const char (*ids)[QUEUE_ID_SIZE], size_t count, struct queue_counts *counts)
{
	const struct service *service = context;

	if (service->is_configured)
		changes_count(&service->runner, ids, count, counts);
}

static void states(void *context, bool as_json, struct buffer *lines)
{
	const struct service *service = context;

	if (service->is_configured)
		health_view_write(
		    &service->runner.health, as_json, clock_monotonic(), clock_wall(), lines);
}

void wishes_connect(struct service *service)
{
	struct clients *clients = &service->clients;

	clients->usage = &service->runner.usage;
	clients->queued = queued;
	clients->left = left;
	clients->settled = settled;
	clients->flushed = flushed;
	clients->due = due;
	clients->asked = asked;
	clients->changed = changed;
	clients->counted = counted;
	clients->states = states;
	clients->context = service;
}
