/* SPDX-License-Identifier: MIT */

#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/memory.h"

enum { WRITER_PATIENCE = 3000 }; /* milliseconds for who writes into a pipe to begin */

void file_close(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
}

int file_write_all(int fd, struct span content)
{
	while (content.length != 0) {
		ssize_t written = write(fd, content.start, content.length);

		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return -1;
		content = span_after(content, (size_t)written);
	}
	return 0;
}

int file_write_all_at(int fd, struct span content, off_t offset)
{
	while (content.length != 0) {
		ssize_t written = pwrite(fd, content.start, content.length, offset);

		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return -1;
		content = span_after(content, (size_t)written);
		offset += written;
	}
	return 0;
}

ssize_t file_read_full(int fd, char *bytes, size_t size)
{
	size_t length = 0;

	while (length < size) {
		ssize_t count = read(fd, bytes + length, size - length);

		if (count < 0 && errno == EINTR)
			continue;
		if (count < 0)
			return -1;
		if (count == 0)
			break;
		length += (size_t)count;
	}
	return (ssize_t)length;
}

ssize_t file_read_full_at(int fd, char *bytes, size_t size, off_t offset)
{
	size_t length = 0;

	while (length < size) {
		ssize_t count = pread(fd, bytes + length, size - length, offset + (off_t)length);

		if (count < 0 && errno == EINTR)
			continue;
		if (count < 0)
			return -1;
		if (count == 0)
			break;
		length += (size_t)count;
	}
	return (ssize_t)length;
}

int file_read_to_end(int fd, struct buffer *content)
{
	for (;;) {
		size_t left = content->limit - content->length;
		/* One byte past the limit tells "exactly full" from "too large". */
		char surplus = 0;
		char *room = left != 0 ? buffer_reserve(content, left < 65536 ? left : 65536)
				       : &surplus;
		size_t size = left == 0 ? 1 : (left < 65536 ? left : 65536);
		ssize_t count = read(fd, room, size);

		if (count < 0 && errno == EINTR)
			continue;
		if (count < 0)
			return -1;
		if (count == 0)
			return 0;
		if (left == 0)
			return 1;
		buffer_extend(content, (size_t)count);
	}
}

/* A pipe in which nobody has written anything yet has POLLIN or POLLHUP later, or never. */
static bool is_silent_pipe(int fd)
{
	struct pollfd wait = { .fd = fd, .events = POLLIN };
	struct stat status;

	if (fstat(fd, &status) < 0 || !S_ISFIFO(status.st_mode))
		return false;
	return poll(&wait, 1, WRITER_PATIENCE) == 0;
}

int file_open_to_read(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

	if (fd < 0)
		return -1;
	if (is_silent_pipe(fd)) {
		file_close(&fd);
		errno = ENODATA;
		return -1;
	}
	(void)file_set_nonblocking(fd, false);
	return fd;
}

int file_read_whole(const char *path, struct buffer *content, struct error *error)
{
	CLEANUP(file_close) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

	if (fd < 0)
		return error_system(error, "cannot read %s", path);
	int outcome = file_read_to_end(fd, content);
	if (outcome < 0)
		return error_system(error, "cannot read %s", path);
	if (outcome > 0)
		return error_set(error, ERROR_CONFIG, "5.3.5", "%s is larger than %zu bytes", path,
		    content->limit);
	return 0;
}

#ifdef RENAME_NOREPLACE

int file_rename_to_new(int from, const char *name, int to, const char *new_name)
{
	return renameat2(from, name, to, new_name, RENAME_NOREPLACE);
}

#else

/* Older ones of musl do not have it. */
int file_rename_to_new(int from, const char *name, int to, const char *new_name)
{
	enum { NO_REPLACE = 1 };

	return (int)syscall(SYS_renameat2, from, name, to, new_name, NO_REPLACE);
}

#endif

int file_set_nonblocking(int fd, bool is_nonblocking)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0)
		return -1;
	flags = is_nonblocking ? flags | O_NONBLOCK : flags & ~O_NONBLOCK;
	return fcntl(fd, F_SETFL, flags);
}
