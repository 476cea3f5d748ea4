/* SPDX-License-Identifier: MIT */

/* What waits, for how long, and what it lies on. */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/memory.h"
#include "doctor/checks.h"
#include "doctor/guise.h"
#include "spool/listing.h"
#include "spool/medium.h"
#include "spool/queue_file.h"
#include "spool/space.h"
#include "spool/spool.h"

enum { LOOK_LIMIT = 20000 }; /* files that are opened to see whether they are held */

struct tally {
	size_t waiting;
	size_t held;
	int64_t oldest;			   /* milliseconds ago; 0: nothing waits */
	char reply[QUEUE_FILE_REPLY_SIZE]; /* the last words about the oldest */
};

static void count_one(struct tally *tally, int queue, const char *id)
{
	struct queue_summary summary;
	struct error error;

	if (queue_file_read_summary(queue, id, &summary, &error) != 0)
		return;
	if (summary.progress.is_held) {
		tally->held++;
		return;
	}
	tally->waiting++;
	if (tally->oldest != 0)
		return;
	tally->oldest = clock_wall() - queue_id_time(id);
	(void)snprintf(tally->reply, sizeof tally->reply, "%s", summary.progress.last_reply);
}

static void check_held(struct patient *patient, const struct tally *tally)
{
	if (tally->held == 0)
		return;
	finding_add(patient->findings, FINDING_YELLOW, "queue.held",
	    "%zu message%s held, to stay until released", tally->held,
	    tally->held == 1 ? " is" : "s are");
	finding_next(patient->findings, "mailchute queue; mailchute queue release ID");
}

static void check_waiting(struct patient *patient, const struct tally *tally)
{
	int64_t patience = patient->config.warn != 0 ? patient->config.warn
						     : patient->config.lifetime;
	char age[24];

	if (tally->waiting == 0) {
		finding_add(patient->findings, FINDING_GREEN, "queue.waiting",
		    "nothing waits in %s", patient->config.spool);
		return;
	}
	clock_format_duration(tally->oldest > 0 ? tally->oldest : 0, age);
	char *words CLEANUP(memory_free_string) = memory_format("%zu message%s, the oldest since "
								"%s%s%s",
	    tally->waiting, tally->waiting == 1 ? " waits" : "s wait", age,
	    tally->reply[0] != '\0' ? ": " : "", tally->reply);
	if (tally->oldest <= patience) {
		finding_add(patient->findings, FINDING_GREEN, "queue.waiting", "%s", words);
		return;
	}
	finding_add(patient->findings, FINDING_YELLOW, "queue.old", "%s", words);
	finding_next(patient->findings, "mailchute queue shows why; mend it, then: "
					"mailchute queue flush");
}

static void check_messages(struct patient *patient, const struct spool *spool)
{
	struct listing listing CLEANUP(listing_finish) = { 0 };
	struct tally tally = { 0 };
	struct error error;

	if (listing_read(&listing, spool->queue, &error) < 0) {
		finding_add_error(patient->findings, FINDING_RED, "queue.spool", &error);
		finding_suggest(patient->findings, "ls -ld %s", patient->config.spool);
		return;
	}
	for (size_t i = 0; i < listing.count && i < LOOK_LIMIT; i++)
		count_one(&tally, spool->queue, listing.ids[i]);
	if (listing.count > LOOK_LIMIT)
		tally.waiting += listing.count - LOOK_LIMIT;
	check_waiting(patient, &tally);
	check_held(patient, &tally);
}

