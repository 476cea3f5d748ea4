/* SPDX-License-Identifier: MIT */

#include "service/listeners.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "net/listen.h"

enum { PAUSE = 1000 };

size_t listeners_inherit(struct listeners *listeners)
{
	int count = listen_inherited();

	for (int i = 0; i < count && listeners->count < LISTENERS_LIMIT; i++)
		listeners->sockets[listeners->count++] = (struct listeners_socket){ .fd = 3 + i };
	return listeners->count;
}

int listeners_add(struct listeners *listeners, const char *path, mode_t mode, struct error *error)
{
	struct stat status = { 0 };

	if (listeners->count == LISTENERS_LIMIT)
		return error_set(error, ERROR_USAGE, "5.5.4", "too many sockets to listen at");
	int fd = listen_unix(path, mode, error);
	if (fd < 0)
		return -1;
	(void)lstat(path, &status);
	listeners->sockets[listeners->count++] = (struct listeners_socket){
		.fd = fd,
		.path = memory_copy_string(path),
		.device = status.st_dev,
		.inode = status.st_ino,
	};
	return 0;
}

void listeners_share(struct listeners *listeners)
{
	assert(listeners->count != 0);
	listeners->sockets[listeners->count - 1].is_shared = true;
}

int listeners_accept(struct listeners *listeners, bool *is_shared)
{
	if (clock_monotonic() < listeners->paused_until)
		return -1;
	for (size_t i = 0; i < listeners->count; i++) {
		int fd = accept4(
		    listeners->sockets[i].fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (fd >= 0) {
			*is_shared = listeners->sockets[i].is_shared;
			return fd;
		}
		if (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED)
			continue;
		log_event(LOG_LEVEL_ERROR, "cannot accept a client: errno %d", errno);
		listeners->paused_until = clock_deadline(PAUSE);
	}
	return -1;
}

void listeners_remove_names(struct listeners *listeners)
{
	for (size_t i = 0; i < listeners->count; i++) {
		struct listeners_socket *one = &listeners->sockets[i];
		struct stat status;

		if (one->path != NULL && lstat(one->path, &status) == 0 &&
		    status.st_dev == one->device && status.st_ino == one->inode)
			(void)unlink(one->path);
	}
}

void listeners_close(struct listeners *listeners)
{
	for (size_t i = 0; i < listeners->count; i++) {
		file_close(&listeners->sockets[i].fd);
		free(listeners->sockets[i].path);
	}
	*listeners = (struct listeners){ 0 };
}

const char *listeners_path(const struct listeners *listeners)
{
	for (size_t i = 0; i < listeners->count; i++)
		if (listeners->sockets[i].path != NULL)
			return listeners->sockets[i].path;
	return NULL;
}

size_t listeners_poll(const struct listeners *listeners, struct pollfd *polls)
{
	if (clock_monotonic() < listeners->paused_until)
		return 0;
	for (size_t i = 0; i < listeners->count; i++)
		polls[i] = (struct pollfd){ .fd = listeners->sockets[i].fd, .events = POLLIN };
	return listeners->count;
}

int64_t listeners_deadline(const struct listeners *listeners)
{
	return clock_monotonic() < listeners->paused_until ? listeners->paused_until : CLOCK_NEVER;
}
