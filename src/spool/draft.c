/* SPDX-License-Identifier: MIT */

#include "spool/draft.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/random.h"

#define NAME_PREFIX "t."

static void close_keeping_errno(int *fd)
{
	int number = errno;

	file_close(fd);
	errno = number;
}

static int create_nameless(int directory)
{
	/* Such a file gets its name through /proc; see link_nameless for the other way. */
	if (access("/proc/self/fd", X_OK) < 0) {
		errno = EOPNOTSUPP;
		return -1;
	}
	return openat(directory, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
}

static int create_named(int directory, char name[static DRAFT_NAME_SIZE])
{
	uint64_t chance[2];

	random_fill(chance, sizeof chance);
	snprintf(
	    name, DRAFT_NAME_SIZE, NAME_PREFIX "%016" PRIx64 "%016" PRIx64, chance[0], chance[1]);
	return openat(directory, name, O_CREAT | O_EXCL | O_RDWR | O_NOFOLLOW | O_CLOEXEC, 0600);
}

/* What says that the file system, or an old kernel, does not know O_TMPFILE. */
static bool is_without_tmpfile(int number)
{
	return number == EOPNOTSUPP || number == EISDIR || number == EINVAL || number == ENOENT;
}

int draft_create(int directory, char name[static DRAFT_NAME_SIZE])
{
	int fd = create_nameless(directory);

	name[0] = '\0';
	if (fd < 0 && is_without_tmpfile(errno))
		fd = create_named(directory, name);
	if (fd < 0) {
		name[0] = '\0';
		return -1;
	}
	/* Whatever the umask. */
	if (fchmod(fd, 0600) < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0) {
		draft_forget(directory, name);
		name[0] = '\0';
		close_keeping_errno(&fd);
	}
	return fd;
}

/* AT_EMPTY_PATH wants a capability before Linux 6.10, so it comes second. */
static int link_nameless(int directory, int fd, const char *id)
{
	char source[sizeof "/proc/self/fd/" + 3 * sizeof fd];
	int number;

	snprintf(source, sizeof source, "/proc/self/fd/%d", fd);
	if (linkat(AT_FDCWD, source, directory, id, AT_SYMLINK_FOLLOW) == 0)
		return 0;
	number = errno;
	if (number != ENOENT && number != ENOTDIR && number != EACCES && number != ELOOP)
		return -1;
	if (linkat(fd, "", directory, id, AT_EMPTY_PATH) == 0)
		return 0;
	if (errno != EEXIST)
		errno = number;
	return -1;
}

/*
 * Where there are no hard links either.  Between the look and the rename nobody
 * takes the name: it is chance, and all names that are given anew are.
 */
static int rename_over_nothing(int directory, const char *name, const char *id)
{
	if (faccessat(directory, id, F_OK, AT_SYMLINK_NOFOLLOW) == 0) {
		errno = EEXIST;
		return -1;
	}
	return errno == ENOENT ? renameat(directory, name, directory, id) : -1;
}

static bool is_without_links(int number)
{
	return number == EPERM || number == EOPNOTSUPP || number == ENOSYS || number == EMLINK;
}

static int rename_named(int directory, const char *name, const char *id)
{
	if (file_rename_to_new(directory, name, directory, id) == 0)
		return 0;
	if (errno != EINVAL && errno != ENOSYS)
		return -1;
	if (linkat(directory, name, directory, id, 0) < 0)
		return is_without_links(errno) ? rename_over_nothing(directory, name, id) : -1;
	/* With both names there it would count as somebody's hard link. */
	if (unlinkat(directory, name, 0) == 0)
		return 0;
	int number = errno;
	(void)unlinkat(directory, id, 0);
	errno = number;
	return -1;
}

int draft_name(int directory, int fd, const char *name, const char *id)
{
	return name[0] == '\0' ? link_nameless(directory, fd, id)
			       : rename_named(directory, name, id);
}

void draft_forget(int directory, const char *name)
{
	int number = errno;

	if (name[0] != '\0')
		(void)unlinkat(directory, name, 0);
	errno = number;
}

/* 1 when it was a draft that nobody holds, and is gone. */
static int sweep_one(int directory, const char *name)
{
	CLEANUP(file_close) int fd = -1;

	if (!span_starts_with(span_from_string(name), NAME_PREFIX))
		return 0;
	fd = openat(directory, name, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0)
		return 0;
	return unlinkat(directory, name, 0) == 0 ? 1 : 0;
}

int draft_sweep(int directory)
{
	int fd = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *names = fd >= 0 ? fdopendir(fd) : NULL;
	const struct dirent *entry;
	int count = 0;

	if (names == NULL) {
		close_keeping_errno(&fd);
		return -1;
	}
	while ((entry = readdir(names)) != NULL)
		count += sweep_one(directory, entry->d_name);
	(void)closedir(names);
	return count;
}
