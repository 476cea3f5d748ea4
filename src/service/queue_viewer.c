/* SPDX-License-Identifier: MIT */

#include "service/queue_viewer.h"

#include <unistd.h>

#include "spool/queue_error.h"

struct queue_viewer queue_viewer_of(int64_t uid, bool root_counts)
{
	bool is_owner = uid >= 0 && uid == (int64_t)geteuid();

	/* The service may be root itself: then a root from elsewhere is not its owner. */
	if (uid == 0)
		is_owner = root_counts;
	return (struct queue_viewer){ .uid = uid, .sees_all = is_owner };
}

static bool is_his(const struct queue_viewer *viewer, const struct queue_file *file)
{
	return viewer->uid >= 0 && file->attributes.uid == viewer->uid;
}

/* Whatever is wrong, to somebody it is as if there were no such file. */
static int read_own(
    const struct queue_viewer *viewer, struct queue_file *file, int queue_directory, const char *id)
{
	struct error ignored;

	if (queue_file_peek(file, queue_directory, id, &ignored) != QUEUE_OPENED)
		return QUEUE_MISSING;
	bool seems_his = is_his(viewer, file);
	queue_file_finish(file);
	/* A damaged file may name another submitter: only the checksum tells. */
	if (!seems_his || queue_file_read(file, queue_directory, id, &ignored) != QUEUE_OPENED)
		return QUEUE_MISSING;
	if (is_his(viewer, file))
		return QUEUE_OPENED;
	queue_file_finish(file);
	return QUEUE_MISSING;
}

int queue_viewer_read(const struct queue_viewer *viewer, struct queue_file *file,
    int queue_directory, const char *id, struct error *error)
{
	if (!viewer->sees_all)
		return read_own(viewer, file, queue_directory, id);
	int outcome = queue_file_peek(file, queue_directory, id, error);
	/* One that somebody else replaced while we looked is as good as gone. */
	return outcome == QUEUE_LOCKED ? QUEUE_MISSING : outcome;
}