/* What was attempted had been whole once: the disk has lost it (DESIGN 6). */
static void check_corrupt(struct patient *patient, const struct spool *spool)
{
	struct listing listing CLEANUP(listing_finish) = { 0 };
	int folder CLEANUP(file_close) = openat(
	    spool->directory, "corrupt", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct error error;
	size_t attempted = 0;

	if (folder < 0 || listing_read(&listing, folder, &error) < 0 || listing.count == 0)
		return;
	for (size_t i = 0; i < listing.count; i++) {
		struct queue_summary summary = { 0 };

		if (queue_file_read_summary(folder, listing.ids[i], &summary, &error) == 0 &&
		    (summary.progress.attempts != 0 || summary.progress.has_begun))
			attempted++;
	}
	if (attempted != 0)
		finding_add(patient->findings, FINDING_RED, "queue.damaged",
		    "%s/corrupt: %zu, whole once; this disk loses data", patient->config.spool,
		    attempted);
	else
		finding_add(patient->findings, FINDING_YELLOW, "queue.corrupt",
		    "%s/corrupt: %zu, not whole, and probably never acknowledged",
		    patient->config.spool, listing.count);
	finding_next(patient->findings,
	    "look at them, send again what matters, then remove them: "
	    "ls -l %s/corrupt",
	    patient->config.spool);
}

static void check_failed(struct patient *patient, const struct spool *spool)
{
	size_t failed = spool_count_failed(spool);

	if (failed == 0)
		return;
	finding_add(patient->findings, FINDING_YELLOW, "queue.failed",
	    "%zu message%s in %s/failed could not be sent, and nobody could be told", failed,
	    failed == 1 ? "" : "s", patient->config.spool);
	finding_next(patient->findings,
	    "ls -l %s/failed; and mend where reports go: alias \"root\" "
	    "{ to = { \"you@example.com\" } }",
	    patient->config.spool);
}

static void check_space(struct patient *patient, const struct spool *spool)
{
	const struct config_limits *limits = &patient->config.limits;
	const struct space_reserve reserve = { limits->reserve, limits->reserve_percent };
	const char *doubt = medium_doubt(spool->directory);
	struct error error;

	if (space_ask(spool->queue, &reserve, 0, &error) < 0) {
		finding_add_error(patient->findings, FINDING_RED, "queue.space", &error);
		finding_suggest(patient->findings, "make room: df -h %s", patient->config.spool);
	}
	if (doubt == NULL)
		return;
	finding_add(patient->findings, FINDING_YELLOW, "queue.medium", "the spool %s %s",
	    patient->config.spool, doubt);
	finding_next(
	    patient->findings, "mount a volume there, or: queue { dir = \"/a/folder/on/disk\" }");
}

/* Nothing has been there yet: the first service makes what is missing. */
static bool is_new(const struct patient *patient)
{
	const char *spool = patient->config.spool;
	char *queue CLEANUP(memory_free_string) = memory_format("%s/queue", spool);
	struct stat status;

	return lstat(queue, &status) < 0 && errno == ENOENT && lstat(spool, &status) == 0 &&
	       S_ISDIR(status.st_mode) && (status.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

static void look(struct patient *patient)
{
	struct spool spool CLEANUP(spool_finish) = { .directory = -1, .queue = -1, .lock = -1 };
	struct error error;

	if (is_new(patient)) {
		check_waiting(patient, &(struct tally){ 0 });
		return;
	}
	if (spool_open(&spool, patient->config.spool, false, &error) < 0) {
		finding_add_error(patient->findings, FINDING_RED, "queue.spool", &error);
		finding_suggest(patient->findings, "ls -ld %s", patient->config.spool);
		return;
	}
	check_messages(patient, &spool);
	check_corrupt(patient, &spool);
	check_failed(patient, &spool);
	check_space(patient, &spool);
}

void queue_check(struct patient *patient)
{
	struct guise guise CLEANUP(guise_take_off) = { 0 };
	struct stat status;
	struct error error;

	/* The first service makes it. */
	if (lstat(patient->config.spool, &status) < 0)
		return;
	if (geteuid() != 0 && geteuid() != status.st_uid) {
		char *owner CLEANUP(memory_free_string) = patient_user(status.st_uid);

		finding_add(patient->findings, FINDING_GREEN, "queue.closed",
		    "the queue %s is for %s and root to look at", patient->config.spool, owner);
		return;
	}
	if (guise_put_on(&guise, status.st_uid, status.st_gid, &error) < 0) {
		finding_add_error(patient->findings, FINDING_RED, "queue.spool", &error);
		finding_suggest(patient->findings,
		    "no service started by this user could use it either: run it as uid %u, or "
		    "allow SETUID and SETGID",
		    (unsigned)status.st_uid);
	} else {
		look(patient);
	}
}
