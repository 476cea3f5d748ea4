/* SPDX-License-Identifier: MIT */

#include "net/listen.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/random.h"
#include "base/span.h"
#include "net/resolve.h"

enum {
	FIRST_INHERITED = 3, /* SD_LISTEN_FDS_START */
	OVERFLOW_UID = 65534,
	NOTIFY_PATIENCE = 2, /* seconds */
};

/* A path that is not taken, in the directory of path. */
static int temporary_path(const char *path, struct sockaddr_un *address, struct error *error)
{
	const char *slash = strrchr(path, '/');
	int directory = slash != NULL ? (int)(slash + 1 - path) : 0;
	uint64_t number;

	random_fill(&number, sizeof number);
	int length = snprintf(address->sun_path, sizeof address->sun_path, "%.*s.%08" PRIx64,
	    directory, path, number & 0xffffffff);
	if (length < 0 || (size_t)length >= sizeof address->sun_path ||
	    strlen(path) >= sizeof address->sun_path) {
		error_set(
		    error, ERROR_CONFIG, "4.3.5", "the path of the socket is too long: %s", path);
		return error_next(
		    error, "the kernel takes at most %zu characters", sizeof address->sun_path - 1);
	}
	return 0;
}

/* rename(2) would also replace a file that somebody needs. */
static int check_replaceable(const char *path, struct error *error)
{
	struct stat status;

	if (lstat(path, &status) == 0 && !S_ISSOCK(status.st_mode)) {
		error_set(error, ERROR_CONFIG, "4.3.5", "cannot listen at %s: not a socket", path);
		return error_next(error, "remove the file or name another path");
	}
	return 0;
}

/* From bind(2) on there is a name, which the caller removes when this fails. */
static int name_socket(int fd, const struct sockaddr_un *temporary, const char *path, mode_t mode)
{
	if (chmod(temporary->sun_path, mode) < 0 || listen(fd, LISTEN_BACKLOG) < 0)
		return -1;
	return rename(temporary->sun_path, path);
}

int listen_unix(const char *path, mode_t mode, struct error *error)
{
	struct sockaddr_un temporary = { .sun_family = AF_UNIX };

	if (temporary_path(path, &temporary, error) < 0 || check_replaceable(path, error) < 0)
		return -1;
	CLEANUP(file_close)
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0 || bind(fd, (const struct sockaddr *)&temporary, sizeof temporary) < 0)
		return error_system(error, "cannot listen at %s", path);
	if (name_socket(fd, &temporary, path, mode) < 0) {
		error_system(error, "cannot listen at %s", path);
		(void)unlink(temporary.sun_path);
		return -1;
	}
	int taken = fd;
	fd = -1;
	return taken;
}

/* Splits "host:port"; a host in brackets is an IPv6 address. */
static int parse_where(const char *where, struct span *host, uint16_t *port, struct error *error)
{
	struct span text = span_from_string(where);
	ssize_t colon = span_find_last_byte(text, ':');
	uint64_t number;

	if (colon < 0 || !span_to_number(span_after(text, (size_t)colon + 1), &number) ||
	    number > UINT16_MAX)
		return error_set(error, ERROR_CONFIG, "4.3.5",
		    "cannot listen at \"%s\": not of the form host:port", where);
	*host = span_first(text, (size_t)colon);
	if (host->length == 0)
		*host = span_from_string("127.0.0.1");
	else if (span_starts_with(*host, "[") && host->start[host->length - 1] == ']')
		*host = span_from_bytes(host->start + 1, host->length - 2);
	else if (span_find_byte(*host, ':') >= 0)
		return error_set(error, ERROR_CONFIG, "4.3.5",
		    "cannot listen at \"%s\": an IPv6 address stands in brackets, [::1]:25", where);
	*port = (uint16_t)number;
	return 0;
}

