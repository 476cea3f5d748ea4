/* SPDX-License-Identifier: MIT */

#include "base/log_target.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/memory.h"

enum { PATIENCE = 50 }; /* milliseconds */

static bool is_open(const struct log_target *target)
{
	struct stat status;

	if (target->kind == LOG_TARGET_STDERR)
		return true;
	return target->fd >= 0 && fstat(target->fd, &status) == 0 &&
	       status.st_dev == target->device && status.st_ino == target->inode;
}

/* A descriptor that has become somebody else's is not ours to close. */
static void let_go(struct log_target *target)
{
	if (target->kind != LOG_TARGET_STDERR && is_open(target))
		(void)close(target->fd);
	target->fd = -1;
	target->is_torn = false;
}

static int connect_as(int type, const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	size_t length = strlen(path);

	if (length >= sizeof address.sun_path) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(address.sun_path, path, length);
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -1;
	if (connect(fd, (const struct sockaddr *)&address, sizeof address) == 0)
		return fd;
	int reason = errno;
	(void)close(fd);
	errno = reason;
	return -1;
}

static int open_socket(struct log_target *target)
{
	target->is_stream = false;
	int fd = connect_as(SOCK_DGRAM, target->path);
	if (fd >= 0 || errno != EPROTOTYPE)
		return fd;
	target->is_stream = true;
	return connect_as(SOCK_STREAM, target->path);
}

/* A FIFO that nobody reads is no reason to wait either. */
static int open_file(const char *path)
{
	return open(path,
	    O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK, 0640);
}

static int open_again(struct log_target *target)
{
	struct stat status;

	let_go(target);
	target->fd = target->kind == LOG_TARGET_FILE ? open_file(target->path)
						     : open_socket(target);
	if (target->fd < 0)
		return -1;
	if (fstat(target->fd, &status) < 0) {
		(void)close(target->fd);
		target->fd = -1;
		return -1;
	}
	target->device = status.st_dev;
	target->inode = status.st_ino;
	return 0;
}

int log_target_open(struct log_target *target, enum log_target_kind kind, const char *path)
{
	*target = (struct log_target){ .kind = kind, .fd = -1 };
	if (kind == LOG_TARGET_STDERR)
		target->fd = STDERR_FILENO;
	if (path == NULL)
		return 0;
	target->path = memory_copy_string(path);
	return open_again(target);
}

void log_target_finish(struct log_target *target)
{
	if (target->path != NULL)
		let_go(target);
	free(target->path);
	*target = (struct log_target){ .fd = -1 };
}

/* Descriptors that others share cannot be made to return at once: they are asked before. */
static int await_room(struct log_target *target)
{
	struct pollfd wait = { .fd = target->fd, .events = POLLOUT };

	if (poll(&wait, 1, target->is_slow ? 0 : PATIENCE) > 0)
		return 0;
	target->is_slow = true;
	errno = EAGAIN;
	return -1;
}

/* What a full disk has cut off must not begin the next line. */
static int write_line(struct log_target *target, struct span line)
{
	if (await_room(target) < 0)
		return -1;
	if (target->is_torn && write(target->fd, "\n", 1) != 1)
		return -1;
	target->is_torn = false;
	ssize_t count = write(target->fd, line.start, line.length);
	if (count == (ssize_t)line.length)
		return 0;
	target->is_torn = count > 0;
	if (count >= 0)
		errno = ENOSPC;
	return -1;
}

/* Lines in a stream end with a NUL, as libc has it. */
static int send_line(struct log_target *target, struct span line)
{
	struct iovec parts[] = {
		{ .iov_base = (void *)(uintptr_t)line.start, .iov_len = line.length },
		{ .iov_base = (void *)(uintptr_t) "", .iov_len = target->is_stream ? 1 : 0 },
	};
	const struct msghdr message = { .msg_iov = parts, .msg_iovlen = 2 };
	size_t length = line.length + parts[1].iov_len;

	ssize_t count = sendmsg(target->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (count < 0 && errno == EAGAIN && await_room(target) == 0)
		count = sendmsg(target->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (count == (ssize_t)length)
		return 0;
	/* The rest of it would be taken for a line. */
	if (count >= 0) {
		let_go(target);
		errno = EAGAIN;
	}
	return -1;
}

static bool is_lost(int reason)
{
	return reason == ECONNREFUSED || reason == ENOTCONN || reason == ECONNRESET ||
	       reason == EPIPE;
}

static int send_or_again(struct log_target *target, struct span line)
{
	if (send_line(target, line) == 0)
		return 0;
	/* Who reads it has been started anew. */
	if (!is_lost(errno) || open_again(target) < 0)
		return -1;
	return send_line(target, line);
}

int log_target_put(struct log_target *target, struct span line)
{
	if (target->kind == LOG_TARGET_NONE)
		return 0;
	if (!is_open(target) && open_again(target) < 0)
		return -1;
	int outcome = target->kind == LOG_TARGET_SOCKET ? send_or_again(target, line)
							: write_line(target, line);
	if (outcome == 0)
		target->is_slow = false;
	return outcome;
}
