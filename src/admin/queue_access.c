/* SPDX-License-Identifier: MIT */

#include "admin/queue_access.h"

#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "service/owner.h"

int queue_access_begin(struct queue_access *access, struct error *error)
{
	const struct config_sources sources = { 0 };
	struct stat status;

	access->spool = (struct spool){ .directory = -1, .queue = -1, .lock = -1 };
	access->uid = (int64_t)geteuid();
	if (config_load(&sources, &access->config, error) < 0)
		return -1;
	access->has_spool = lstat(access->config.spool, &status) == 0;
	access->is_ours = access->has_spool &&
			  (access->uid == 0 || access->uid == (int64_t)status.st_uid);
	return 0;
}

int queue_access_ask(const struct queue_access *access, const char *command, query_line *take,
    void *context, struct reply *reply, struct error *error)
{
	if (!access->is_ours)
		return query_run_listening(command, take, context, reply, error);
	char *path CLEANUP(memory_free_string) = memory_format(
	    "%s/submit.sock", access->config.spool);
	return query_run_at(path, command, take, context, reply, error);
}

/* That nothing waits is not to be said to those who cannot know. */
static int refuse(const struct queue_access *access, struct error *error)
{
	if (!access->has_spool)
		error_set(error, ERROR_UNAVAILABLE, "4.3.2",
		    "no service answers, and there is no spool %s", access->config.spool);
	else
		error_set(error, ERROR_UNAVAILABLE, "4.3.2",
		    "no service answers, and the spool %s is not this user's",
		    access->config.spool);
	return error_next(error, "start the service: systemctl start mailchute.socket, or "
				 "mailchute serve");
}

int queue_access_lock(struct queue_access *access, struct error *error)
{
	if (!access->is_ours)
		return refuse(access, error);
	/* What is removed is logged where a service would. */
	log_set_json(access->config.log_is_json);
	(void)log_open("mailchute", access->config.log_to);
	if (owner_become(access->config.spool, error) < 0 ||
	    spool_open(&access->spool, access->config.spool, false, error) < 0)
		return -1;
	int locked = spool_lock(&access->spool, error);
	if (locked != 1)
		return locked;
	spool_finish(&access->spool);
	error_set(error, ERROR_UNAVAILABLE, "4.3.2",
	    "a service owns the spool %s, and nobody answers at %s/submit.sock",
	    access->config.spool, access->config.spool);
	(void)error_next(error, "wait a moment if it is just starting; else restart it");
	return 1;
}

void queue_access_finish(struct queue_access *access)
{
	spool_finish(&access->spool);
	config_finish(&access->config);
}
