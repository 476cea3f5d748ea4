/* SPDX-License-Identifier: MIT */

#include "config/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/span.h"
#include "config/settings.h"

enum { SETTINGS_LIMIT = 1 << 20 };

/* What is being read, each by the one before. */
struct reader {
	struct entries *entries;
	struct faults *faults;
	const struct reader *includer; /* NULL: it is the main file, or of conf.d */
	const char *path;
	int file;
	int depth;
	dev_t device;
	ino_t inode;
	bool may_expand;
	bool has_owner;
	uid_t owner; /* of the main file */
};

/* A fault of the file that is being opened: where it is named, or in itself. */
static void refuse(const struct reader *reader, int line, const struct error *error)
{
	faults_add(reader->faults, reader->file, line, error);
}

/* ---- may it be trusted? ---- */

static bool is_trusted(const struct reader *reader, uid_t uid)
{
	return uid == 0 || uid == geteuid() || (reader->has_owner && uid == reader->owner);
}

/* A container's volumes are open to all, and yet nobody can write there. */
static bool is_read_only(int fd)
{
	struct statvfs system;

	return fstatvfs(fd, &system) == 0 && (system.f_flag & ST_RDONLY) != 0;
}

static int check_trust(const struct reader *reader, int fd, const struct stat *status,
    const char *path, struct error *error)
{
	/* In a sticky directory others can add files, which are looked at one by one. */
	bool is_sticky = S_ISDIR(status->st_mode) && (status->st_mode & S_ISVTX) != 0;
	bool is_open = (status->st_mode & S_IWOTH) != 0 && !is_sticky;
	bool is_strange = !is_trusted(reader, status->st_uid);

	if ((!is_open && !is_strange) || is_read_only(fd))
		return 0;
	if (is_open)
		error_set(error, ERROR_CONFIG, "5.3.5",
		    "everyone on this machine may write %s, and so send all mail elsewhere", path);
	else
		error_set(error, ERROR_CONFIG, "5.3.5",
		    "%s belongs to uid %u, who could send all mail elsewhere", path,
		    (unsigned)status->st_uid);
	return error_next(error, "%s %s (in a container: mount it read-only)",
	    is_open ? "chmod o-w" : "chown root", path);
}

/* ---- one file ---- */

static void include(void *context, const char *path, int line);

static int refuse_unreadable(const char *path, struct error *error)
{
	int number = errno;
	const char *slash = strrchr(path, '/');
	struct stat status;

	error_system(error, "cannot read %s as uid %u", path, (unsigned)geteuid());
	error->kind = ERROR_CONFIG;
	snprintf(error->status, sizeof error->status, "4.3.5");
	if (number != EACCES)
		return -1;
	/* Not even seen: it lies in a closed directory. */
	if (stat(path, &status) < 0 && slash != NULL && slash != path)
		return error_next(
		    error, "it holds no secrets: chmod 755 %.*s", (int)(slash - path), path);
	return error_next(error, "it holds no secrets: chmod 644 %s", path);
}

static int read_text(int fd, const char *path, struct buffer *text, struct error *error)
{
	int outcome = file_read_to_end(fd, text);

	if (outcome < 0)
		return refuse_unreadable(path, error);
	if (outcome > 0)
		return error_set(error, ERROR_CONFIG, "5.3.5", "%s is larger than %d bytes", path,
		    SETTINGS_LIMIT);
	return 0;
}

/* fd is the open file that reader names. */
static void parse(struct reader *reader, int fd, const struct stat *status)
{
	CLEANUP(buffer_finish_secret) struct buffer text = { 0 };
	struct error error;

	reader->device = status->st_dev;
	reader->inode = status->st_ino;
	reader->file = entries_add_file(
	    reader->entries, reader->path, (status->st_mode & S_IROTH) != 0);
	buffer_init(&text, SETTINGS_LIMIT);
	if (read_text(fd, reader->path, &text, &error) < 0) {
		refuse(reader, 0, &error);
		return;
	}
	const struct settings settings = {
		.entries = reader->entries,
		.faults = reader->faults,
		.path = reader->path,
		.file = reader->file,
		.may_expand = reader->may_expand,
		.include = include,
		.context = reader,
	};
	settings_parse(&settings, span_first(buffer_span(&text), text.length));
}

