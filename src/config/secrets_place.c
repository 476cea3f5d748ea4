/* SPDX-License-Identifier: MIT */

#include "config/secrets_place.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/random.h"

enum { ACCESS_LIMIT = 65536 };

static const char access_list[] = "system.posix_acl_access";

/* ---- who may ---- */

static int explain(const struct secrets_place *place, int number, struct error *error)
{
	if (number == EROFS)
		return error_next(error,
		    "this file system is read-only: in a container change the secret where the "
		    "container is started, or mount a folder for %s",
		    place->directory);
	if (number == EACCES || number == EPERM)
		return error_next(error, "run it as root: sudo mailchute secret set ...");
	return -1;
}

static int refuse_system(
    const struct secrets_place *place, const char *what, const char *name, struct error *error)
{
	int number = errno;

	error_system(error, "cannot %s %s/%s", what, place->directory, name);
	return explain(place, number, error);
}

/* ---- opening ---- */

static void set_path(struct secrets_place *place, const char *path)
{
	const char *slash = strrchr(path, '/');

	place->path = memory_copy_string(path);
	place->name = memory_copy_string(slash != NULL ? slash + 1 : path);
	if (slash == NULL)
		place->directory = memory_copy_string(".");
	else if (slash == path)
		place->directory = memory_copy_string("/");
	else
		place->directory = memory_copy(path, (size_t)(slash - path));
}

static int open_directory(struct secrets_place *place, struct error *error)
{
	static const int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;

	place->directory_fd = open(place->directory, flags);
	if (place->directory_fd < 0 && errno == ENOENT && mkdir(place->directory, 0755) == 0)
		place->directory_fd = open(place->directory, flags);
	if (place->directory_fd >= 0)
		return 0;
	int number = errno;
	error_system(error, "cannot open the folder %s", place->directory);
	return explain(place, number, error);
}

/* Who reads a new one: the service, where it has a group of its own. */
static void plan_new(struct secrets_place *place)
{
	const struct group *group = geteuid() == 0 ? getgrnam("mailchute") : NULL;

	place->status = (struct stat){ .st_uid = geteuid(), .st_gid = getegid() };
	place->status.st_mode = group != NULL ? 0640 : 0600;
	if (group != NULL)
		place->status.st_gid = group->gr_gid;
}

static void read_access(struct secrets_place *place, int fd)
{
	buffer_init(&place->access, ACCESS_LIMIT);
	char *room = buffer_reserve(&place->access, ACCESS_LIMIT);
	ssize_t length = fgetxattr(fd, access_list, room, ACCESS_LIMIT);
	if (length > 0)
		buffer_extend(&place->access, (size_t)length);
}

static int check_file(const struct secrets_place *place, struct error *error)
{
	if (!S_ISREG(place->status.st_mode))
		return error_set(error, ERROR_CONFIG, "5.3.5", "%s is no file", place->path);
	if (geteuid() == 0 || place->status.st_uid == geteuid())
		return 0;
	error_set(error, ERROR_NO_PERMISSION, "4.3.0",
	    "%s belongs to uid %u, not to uid %u, and would change hands", place->path,
	    (unsigned)place->status.st_uid, (unsigned)geteuid());
	return error_next(error, "run it as root: sudo mailchute secret set ...");
}

static int refuse_link(const struct secrets_place *place, struct error *error)
{
	char target[4096];
	ssize_t length = readlinkat(place->directory_fd, place->name, target, sizeof target - 1);

	target[length > 0 ? length : 0] = '\0';
	error_set(error, ERROR_CONFIG, "5.3.5",
	    "%s is a symbolic link to %s, and links are not followed", place->path, target);
	return error_next(error, "name the file itself: mailchute secret set --file PATH ...");
}

static int read_file(struct secrets_place *place, struct buffer *text, struct error *error)
{
	CLEANUP(file_close)
	int fd = openat(place->directory_fd, place->name,
	    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);

	if (fd < 0 && errno == ENOENT) {
		plan_new(place);
		return 0;
	}
	if (fd < 0 && errno == ELOOP)
		return refuse_link(place, error);
	if (fd < 0 || fstat(fd, &place->status) < 0)
		return refuse_system(place, "read", place->name, error);
	if (check_file(place, error) < 0)
		return -1;
	place->exists = true;
	read_access(place, fd);
	int outcome = file_read_to_end(fd, text);
	if (outcome < 0)
		return refuse_system(place, "read", place->name, error);
	if (outcome > 0)
		return error_set(error, ERROR_CONFIG, "5.3.5", "%s is larger than %zu bytes",
		    place->path, text->limit);
	return 0;
}