int listen_tcp(const char *where, struct error *error)
{
	struct resolve_result result;
	struct span host;
	uint16_t port;

	if (parse_where(where, &host, &port, error) < 0)
		return -1;
	CLEANUP(memory_free_string) char *name = span_copy(host);
	if (resolve_host(name, port, &result, error) < 0)
		return error_prefix(error, "cannot listen at %s: ", where);
	const struct resolve_address *address = &result.addresses[0];
	CLEANUP(file_close)
	int fd = socket(address->address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd >= 0)
		(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){ 1 }, sizeof(int));
	if (fd < 0 || bind(fd, (const struct sockaddr *)&address->address, address->length) < 0 ||
	    listen(fd, LISTEN_BACKLOG) < 0)
		return error_system(error, "cannot listen at %s", where);
	int taken = fd;
	fd = -1;
	return taken;
}

int listen_port(int fd)
{
	struct sockaddr_storage address = { 0 };
	socklen_t length = sizeof address;

	if (getsockname(fd, (struct sockaddr *)&address, &length) < 0)
		return -1;
	if (address.ss_family == AF_INET)
		return ntohs(((const struct sockaddr_in *)&address)->sin_port);
	if (address.ss_family == AF_INET6)
		return ntohs(((const struct sockaddr_in6 *)&address)->sin6_port);
	return -1;
}

/* The number in an environment variable, or 0. */
static uint64_t number_from_environment(const char *name)
{
	const char *text = getenv(name);
	uint64_t number;

	if (text == NULL || !span_to_number(span_from_string(text), &number))
		return 0;
	return number;
}

int listen_inherited(void)
{
	uint64_t count = number_from_environment("LISTEN_FDS");
	int fd = FIRST_INHERITED;

	if (number_from_environment("LISTEN_PID") != (uint64_t)getpid())
		count = 0;
	/* Our children must not take them for theirs. */
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
	/* Stops at the first that is not open: more were announced than passed. */
	while (count > 0 && fcntl(fd, F_SETFD, FD_CLOEXEC) == 0) {
		(void)file_set_nonblocking(fd, true);
		fd++;
		count--;
	}
	return fd - FIRST_INHERITED;
}

/* The address that NOTIFY_SOCKET names, and its length; 0: none that we know. */
static socklen_t find_manager(struct sockaddr_un *address)
{
	const char *path = getenv("NOTIFY_SOCKET");

	*address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (path == NULL || (path[0] != '/' && path[0] != '@') ||
	    strlen(path) >= sizeof address->sun_path)
		return 0;
	memcpy(address->sun_path, path, strlen(path));
	/* "@" stands for the abstract namespace (sd_notify(3)). */
	if (path[0] == '@')
		address->sun_path[0] = '\0';
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
}

bool listen_notify(const char *state, bool is_urgent)
{
	const struct timeval patience = { .tv_sec = NOTIFY_PATIENCE };
	struct sockaddr_un address;
	socklen_t length = find_manager(&address);

	CLEANUP(file_close)
	int fd = length != 0 ? socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0) : -1;
	if (fd < 0)
		return false;
	/* The kernel keeps ten datagrams for who does not read them. */
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
	return sendto(fd, state, strlen(state), MSG_NOSIGNAL | (is_urgent ? MSG_DONTWAIT : 0),
		   (const struct sockaddr *)&address, length) >= 0;
}

/* What the kernel says for a uid that this user namespace does not map. */
static uint64_t overflow_uid(void)
{
	CLEANUP(buffer_finish) struct buffer text;
	struct error error;
	uint64_t uid;

	buffer_init(&text, 32);
	if (file_read_whole("/proc/sys/kernel/overflowuid", &text, &error) < 0 ||
	    !span_to_number(span_trim(buffer_span(&text)), &uid))
		return OVERFLOW_UID;
	return uid;
}

int64_t listen_peer_uid(int fd)
{
	struct ucred peer = { 0 };
	socklen_t length = sizeof peer;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) < 0)
		return -1;
	/* (uid_t)-1 is what other sockets than unix ones give. */
	if (peer.uid == (uid_t)-1 || peer.uid == overflow_uid())
		return -1;
	return peer.uid;
}
