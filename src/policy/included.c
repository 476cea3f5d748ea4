/* SPDX-License-Identifier: MIT */

#include "policy/included.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/file.h"
#include "base/memory.h"
#include "policy/targets.h"

enum {
	SIZE_LIMIT = 4 << 20, /* octets: far more than the recipients of a message */
	LINK_LIMIT = 20,
};

/* ---- is it safe? ---- */

static int refuse(
    struct error *error, const char *path, const struct stat *status, bool is_writable)
{
	if (!is_writable) {
		error_set(error, ERROR_CONFIG, "4.3.5",
		    "%s belongs to uid %u, who could put anybody into the list", path,
		    (unsigned)status->st_uid);
		return error_next(
		    error, "chown %sroot %s", S_ISLNK(status->st_mode) ? "-h " : "", path);
	}
	error_set(error, ERROR_CONFIG, "4.3.5",
	    "%s may be written by others (mode %04o), who could put anybody into the list", path,
	    (unsigned)(status->st_mode & 07777));
	return error_next(error, "chmod go-w %s", path);
}

/*
 * None but root and the owner may change what stands here.  In a directory
 * like /tmp everybody may make something new, but what is there stays.
 */
static int check_place(
    const char *path, uid_t owner, const struct stat *status, struct error *error)
{
	bool is_sticky = S_ISDIR(status->st_mode) && (status->st_mode & S_ISVTX) != 0;
	bool is_writable = (status->st_mode & 022) != 0 && !S_ISLNK(status->st_mode) && !is_sticky;

	if (is_writable || (status->st_uid != 0 && status->st_uid != owner))
		return refuse(error, path, status, is_writable);
	return 0;
}

static int cannot_read(const char *path, struct error *error)
{
	bool is_mode = errno == EACCES;

	error_system(error, "cannot read %s as uid %u", path, (unsigned)geteuid());
	/* The list is missed for now: nobody's mail is lost for it. */
	memcpy(error->status, "4.3.5", sizeof "4.3.5");
	error->kind = ERROR_CONFIG;
	return is_mode ? error_next(error, "chmod a+r %s, and a+x its directories", path) : -1;
}

/* Where the walk stands; place holds no link, no "." and no "..". */
struct walk {
	char place[PATH_MAX];
	char rest[PATH_MAX]; /* begins with no slash */
	int links;
	uid_t owner;
};

/* Takes the first name off rest; "" at its end. */
static void take_name(struct walk *walk, char name[static PATH_MAX])
{
	size_t start = strspn(walk->rest, "/");
	size_t length = strcspn(walk->rest + start, "/");

	memcpy(name, walk->rest + start, length);
	name[length] = '\0';
	memmove(walk->rest, walk->rest + start + length, strlen(walk->rest + start + length) + 1);
}

static void go_up(struct walk *walk)
{
	char *slash = strrchr(walk->place, '/');

	if (slash != NULL)
		*slash = '\0';
}

/* What the link at place says goes before the rest; place is its directory again. */
static int follow(struct walk *walk, struct error *error)
{
	char target[PATH_MAX];
	char joined[2 * PATH_MAX];
	ssize_t length = readlink(walk->place, target, sizeof target - 1);

	if (length < 0)
		return cannot_read(walk->place, error);
	target[length] = '\0';
	snprintf(joined, sizeof joined, "%s/%s", target, walk->rest);
	if (++walk->links > LINK_LIMIT || strlen(joined) >= sizeof walk->rest) {
		errno = ELOOP;
		return cannot_read(walk->place, error);
	}
	if (target[0] == '/')
		walk->place[0] = '\0';
	else
		go_up(walk);
	memcpy(walk->rest, joined, strlen(joined) + 1);
	return 0;
}

