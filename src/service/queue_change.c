/* SPDX-License-Identifier: MIT */

#include "service/queue_change.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/text.h"
#include "service/events.h"
#include "spool/queue_error.h"

void queue_change_set(struct queue_change *change, enum queue_change_sign sign, const char *status,
    const char *format, ...)
{
	va_list arguments;

	change->sign = sign;
	text_copy(change->status, sizeof change->status, status);
	va_start(arguments, format);
	vsnprintf(change->text, sizeof change->text, format, arguments);
	va_end(arguments);
}

static void refuse(struct queue_change *change, const struct error *error)
{
	queue_change_set(change, QUEUE_CHANGE_REFUSED, error->status, "%.700s", error->text);
}

static void done(struct queue_change *change, const char *text)
{
	queue_change_set(change, QUEUE_CHANGE_DONE, "2.0.0", "%s", text);
}

static void needless(struct queue_change *change, const char *text)
{
	queue_change_set(change, QUEUE_CHANGE_NEEDLESS, "2.0.0", "%s", text);
}

static void missing(struct queue_change *change)
{
	queue_change_set(change, QUEUE_CHANGE_MISSING, "5.5.0", "there is no such message");
}

/* How the log names it. */
static struct event_message describe(const struct queue_file *file)
{
	return (struct event_message){
		.id = file->id,
		.sender = file->envelope.sender,
		.size = file->message_length,
		.recipient_count = file->envelope.recipient_count,
	};
}

/* False: it is as it was before, as far as the disk still takes that. */
static bool save(
    struct queue_file *file, const struct queue_progress *before, struct queue_change *change)
{
	struct error error;
	struct error ignored;

	if (queue_file_save_progress(file, &error) == 0 && queue_file_sync(file, &error) == 0)
		return true;
	file->progress = *before;
	(void)queue_file_save_progress(file, &ignored);
	refuse(change, &error);
	return false;
}

static void retry(struct queue_file *file, struct queue_change *change)
{
	struct queue_progress before = file->progress;

	if (file->progress.is_held) {
		queue_change_set(
		    change, QUEUE_CHANGE_REFUSED, "4.2.0", "is held; release it first");
		return;
	}
	file->progress.next_attempt = 0;
	if (save(file, &before, change))
		done(change, "is due now");
}

static void hold(
    struct queue_file *file, const struct queue_viewer *viewer, struct queue_change *change)
{
	struct queue_progress before = file->progress;

	if (before.is_held) {
		needless(change, "is held already");
		return;
	}
	if (!queue_file_has_waiting(file)) {
		queue_change_set(change, QUEUE_CHANGE_REFUSED, "4.2.0",
		    "no recipient waits in it any more, so there is nothing to hold");
		return;
	}
	file->progress.is_held = true;
	if (!save(file, &before, change))
		return;
	const struct event_message message = describe(file);
	events_held(&message, viewer->uid);
	done(change, "held");
}

static void release(
    struct queue_file *file, const struct queue_viewer *viewer, struct queue_change *change)
{
	struct queue_progress before = file->progress;

	if (!before.is_held) {
		needless(change, "is not held");
		return;
	}
	file->progress.is_held = false;
	file->progress.next_attempt = 0;
	if (!save(file, &before, change))
		return;
	const struct event_message message = describe(file);
	events_released(&message, viewer->uid);
	done(change, "released");
}

/* EINVAL: this file system has no sync of directories. */
static int sync_directory(int directory, struct error *error)
{
	if (fsync(directory) == 0 || errno == EINVAL)
		return 0;
	return error_system(error, "gone, but the queue cannot be synced");
}

/* Its recipients are not done, so its name must not come back after a power cut. */
static void remove_file(
    struct queue_file *file, const struct queue_viewer *viewer, struct queue_change *change)
{
	int queue = file->queue;
	struct error error;

	if (unlinkat(queue, file->id, 0) < 0 && errno != ENOENT) {
		error_system(&error, "cannot be removed");
		refuse(change, &error);
		return;
	}
	const struct event_message message = describe(file);
	events_removed_by(&message, viewer->uid);
	change->is_removed = !file->attributes.is_report;
	change->uid = file->attributes.uid;
	change->octets = file->message_length;
	if (sync_directory(queue, &error) < 0)
		refuse(change, &error);
	else
		done(change, "removed");
}

/* An administrator's word is enough for what nobody can send any more. */
static void remove_damaged(
    int queue, const char *id, const struct queue_viewer *viewer, struct queue_change *change)
{
	struct error error;

	if (unlinkat(queue, id, 0) < 0) {
		error_system(&error, "cannot be removed");
		refuse(change, &error);
		return;
	}
	const struct event_message message = { .id = id };
	events_removed_by(&message, viewer->uid);
	if (sync_directory(queue, &error) < 0)
		refuse(change, &error);
	else
		done(change, "removed; it did not check out");
}

static bool is_allowed(const struct queue_file *file, const struct queue_viewer *viewer)
{
	return viewer->sees_all || (viewer->uid >= 0 && file->attributes.uid == viewer->uid);
}

static void change_file(struct queue_file *file, enum queue_verb verb,
    const struct queue_viewer *viewer, struct queue_change *change)
{
	switch (verb) {
	case QUEUE_RETRY:
		retry(file, change);
		return;
	case QUEUE_HOLD:
		hold(file, viewer, change);
		return;
	case QUEUE_RELEASE:
		release(file, viewer, change);
		return;
	case QUEUE_REMOVE:
		remove_file(file, viewer, change);
		return;
	}
	queue_change_set(change, QUEUE_CHANGE_REFUSED, "5.5.4", "nobody knows what to do to it");
}

/* Of what is not his, a user learns nothing. */
static void pass_over(int opened, int queue, const char *id, enum queue_verb verb,
    const struct queue_viewer *viewer, const struct error *error, struct queue_change *change)
{
	if (opened == QUEUE_LOCKED)
		queue_change_set(change, QUEUE_CHANGE_BUSY, "4.2.0",
		    "another process has it just now; try again");
	else if (opened == QUEUE_MISSING || !viewer->sees_all)
		missing(change);
	else if (opened > 0 && verb == QUEUE_REMOVE)
		remove_damaged(queue, id, viewer, change);
	else
		refuse(change, error);
}

void queue_change_make(int queue_directory, const char *id, enum queue_verb verb,
    const struct queue_viewer *viewer, struct queue_change *change)
{
	CLEANUP(queue_file_finish) struct queue_file file = { .fd = -1 };
	struct error error;
	int opened = queue_file_open(&file, queue_directory, id, &error);

	if (opened != QUEUE_OPENED)
		pass_over(opened, queue_directory, id, verb, viewer, &error, change);
	else if (!is_allowed(&file, viewer))
		missing(change);
	else
		change_file(&file, verb, viewer, change);
}

void queue_change_running(struct queue_file *file, enum queue_verb verb,
    const struct queue_viewer *viewer, struct queue_change *change)
{
	if (!is_allowed(file, viewer)) {
		missing(change);
	} else if (verb == QUEUE_REMOVE) {
		queue_change_set(change, QUEUE_CHANGE_REFUSED, "4.2.0",
		    "is being delivered now; hold it, and remove it when the attempt is over");
	} else if (verb == QUEUE_RETRY) {
		needless(change, "is being delivered now");
	} else {
		change_file(file, verb, viewer, change);
		if (verb == QUEUE_HOLD && change->sign == QUEUE_CHANGE_DONE)
			done(change, "held after the attempt that runs, unless that delivers it");
	}
}