/* ".secrets.ini.0123456789abcdef", and the same for a password with a file of its own. */
static bool is_draft(const struct secrets_place *place, struct span name)
{
	size_t tail = sizeof ".0123456789abcdef" - 1;

	if (name.length <= tail + 1 || name.start[0] != '.')
		return false;
	struct span number = span_after(name, name.length - tail);
	struct span own = span_after(span_first(name, name.length - tail), 1);
	for (size_t i = 1; i < number.length; i++)
		if (strchr("0123456789abcdef", number.start[i]) == NULL)
			return false;
	return number.start[0] == '.' && (span_equals_string(own, place->name) ||
					     span_ends_with_ignoring_case(own, ".password") ||
					     span_ends_with_ignoring_case(own, ".token"));
}

/*
 * Whoever was killed left a secret behind in a draft.  It was his who had the
 * lock; where another has it now he may still be at work, and nothing goes.
 */
static void sweep(const struct secrets_place *place)
{
	int fd = flock(place->directory_fd, LOCK_EX | LOCK_NB) == 0
		     ? openat(place->directory_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
		     : -1;
	DIR *folder = fd >= 0 ? fdopendir(fd) : NULL;
	const struct dirent *entry;

	if (folder == NULL) {
		file_close(&fd);
		return;
	}
	while ((entry = readdir(folder)) != NULL)
		if (is_draft(place, span_from_string(entry->d_name)))
			(void)unlinkat(place->directory_fd, entry->d_name, 0);
	(void)closedir(folder);
}

int secrets_place_open(
    struct secrets_place *place, const char *path, struct buffer *text, struct error *error)
{
	CLEANUP(secrets_place_finish) struct secrets_place fresh = { .directory_fd = -1 };

	set_path(&fresh, path);
	if (open_directory(&fresh, error) < 0 || read_file(&fresh, text, error) < 0)
		return -1;
	sweep(&fresh);
	*place = fresh;
	fresh = (struct secrets_place){ .directory_fd = -1 };
	return 0;
}

void secrets_place_finish(struct secrets_place *place)
{
	/* A zeroed one has none. */
	if (place->directory != NULL)
		file_close(&place->directory_fd);
	free(place->path);
	free(place->directory);
	free(place->name);
	buffer_finish(&place->access);
	*place = (struct secrets_place){ .directory_fd = -1 };
}

/* ---- drafts ---- */

static int give_away(const struct secrets_place *place, int fd)
{
	const struct stat *wanted = &place->status;
	struct stat is;

	if (fstat(fd, &is) < 0)
		return -1;
	if ((is.st_uid != wanted->st_uid || is.st_gid != wanted->st_gid) &&
	    fchown(fd, wanted->st_uid, wanted->st_gid) < 0)
		return -1;
	/* Nobody else may read it, whatever was before. */
	if (fchmod(fd, wanted->st_mode & 0770) < 0)
		return -1;
	if (place->access.length == 0)
		return 0;
	return fsetxattr(fd, access_list, place->access.start, place->access.length, 0);
}

static int fill(const struct secrets_place *place, int fd, struct span content)
{
	if (give_away(place, fd) < 0 || file_write_all(fd, content) < 0)
		return -1;
	return fsync(fd);
}

int secrets_place_draft(const struct secrets_place *place, const char *name, struct span content,
    char **draft, struct error *error)
{
	uint64_t number;

	random_fill(&number, sizeof number);
	CLEANUP(memory_free_string)
	char *own = memory_format(".%s.%016" PRIx64, name, number);
	CLEANUP(file_close)
	int fd = openat(
	    place->directory_fd, own, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return refuse_system(place, "write", name, error);
	if (fill(place, fd, content) < 0) {
		refuse_system(place, "write", name, error);
		secrets_place_drop(place, own);
		return -1;
	}
	*draft = own;
	own = NULL;
	return 0;
}

int secrets_place_commit(
    const struct secrets_place *place, const char *draft, const char *name, struct error *error)
{
	if (renameat(place->directory_fd, draft, place->directory_fd, name) < 0 ||
	    fsync(place->directory_fd) < 0)
		return refuse_system(place, "write", name, error);
	return 0;
}

void secrets_place_drop(const struct secrets_place *place, const char *name)
{
	(void)unlinkat(place->directory_fd, name, 0);
	(void)fsync(place->directory_fd);
}

bool secrets_place_has(const struct secrets_place *place, const char *name)
{
	struct stat status;

	return fstatat(place->directory_fd, name, &status, AT_SYMLINK_NOFOLLOW) == 0 ||
	       errno != ENOENT;
}

int secrets_place_check(const struct secrets_place *place, struct error *error)
{
	struct stat is;
	bool exists = fstatat(place->directory_fd, place->name, &is, AT_SYMLINK_NOFOLLOW) == 0;

	if (exists == place->exists &&
	    (!exists || (is.st_ino == place->status.st_ino && is.st_size == place->status.st_size &&
			    is.st_mtim.tv_sec == place->status.st_mtim.tv_sec &&
			    is.st_mtim.tv_nsec == place->status.st_mtim.tv_nsec)))
		return 0;
	error_set(error, ERROR_UNAVAILABLE, "4.3.5",
	    "%s has been changed by somebody else just now", place->path);
	return error_next(error, "look at it, and do it again");
}