/* One name deeper, and looks at what is there. */
static int step(struct walk *walk, const char *name, struct error *error)
{
	struct stat status;
	size_t length = strlen(walk->place);

	if (strcmp(name, ".") == 0)
		return 0;
	if (strcmp(name, "..") == 0) {
		go_up(walk);
		return 0;
	}
	if (length + strlen(name) + 2 > sizeof walk->place) {
		errno = ENAMETOOLONG;
		return cannot_read(walk->place, error);
	}
	snprintf(walk->place + length, sizeof walk->place - length, "/%s", name);
	if (lstat(walk->place, &status) < 0)
		return cannot_read(walk->place, error);
	if (check_place(walk->place, walk->owner, &status, error) < 0)
		return -1;
	return S_ISLNK(status.st_mode) ? follow(walk, error) : 0;
}

/*
 * From the root to the file.  Who could change something under way is found
 * before it is gone through, so what was looked at is what is opened.
 */
static int check_way(const char *path, uid_t owner, struct error *error)
{
	struct walk walk = { .owner = owner };
	char name[PATH_MAX];
	struct stat status;

	if (strlen(path) >= sizeof walk.rest) {
		errno = ENAMETOOLONG;
		return cannot_read(path, error);
	}
	memcpy(walk.rest, path, strlen(path) + 1);
	if (lstat("/", &status) < 0)
		return cannot_read("/", error);
	if (check_place("/", owner, &status, error) < 0)
		return -1;
	for (take_name(&walk, name); name[0] != '\0'; take_name(&walk, name))
		if (step(&walk, name, error) < 0)
			return -1;
	return 0;
}

/* ---- what is in it ---- */

struct reading {
	struct included *list;
	int line;
	included_fault *tell;
	void *context;
};

static void take_target(void *context, struct span target)
{
	struct included *list = ((struct reading *)context)->list;

	list->targets = memory_resize_array(list->targets, list->count + 1, sizeof *list->targets);
	list->targets[list->count++] = span_copy(target);
}

static void pass_over(void *context, bool is_local, struct span text, const char *reason)
{
	struct reading *reading = context;

	reading->tell(reading->context, reading->line, is_local, text, reason);
}

/* Each line is a list like that of an alias. */
static void read_lines(struct reading *reading, struct span text)
{
	const struct targets_reader reader = { true, take_target, pass_over, reading };
	struct span line;

	while (span_take_line(&text, &line)) {
		line = span_trim(line);
		reading->line++;
		if (line.length == 0 || line.start[0] == '#')
			continue;
		if (span_find_byte(line, '\0') >= 0)
			pass_over(reading, false, span_from_string("..."), "it holds a NUL");
		else
			targets_read(&reader, line);
	}
}

static int read_text(const char *path, struct buffer *text, struct error *error)
{
	CLEANUP(file_close) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	int outcome = fd < 0 ? -1 : file_read_to_end(fd, text);

	if (outcome < 0)
		return cannot_read(path, error);
	if (outcome > 0)
		return error_set(
		    error, ERROR_CONFIG, "4.3.5", "%s is larger than %d bytes", path, SIZE_LIMIT);
	return 0;
}

int included_read(const char *path, uid_t owner, included_fault *tell, void *context,
    struct included *list, struct error *error)
{
	struct reading reading = { .list = list, .tell = tell, .context = context };
	CLEANUP(buffer_finish) struct buffer text = { 0 };
	struct stat status;

	if (check_way(path, owner, error) < 0)
		return -1;
	/* To open a device may do something already. */
	if (stat(path, &status) < 0)
		return cannot_read(path, error);
	if (!S_ISREG(status.st_mode))
		return error_set(error, ERROR_CONFIG, "4.3.5", "%s is no plain file", path);
	buffer_init(&text, SIZE_LIMIT);
	if (read_text(path, &text, error) < 0)
		return -1;
	list->owner = status.st_uid;
	read_lines(&reading, buffer_span(&text));
	return 0;
}

void included_finish(struct included *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->targets[i]);
	free(list->targets);
	*list = (struct included){ 0 };
}
