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
	int64_t deadlines[RESOLVE_LIMIT];
	const char *source_text; /* NULL: any */
	struct sockaddr_storage source;
	socklen_t source_length; /* 0: any */
	bool is_source_refused;	 /* by the system: it is not ours */
	int64_t limit;		 /* for each */
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

/* Our end; the port is chosen when the other end is known, so that few are used up. */
static int bind_source(struct race *race, int fd)
{
	if (race->source_length == 0)
		return 0;
	(void)setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &(int){ 1 }, sizeof(int));
	if (bind(fd, (const struct sockaddr *)&race->source, race->source_length) == 0)
		return 0;
	race->is_source_refused = true;
	return -1;
}

/* Starts the next attempt.  True when it is connected at once. */
static bool start_next(struct race *race)
{
	size_t index = race->started++;
	const struct resolve_address *address = &race->addresses->addresses[index];

	race->next_start = clock_deadline(CONNECT_STAGGER);
	race->deadlines[index] = clock_deadline(race->limit);
	int fd = socket(address->address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	race->fds[index] = (struct pollfd){ .fd = fd, .events = POLLOUT };
	if (fd < 0 || bind_source(race, fd) < 0) {
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

/* Those whose time is over; what is left of the others' goes into *next. */
static void drop_late(struct race *race, int64_t *next)
{
	int64_t now = clock_monotonic();

	for (size_t i = 0; i < race->started; i++) {
		if (race->fds[i].fd < 0)
			continue;
		if (race->deadlines[i] <= now) {
			race->running--;
			fail_attempt(race, i, 0);
		} else if (race->deadlines[i] < *next) {
			*next = race->deadlines[i];
		}
	}
}

static bool has_failed_by(const struct race *race, int number)
{
	for (size_t i = 0; i < race->addresses->count; i++)
		if (race->failures[i] == number)
			return true;
	return false;
}

static const char *meaning_of(const struct race *race)
{
	if (race->is_source_refused)
		return "the address to send from is not one of this machine";
	/* 0 is silence. */
	if (has_failed_by(race, 0))
		return "something on the way drops it: clouds (AWS, GCP, Azure, DigitalOcean, "
		       "Hetzner) and home lines block mail ports";
	if (has_failed_by(race, ECONNREFUSED))
		return "the machine is there, and nothing listens at that port";
	return "this machine has no way to that address";
}

static int fail_race(const struct race *race, int64_t since, struct error *error)
{
	char duration[24];
	CLEANUP(buffer_finish) struct buffer reasons;
	int64_t waited = clock_monotonic() - since;

	buffer_init(&reasons, 4096);
	clock_format_duration(waited < race->limit ? waited : race->limit, duration);
	for (size_t i = 0; i < race->started; i++) {
		buffer_format(
		    &reasons, "%s%s: ", i > 0 ? ", " : "", race->addresses->addresses[i].text);
		if (race->failures[i] != 0)
			buffer_append_string(&reasons, strerror(race->failures[i]));
		else
			buffer_format(&reasons, "no answer within %s", duration);
	}
	error_set(error, ERROR_UNAVAILABLE, "4.4.1", "cannot connect%s%s (%s)",
	    race->source_text != NULL ? " from " : "",
	    race->source_text != NULL ? race->source_text : "", buffer_string(&reasons));
	(void)error_code(error, "MC-NET-04");
	(void)error_means(error, "%s", meaning_of(race));
	return error_next(error, "%s",
	    race->is_source_refused
		? "source must be an address of this machine: ip address shows them"
		: "check host and port, and whether a firewall lets them through");
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
		int64_t until = is_last || race->next_start > deadline ? deadline
								       : race->next_start;
		drop_late(race, &until);
		if (race->running == 0) {
			if (race->started == race->addresses->count)
				return false;
			continue;
		}
		int count = poll(race->fds, (nfds_t)race->started, clock_poll_timeout(until));
		if (count < 0 && errno != EINTR)
			return false;
		if (count > 0 && find_winner(race, winner))
			return true;
		if (count == 0 && clock_monotonic() >= deadline)
			return false;
	}
}

static int run(struct race *race, int64_t deadline, size_t *winner, struct error *error)
{
	int64_t since = clock_monotonic();
	size_t index;

	assert(race->addresses->count > 0 && race->addresses->count <= RESOLVE_LIMIT);
	if (!run_race(race, deadline, &index))
		return fail_race(race, since, error);
	int fd = race->fds[index].fd;
	race->fds[index].fd = -1;
	/* A flight is collected before it is written; Nagle would only hold its end back. */
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int));
	*winner = index;
	return fd;
}

int connect_race(
    const struct resolve_result *addresses, int64_t deadline, size_t *winner, struct error *error)
{
	CLEANUP(race_finish)
	struct race race = { .addresses = addresses, .limit = CLOCK_NEVER };

	return run(&race, deadline, winner, error);
}

/* port 0.  The length, or 0 when the text is no address. */
static socklen_t read_source(const char *text, struct sockaddr_storage *source)
{
	struct sockaddr_in four = { .sin_family = AF_INET };
	struct sockaddr_in6 six = { .sin6_family = AF_INET6 };

	if (inet_pton(AF_INET, text, &four.sin_addr) == 1) {
		memcpy(source, &four, sizeof four);
		return sizeof four;
	}
	if (inet_pton(AF_INET6, text, &six.sin6_addr) == 1) {
		memcpy(source, &six, sizeof six);
		return sizeof six;
	}
	return 0;
}

int connect_family_of(const char *address)
{
	struct sockaddr_storage found;
	socklen_t length = read_source(address, &found);

	if (length == 0)
		return 0;
	return found.ss_family == AF_INET6 ? 6 : 4;
}

int connect_race_with(const struct resolve_result *addresses,
    const struct connect_settings *settings, size_t *winner, struct error *error)
{
	CLEANUP(race_finish)
	struct race race = { .addresses = addresses, .limit = settings->limit };

	if (settings->source != NULL) {
		race.source_text = settings->source;
		race.source_length = read_source(settings->source, &race.source);
		if (race.source_length == 0)
			return error_set(error, ERROR_CONFIG, "4.3.5",
			    "source = \"%s\" is no address", settings->source);
	}
	return run(&race, CLOCK_NEVER, winner, error);
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
