/* SPDX-License-Identifier: MIT */

#include "net/connect.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/memory.h"

/* Parallel to the addresses; those from started on have not been tried. */
struct race {
	const struct resolve_result *addresses;
	struct pollfd fds[RESOLVE_LIMIT]; /* -1: not running */
	int failures[RESOLVE_LIMIT];	  /* errno; 0: none (yet) */
	size_t started;
	size_t running;
	int64_t next_start;
};

/* All that are still open; for CLEANUP. */
static void race_finish(struct race *race)
{
	for (size_t i = 0; i < race->started; i++)
		file_close(&race->fds[i].fd);
}

static void fail_attempt(struct race *race, size_t index, int number)
{
	race->failures[index] = number;
	file_close(&race->fds[index].fd);
	/* The next need not wait for its turn. */
	if (index + 1 == race->started)
		race->next_start = 0;
}

/* Starts the next attempt.  True when it is connected at once. */
static bool start_next(struct race *race)
{
	size_t index = race->started++;
	const struct resolve_address *address = &race->addresses->addresses[index];

	race->next_start = clock_deadline(CONNECT_STAGGER);
	int fd = socket(address->address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	race->fds[index] = (struct pollfd){ .fd = fd, .events = POLLOUT };
	if (fd < 0) {
		fail_attempt(race, index, errno);
		return false;
	}
	if (connect(fd, (const struct sockaddr *)&address->address, address->length) == 0)
		return true;
	if (errno == EINPROGRESS)
		race->running++;
	else
		fail_attempt(race, index, errno);
	return false;
}

/* Looks at what poll has told.  True with *winner when one is connected. */
static bool find_winner(struct race *race, size_t *winner)
{
	for (size_t i = 0; i < race->started; i++) {
		int number = 0;
		socklen_t length = sizeof number;

		if (race->fds[i].fd < 0 || race->fds[i].revents == 0)
			continue;
		if (getsockopt(race->fds[i].fd, SOL_SOCKET, SO_ERROR, &number, &length) < 0)
			number = errno;
		if (number == 0) {
			*winner = i;
			return true;
		}
		race->running--;
		fail_attempt(race, i, number);
	}
	return false;
}

static int fail_race(const struct race *race, int64_t since, struct error *error)
{
	char duration[24];
	CLEANUP(buffer_finish) struct buffer reasons;

	buffer_init(&reasons, 4096);
	clock_format_duration(clock_monotonic() - since, duration);
	for (size_t i = 0; i < race->started; i++) {
		buffer_format(
		    &reasons, "%s%s: ", i > 0 ? ", " : "", race->addresses->addresses[i].text);
		if (race->failures[i] != 0)
			buffer_append_string(&reasons, strerror(race->failures[i]));
		else
			buffer_format(&reasons, "no answer within %s", duration);
	}
	error_set(
	    error, ERROR_UNAVAILABLE, "4.4.1", "cannot connect (%s)", buffer_string(&reasons));
	return error_next(error, "check host and port, and whether a firewall lets them through");
}

/* Runs the race to its end.  True with *winner. */
static bool run_race(struct race *race, int64_t deadline, size_t *winner)
{
	for (;;) {
		bool is_last = race->started == race->addresses->count;

		if (!is_last && (race->running == 0 || clock_monotonic() >= race->next_start)) {
			*winner = race->started;
			if (start_next(race))
				return true;
			continue;
		}
		if (race->running == 0)
			return false;
		int64_t until = is_last || race->next_start > deadline ? deadline
								       : race->next_start;
		int count = poll(race->fds, (nfds_t)race->started, clock_poll_timeout(until));
		if (count < 0 && errno != EINTR)
			return false;
		if (count > 0 && find_winner(race, winner))
			return true;
		if (count == 0 && until == deadline)
			return false;
	}
}

int connect_race(
    const struct resolve_result *addresses, int64_t deadline, size_t *winner, struct error *error)
{
	assert(addresses->count > 0 && addresses->count <= RESOLVE_LIMIT);

	CLEANUP(race_finish) struct race race = { .addresses = addresses };
	int64_t since = clock_monotonic();
	size_t index;

	if (!run_race(&race, deadline, &index))
		return fail_race(&race, since, error);
	int fd = race.fds[index].fd;
	race.fds[index].fd = -1;
	/* A flight is collected before it is written; Nagle would only hold its end back. */
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int));
	*winner = index;
	return fd;
}

static int fail_unix(const char *path, int number, struct error *error)
{
	errno = number;
	error_system(error, "cannot connect to %s", path);
	errno = number;
	return -1;
}

int connect_unix(const char *path, struct error *error)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	if (strlen(path) >= sizeof address.sun_path)
		return fail_unix(path, ENAMETOOLONG, error);
	memcpy(address.sun_path, path, strlen(path));
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return fail_unix(path, errno, error);
	if (connect(fd, (const struct sockaddr *)&address, sizeof address) == 0)
		return fd;
	int number = errno;
	file_close(&fd);
	return fail_unix(path, number, error);
}