/* One that another file named, or that lies in conf.d.  -1 with the error: it was not read. */
static int read_other(struct reader *reader, struct error *error)
{
	/* Whatever it is, opening it must not wait. */
	CLEANUP(file_close)
	int fd = open(reader->path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat status;

	if (fd < 0 || fstat(fd, &status) < 0)
		return refuse_unreadable(reader->path, error);
	if (!S_ISREG(status.st_mode))
		return error_set(
		    error, ERROR_CONFIG, "5.3.5", "%s is no regular file", reader->path);
	if (reader->entries->file_count >= FILES_LIMIT)
		return error_set(error, ERROR_CONFIG, "5.3.5",
		    "%s is one file too many: settings may come from %d", reader->path,
		    FILES_LIMIT);
	if (check_trust(reader, fd, &status, reader->path, error) < 0)
		return -1;
	for (const struct reader *other = reader->includer; other != NULL; other = other->includer)
		if (other->device == status.st_dev && other->inode == status.st_ino)
			return error_set(error, ERROR_CONFIG, "5.3.5",
			    "%s would be included by itself", reader->path);
	parse(reader, fd, &status);
	return 0;
}

static int check_include(const struct reader *reader, const char *path, struct error *error)
{
	if (path[0] != '/') {
		error_set(
		    error, ERROR_CONFIG, "5.3.5", "include(\"%s\") is no absolute path", path);
		return error_next(error, "write: include(\"/etc/mailchute/%s\")", path);
	}
	if (strpbrk(path, "*?[") != NULL && access(path, F_OK) < 0) {
		error_set(error, ERROR_CONFIG, "5.3.5",
		    "include(\"%s\") names no file: it takes one, and no pattern", path);
		return error_next(
		    error, "put drop-ins into conf.d beside mailchute.conf, without an include");
	}
	if (access(path, F_OK) < 0 && (errno == ENOENT || errno == ENOTDIR)) {
		error_set(error, ERROR_CONFIG, "5.3.5",
		    "include(\"%s\") names a file that does not exist", path);
		return error_next(error,
		    "make it, or take the line away; what may be missing belongs into conf.d");
	}
	if (reader->depth < FILES_DEPTH)
		return 0;
	return error_set(error, ERROR_CONFIG, "5.3.5",
	    "include(\"%s\") is the %dth file inside of another", path, FILES_DEPTH + 1);
}

static void include(void *context, const char *path, int line)
{
	const struct reader *reader = context;
	struct reader inner = *reader;
	struct error error;

	inner.includer = reader;
	inner.path = path;
	inner.depth++;
	if (check_include(reader, path, &error) == 0 && read_other(&inner, &error) == 0)
		return;
	error_prefix(&error, "%s line %d: ", reader->path, line);
	refuse(reader, line, &error);
}

/* ---- conf.d ---- */

static int is_drop_in(const struct dirent *entry)
{
	size_t length = strlen(entry->d_name);

	return entry->d_name[0] != '.' && length > 5 &&
	       strcmp(entry->d_name + length - 5, ".conf") == 0;
}

/* In every locale the same. */
static int compare(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

/* "DIRECTORY/conf.d", or NULL where the main file has none. */
static char *drop_in_folder(const char *main_file)
{
	const char *slash = strrchr(main_file, '/');
	const char *name = slash != NULL ? slash + 1 : main_file;

	if (strcmp(name, "mailchute.conf") != 0)
		return NULL;
	return memory_format("%.*sconf.d", (int)(name - main_file), main_file);
}

/* -1 with the error: it may not be used. */
static int list_drop_ins(const struct reader *reader, const char *folder, struct dirent ***names,
    int *count, struct error *error)
{
	CLEANUP(file_close)
	int fd = open(folder, O_RDONLY | O_CLOEXEC | O_DIRECTORY | O_NONBLOCK);
	struct stat status;

	*count = 0;
	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return 0;
	if (fd < 0 || fstat(fd, &status) < 0) {
		(void)refuse_unreadable(folder, error);
		return error_next(error, "it holds no secrets: chmod 755 %s", folder);
	}
	if (check_trust(reader, fd, &status, folder, error) < 0)
		return -1;
	*count = scandir(folder, names, is_drop_in, compare);
	return *count < 0 ? refuse_unreadable(folder, error) : 0;
}

static void read_drop_ins(const struct reader *reader, const char *folder)
{
	struct dirent **names = NULL;
	struct reader inner = *reader;
	struct error error;
	int count;

	inner.file = (int)reader->entries->file_count;
	if (list_drop_ins(reader, folder, &names, &count, &error) < 0) {
		refuse(&inner, 0, &error);
		return;
	}
	for (int i = 0; i < count; i++) {
		CLEANUP(memory_free_string)
		char *path = memory_format("%s/%s", folder, names[i]->d_name);

		inner.path = path;
		inner.includer = NULL;
		inner.file = (int)reader->entries->file_count;
		if (read_other(&inner, &error) < 0)
			refuse(&inner, 0, &error);
		free(names[i]);
	}
	free(names);
}

/* ---- all ---- */

/* It may be a pipe, and anybody's: whoever starts us names it. */
static bool read_main(struct reader *reader)
{
	CLEANUP(file_close) int fd = file_open_to_read(reader->path);
	struct stat status;
	struct error error;

	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return false;
	if (fd < 0 || fstat(fd, &status) < 0) {
		(void)refuse_unreadable(reader->path, &error);
		refuse(reader, 0, &error);
		return true;
	}
	reader->has_owner = true;
	reader->owner = status.st_uid;
	parse(reader, fd, &status);
	return true;
}

bool files_read(
    const char *main_file, bool may_expand, struct entries *entries, struct faults *faults)
{
	struct reader reader = {
		.entries = entries,
		.faults = faults,
		.path = main_file,
		.may_expand = may_expand,
	};
	CLEANUP(memory_free_string) char *folder = drop_in_folder(main_file);
	bool is_there = read_main(&reader);

	if (folder != NULL)
		read_drop_ins(&reader, folder);
	return is_there;
}
