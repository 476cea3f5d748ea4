/* SPDX-License-Identifier: MIT */

#include "service/settle.h"

#include <fcntl.h>
#include <sys/statvfs.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "service/bounce.h"
#include "service/events.h"

/* Reports are nobody's, and so in turns with all others' new mail. */
enum { NOBODY = -1 };

static void add_reports(const struct settle *settle, const struct bounce *made)
{
	for (size_t i = 0; i < made->count; i++)
		schedule_add_new(settle->schedule, made->ids[i], NOBODY);
}

static void log_removed(const char *id)
{
	log_message(
	    LOG_LEVEL_WARNING, id, "removed from failed/, where it has been for long enough");
}

/* By age, and by a tenth of the file system. */
void settle_trim_failed(const struct settle *settle)
{
	struct statvfs space;
	struct error error;
	uint64_t limit = UINT64_MAX;

	/* Some file systems do not know their size. */
	if (fstatvfs(settle->spool->directory, &space) == 0 && space.f_blocks != 0)
		limit = (uint64_t)space.f_blocks * space.f_frsize / 10;
	/* A clock that was put forward makes nothing older. */
	int64_t age = settle->config->failed_limit + jumps_ahead(settle->jumps);
	if (spool_trim_failed(settle->spool, age, limit, log_removed, &error) < 0)
		log_event(LOG_LEVEL_ERROR, "%s", error.text);
}

/* It waits no more. */
static void discount(
    const struct settle *settle, const struct queue_attributes *attributes, uint64_t octets)
{
	if (!attributes->is_report)
		usage_remove(settle->usage, attributes->uid, octets);
}

void settle_remove(const struct settle *settle, struct attempt *attempt)
{
	const struct queue_attributes attributes = attempt->file.attributes;
	const uint64_t octets = attempt->file.message_length;

	if (attempt_remove(attempt) < 0)
		schedule_add(
		    settle->schedule, attempt->file.id, clock_wall() + SETTLE_TROUBLE_RETRY);
	else
		discount(settle, &attributes, octets);
}

/* It was counted by what it says of itself, if that could be read, and so it is again. */
void settle_put_aside(const struct settle *settle, const char *id)
{
	int corrupt CLEANUP(file_close) = openat(
	    settle->spool->directory, "corrupt", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct queue_summary summary;
	struct error ignored;

	if (queue_file_read_summary(corrupt, id, &summary, &ignored) == 0 && !summary.is_report)
		usage_remove(settle->usage, summary.uid, summary.message_length);
}

/* Nobody can be told of its failures. */
static void keep_failed(const struct settle *settle, struct attempt *attempt)
{
	const char *id = attempt->file.id;
	struct error error;

	if (!settle->config->keeps_failed) {
		events_dropped(id);
		settle_remove(settle, attempt);
		return;
	}
	if (spool_keep_failed(settle->spool, id, &error) < 0) {
		log_message(LOG_LEVEL_ERROR, id, "%s", error.text);
		schedule_add(settle->schedule, id, clock_wall() + SETTLE_TROUBLE_RETRY);
		return;
	}
	discount(settle, &attempt->file.attributes, attempt->file.message_length);
	events_kept_in_failed(id, settle->spool->path);
	settle_trim_failed(settle);
}

/* False: what is owed stays so, and is tried again. */
static bool report(const struct settle *settle, struct attempt *attempt, struct bounce *made)
{
	struct error error;
	int outcome = bounce_report(&attempt->file, settle->config, made, &error);

	add_reports(settle, made);
	if (outcome < 0)
		log_message(
		    LOG_LEVEL_ERROR, attempt->file.id, "cannot make a report: %s", error.text);
	return outcome == 0;
}

/* No recipient waits in it any more: who is to be told is told, and it goes. */
void settle_close(const struct settle *settle, struct attempt *attempt)
{
	struct bounce made;

	if (!report(settle, attempt, &made))
		schedule_add(
		    settle->schedule, attempt->file.id, clock_wall() + SETTLE_TROUBLE_RETRY);
	else if (made.is_untold)
		keep_failed(settle, attempt);
	else
		settle_remove(settle, attempt);
}

void settle_owed(const struct settle *settle, struct attempt *attempt)
{
	struct bounce made;

	if (bounce_is_owed(&attempt->file))
		(void)report(settle, attempt, &made);
}

/* Some are still tried; of those that have failed already, and of a long delay, is told now. */
void settle_report(const struct settle *settle, struct attempt *attempt)
{
	struct bounce made;
	struct error error;

	(void)report(settle, attempt, &made);
	if (bounce_warn(&attempt->file, settle->config, &made, &error) < 0)
		log_message(
		    LOG_LEVEL_ERROR, attempt->file.id, "cannot warn of the delay: %s", error.text);
	add_reports(settle, &made);
}
