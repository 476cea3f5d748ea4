/* SPDX-License-Identifier: MIT */

#include "admin/maildir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "spool/queue_id.h"

int maildir_open(struct maildir *maildir, const char *path, struct error *error)
{
	static const char *const parts[] = { "tmp", "new", "cur" };

	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return error_system(error, "cannot make %s", path);
	maildir->directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (maildir->directory < 0)
		return error_system(error, "cannot open %s", path);
	for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
		if (mkdirat(maildir->directory, parts[i], 0700) == 0 || errno == EEXIST)
			continue;
		error_system(error, "cannot make %s/%s", path, parts[i]);
		maildir_finish(maildir);
		return -1;
	}
	return 0;
}

void maildir_finish(struct maildir *maildir)
{
	file_close(&maildir->directory);
}

static void path_of(const char *part, const struct maildir_file *file, char path[static 80])
{
	snprintf(path, 80, "%s/%s", part, file->name);
}

int maildir_create(const struct maildir *maildir, struct maildir_file *file, struct error *error)
{
	char id[QUEUE_ID_SIZE];
	char path[80];

	queue_id_generate(id);
	snprintf(file->name, sizeof file->name, "%s.mailchute", id);
	path_of("tmp", file, path);
	file->fd = openat(maildir->directory, path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (file->fd < 0)
		return error_system(error, "cannot make %s", path);
	writer_init(&file->writer, file->fd);
	return 0;
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
	return 0;
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
