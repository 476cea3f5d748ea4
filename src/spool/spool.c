/* SPDX-License-Identifier: MIT */

#include "spool/spool.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"
#include "spool/draft.h"
#include "spool/listing.h"
#include "spool/queue_id.h"

/* Without the slashes at its end, which would lead through a symbolic link. */
static char *trim_path(const char *path)
{
	size_t length = strlen(path);

	while (length > 1 && path[length - 1] == '/')
		length--;
	return memory_copy(path, length);
}

/* Fails where we may not read the parent; then the sync of each file must do. */
static void sync_parent(const char *path)
{
	CLEANUP(memory_free_string) char *parent = memory_copy_string(path);
	char *slash = strrchr(parent, '/');
	CLEANUP(file_close) int fd = -1;

	if (slash != NULL)
		slash[slash == parent ? 1 : 0] = '\0';
	fd = open(slash != NULL ? parent : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0)
		(void)fsync(fd);
}

static int explain_missing(const char *path, int number, struct error *error)
{
	struct stat status;

	errno = number;
	error_system(error, "cannot open the spool %s", path);
	(void)error_code(error, "MC-SPOOL-13");
	/* Whose it is not must not have it, which is no fault of the disk. */
	if (error->kind != ERROR_NO_PERMISSION) {
		error->kind = ERROR_CANNOT_CREATE;
		snprintf(error->status, sizeof error->status, "4." ERROR_CANNOT_CREATE_DETAIL);
	}
	if (number == EROFS)
		return error_next(error,
		    "mount a volume for it (an emptyDir will do), or say that none is meant: "
		    "MAILCHUTE_MODE=direct");
	if (lstat(path, &status) < 0)
		return error_next(
		    error, "make it: install -d -m 700 -o %ld %s", (long)geteuid(), path);
	if (!S_ISDIR(status.st_mode))
		return error_next(error,
		    "it must be a directory and no symbolic link: name the directory itself");
	if (status.st_uid != geteuid())
		return error_next(
		    error, "it must be the service's own: chown -R %ld %s", (long)geteuid(), path);
	return error_next(error, "chmod 700 %s", path);
}

/* Whoever else could write there could make us send mail, or lose it. */
static int check_owner(int fd, const char *path, struct error *error)
{
	struct stat status;

	if (fstat(fd, &status) < 0)
		return error_system(error, "cannot look at the spool %s", path);
	if (status.st_uid != geteuid()) {
		error_set(error, ERROR_NO_PERMISSION, "4.3.5",
		    "the spool %s belongs to uid %ld, and this process is uid %ld", path,
		    (long)status.st_uid, (long)geteuid());
		(void)error_code(error, "MC-SPOOL-13");
		/* An emptyDir is root's, and writable for all. */
		return error_next(error,
		    "chown -R %ld %s; a container's volume is mounted one folder higher",
		    (long)geteuid(), path);
	}
	if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
		error_set(error, ERROR_NO_PERMISSION, "4.3.5",
		    "others may write the spool %s (mode %04o)", path,
		    (unsigned)status.st_mode & 07777);
		(void)error_code(error, "MC-SPOOL-13");
		return error_next(error, "chmod 700 %s", path);
	}
	return 0;
}

/*
 * Opens name in parent; may_create makes it, and *is_new says that it did.
 * The mode is set again for a umask that takes even the owner's rights.
 */
static int open_directory(int parent, const char *name, bool may_create, bool *is_new)
{
	int fd;

	*is_new = may_create && mkdirat(parent, name, 0700) == 0;
	if (may_create && !*is_new && errno != EEXIST)
		return -1;
	if (*is_new && fchmodat(parent, name, 0700, 0) < 0)
		return -1;
	fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd;
}

/* A directory inside the spool, checked as the spool is. */
static int open_inner(
    const struct spool *spool, const char *name, bool may_create, int *fd, struct error *error)
{
	CLEANUP(memory_free_string) char *path = memory_format("%s/%s", spool->path, name);
	CLEANUP(file_close) int opened = -1;
	bool is_new;

	opened = open_directory(spool->directory, name, may_create, &is_new);
	if (opened < 0)
		return explain_missing(path, errno, error);
	if (check_owner(opened, path, error) < 0)
		return -1;
	if (is_new && fsync(spool->directory) < 0 && errno != EINVAL)
		return error_system(error, "cannot sync the spool %s", spool->path);
	*fd = opened;
	opened = -1;
	return 0;
}

int spool_open(struct spool *spool, const char *path, bool may_create, struct error *error)
{
	CLEANUP(spool_finish) struct spool found = { -1, -1, -1, trim_path(path) };
	bool is_new;

	found.directory = open_directory(AT_FDCWD, found.path, may_create, &is_new);
	if (found.directory < 0)
		return explain_missing(found.path, errno, error);
	if (check_owner(found.directory, found.path, error) < 0)
		return -1;
	if (is_new)
		sync_parent(found.path);
	if (open_inner(&found, "queue", may_create, &found.queue, error) < 0)
		return -1;
	*spool = found;
	found = (struct spool){ -1, -1, -1, NULL };
	return 0;
}

/* A zeroed one has no path, so its descriptors are not descriptor 0. */
void spool_finish(struct spool *spool)
{
	if (spool->path != NULL) {
		file_close(&spool->directory);
		file_close(&spool->queue);
		file_close(&spool->lock);
	}
	free(spool->path);
	*spool = (struct spool){ -1, -1, -1, NULL };
}

