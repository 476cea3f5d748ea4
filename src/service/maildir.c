/* SPDX-License-Identifier: MIT */

#include "service/maildir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
#include "spool/queue_id.h"

/* What is kept in a folder that a power cut takes away is not kept. */
static int sync_folder(int directory)
{
	int above CLEANUP(file_close) = openat(directory, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fsync(directory) < 0)
		return -1;
	/* One that we may not look into has not been made by us just now, either. */
	return above < 0 ? 0 : fsync(above);
}

static int make_parts(const struct maildir *maildir, const char *path, struct error *error)
{
	static const char *const parts[] = { "tmp", "new", "cur" };
	bool is_any_new = false;

	for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
		bool is_new = mkdirat(maildir->directory, parts[i], 0700) == 0;

		if (!is_new && errno != EEXIST)
			return error_system(error, "cannot make %s/%s", path, parts[i]);
		is_any_new = is_any_new || is_new;
	}
	if (is_any_new && sync_folder(maildir->directory) < 0)
		return error_system(error, "cannot keep %s", path);
	return 0;
}

int maildir_open(struct maildir *maildir, const char *path, struct error *error)
{
	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return error_system(error, "cannot make %s", path);
	maildir->directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (maildir->directory < 0)
		return error_system(error, "cannot open %s", path);
	if (make_parts(maildir, path, error) == 0)
		return 0;
	maildir_finish(maildir);
	return -1;
}

void maildir_finish(struct maildir *maildir)
{
	file_close(&maildir->directory);
}

static void path_of(const char *part, const struct maildir_file *file, char path[static 80])
{
	snprintf(path, 80, "%s/%s", part, file->name);
}

static int create(
    const struct maildir *maildir, struct maildir_file *file, int flags, struct error *error)
{
	char path[80];

	path_of("tmp", file, path);
	file->fd = openat(maildir->directory, path, O_WRONLY | O_CREAT | O_CLOEXEC | flags, 0600);
	if (file->fd < 0)
		return error_system(error, "cannot make %s", path);
	writer_init(&file->writer, file->fd);
	return 0;
}

int maildir_create(const struct maildir *maildir, struct maildir_file *file, struct error *error)
{
	char id[QUEUE_ID_SIZE];

	queue_id_generate(id);
	snprintf(file->name, sizeof file->name, "%s.mailchute", id);
	return create(maildir, file, O_EXCL, error);
}

int maildir_create_as(
    const struct maildir *maildir, const char *name, struct maildir_file *file, struct error *error)
{
	snprintf(file->name, sizeof file->name, "%s", name);
	return create(maildir, file, O_TRUNC | O_NOFOLLOW, error);
}

static int sync_new(const struct maildir *maildir)
{
	int new CLEANUP(file_close) = openat(
	    maildir->directory, "new", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return new < 0 ? -1 : fsync(new);
}

int maildir_deliver(const struct maildir *maildir, struct maildir_file *file, struct error *error)
{
	char from[80];
	char to[80];

	path_of("tmp", file, from);
	path_of("new", file, to);
	if (writer_flush(&file->writer) < 0 || fsync(file->fd) < 0 ||
	    renameat(maildir->directory, from, maildir->directory, to) < 0) {
		error_system(error, "cannot keep %s", to);
		maildir_drop(maildir, file);
		return -1;
	}
	file_close(&file->fd);
	if (sync_new(maildir) == 0)
		return 0;
	error_system(error, "cannot keep %s", to);
	(void)unlinkat(maildir->directory, to, 0);
	return -1;
}

void maildir_drop(const struct maildir *maildir, struct maildir_file *file)
{
	char path[80];

	if (file->fd < 0)
		return;
	file_close(&file->fd);
	path_of("tmp", file, path);
	(void)unlinkat(maildir->directory, path, 0);
}