/* For people: a process's number means nothing in another container, so the host stands there. */
static void write_holder(int fd)
{
	char host[65] = "";
	char line[SPOOL_HOLDER_SIZE];

	(void)gethostname(host, sizeof host - 1);
	int length = snprintf(line, sizeof line, "process %ld on %s\n", (long)getpid(), host);
	/* On a full disk nobody is told. */
	if (ftruncate(fd, 0) == 0)
		(void)!pwrite(fd, line, (size_t)length, 0);
}

int spool_lock(struct spool *spool, struct error *error)
{
	CLEANUP(file_close) int fd = -1;

	assert(spool->path != NULL && spool->lock < 0);
	fd = openat(spool->directory, "lock",
	    O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY, 0600);
	if (fd < 0)
		return error_system(error, "cannot open %s/lock", spool->path);
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return errno == EWOULDBLOCK
			   ? 1
			   : error_system(error, "cannot lock %s/lock", spool->path);
	write_holder(fd);
	spool->lock = fd;
	fd = -1;
	return 0;
}

void spool_holder(const struct spool *spool, char text[static SPOOL_HOLDER_SIZE])
{
	char line[SPOOL_HOLDER_SIZE];
	CLEANUP(file_close)
	int fd = openat(
	    spool->directory, "lock", O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	ssize_t length = fd < 0 ? -1 : file_read_full(fd, line, sizeof line);
	struct span words = span_trim(span_from_bytes(line, length > 0 ? (size_t)length : 0));

	if (words.length == 0 || span_has_control(words))
		words = span_from_string("somebody");
	text_copy_span(text, SPOOL_HOLDER_SIZE, words);
}

void spool_unlock(struct spool *spool)
{
	if (spool->path == NULL || spool->lock < 0)
		return;
	/* Closing alone would leave it to children that still have the descriptor. */
	(void)flock(spool->lock, LOCK_UN);
	file_close(&spool->lock);
}

bool spool_is_own(const char *path)
{
	CLEANUP(memory_free_string) char *trimmed = trim_path(path);
	struct stat status;

	return lstat(trimmed, &status) == 0 && S_ISDIR(status.st_mode) &&
	       status.st_uid == geteuid();
}

int spool_sweep(struct spool *spool, struct error *error)
{
	assert(spool->path != NULL && spool->lock >= 0);
	return draft_sweep(spool->queue) < 0
		   ? error_system(error, "cannot list the queue %s/queue", spool->path)
		   : 0;
}

/* Never over another file.  Some file systems know only the old rename. */
static int move(int from, int to, const char *name)
{
	if (file_rename_to_new(from, name, to, name) == 0)
		return 0;
	if (errno != EINVAL && errno != ENOSYS)
		return -1;
	if (faccessat(to, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0) {
		errno = EEXIST;
		return -1;
	}
	return renameat(from, name, to, name);
}

static int move_to(struct spool *spool, const char *name, const char *id, struct error *error)
{
	CLEANUP(file_close) int folder = -1;

	assert(spool->path != NULL && queue_id_is_valid(span_from_string(id)));
	if (open_inner(spool, name, true, &folder, error) < 0)
		return -1;
	if (move(spool->queue, folder, id) < 0)
		return error_system(
		    error, "cannot move %s/queue/%s to %s/%s", spool->path, id, spool->path, name);
	/* It may be mail that was accepted, so it must not get lost between the two. */
	(void)fsync(folder);
	(void)fsync(spool->queue);
	return 0;
}

int spool_put_aside(struct spool *spool, const char *id, struct error *error)
{
	return move_to(spool, "corrupt", id, error);
}

/* From now on its time counts, however long it has waited before. */
int spool_keep_failed(struct spool *spool, const char *id, struct error *error)
{
	assert(queue_id_is_valid(span_from_string(id)));
	(void)utimensat(spool->queue, id, NULL, AT_SYMLINK_NOFOLLOW);
	return move_to(spool, "failed", id, error);
}

/* -1 where there is none, which is the rule. */
static int open_failed(const struct spool *spool)
{
	return openat(spool->directory, "failed", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* False: nothing is known of it, so nothing says that it is old. */
static bool look_at(int folder, const char *name, struct stat *status)
{
	return fstatat(folder, name, status, AT_SYMLINK_NOFOLLOW) == 0;
}

int spool_trim_failed(struct spool *spool, int64_t age, uint64_t limit,
    void (*removed)(const char *id), struct error *error)
{
	struct listing listing CLEANUP(listing_finish) = { 0 };
	CLEANUP(file_close) int folder = open_failed(spool);
	uint64_t total = 0;
	struct stat status;

	if (folder < 0)
		return 0;
	if (listing_read(&listing, folder, error) < 0)
		return -1;
	for (size_t i = 0; i < listing.count; i++)
		if (look_at(folder, listing.ids[i], &status))
			total += (uint64_t)status.st_size;
	/* Names sort by time: the oldest comes first. */
	for (size_t i = 0; i < listing.count; i++) {
		if (!look_at(folder, listing.ids[i], &status) ||
		    (status.st_mtim.tv_sec * 1000 > clock_wall() - age && total <= limit))
			continue;
		if (unlinkat(folder, listing.ids[i], 0) == 0)
			removed(listing.ids[i]);
		total -= (uint64_t)status.st_size;
	}
	return 0;
}

size_t spool_count_failed(const struct spool *spool)
{
	struct listing listing CLEANUP(listing_finish) = { 0 };
	CLEANUP(file_close) int folder = open_failed(spool);
	struct error error;

	if (folder < 0 || listing_read(&listing, folder, &error) < 0)
		return 0;
	return listing.count;
}
