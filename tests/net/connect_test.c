/* SPDX-License-Identifier: MIT */

/* Tests net/connect.c on the loopback. */

#include "net/connect.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/memory.h"
#include "net/listen.h"

enum { SOON = 50, LONG = 60000 };

/* A loopback socket that is bound; nothing answers at it until somebody listens. */
static int bind_loopback(const char *host, uint16_t port, struct resolve_result *result)
{
	struct resolve_result one = { 0 };
	struct error error;

	assert_int_equal(resolve_host(host, port, &one, &error), 0);
	struct resolve_address *address = &one.addresses[0];
	int fd = socket(address->address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address->address, address->length), 0);
	assert_int_equal(
	    getsockname(fd, (struct sockaddr *)&address->address, &address->length), 0);
	result->addresses[result->count++] = *address;
	return fd;
}

/* A listener whose queue is full: what connects now waits for ever. */
static int bind_silent(const char *host, struct resolve_result *result, int fillers[8])
{
	int fd = bind_loopback(host, 0, result);
	struct resolve_address *address = &result->addresses[result->count - 1];

	assert_int_equal(listen(fd, 0), 0);
	for (int i = 0; i < 8; i++) {
		fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		assert_true(fillers[i] >= 0);
		(void)connect(fillers[i], (struct sockaddr *)&address->address, address->length);
	}
	return fd;
}

static void close_all(int fds[8])
{
	for (int i = 0; i < 8; i++)
		file_close(&fds[i]);
}

static void the_first_that_answers_wins(void **state)
{
	struct resolve_result result = { 0 };
	CLEANUP(file_close) int refusing = bind_loopback("127.0.0.2", 0, &result);
	CLEANUP(file_close) int answering = bind_loopback("127.0.0.1", 0, &result);
	struct error error;
	size_t winner = 7;
	int value = 0;
	socklen_t length = sizeof value;

	(void)state;
	assert_true(refusing >= 0);
	assert_int_equal(listen(answering, 1), 0);
	CLEANUP(file_close) int fd = connect_race(&result, clock_deadline(LONG), &winner, &error);
	assert_true(fd >= 0);
	assert_int_equal(winner, 1);
	assert_true((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
	assert_true((fcntl(fd, F_GETFL) & O_NONBLOCK) != 0);
	assert_int_equal(getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &value, &length), 0);
	assert_int_not_equal(value, 0);
}

static void a_silent_address_does_not_hold_up_the_next(void **state)
{
	struct resolve_result result = { 0 };
	int fillers[8];
	CLEANUP(file_close) int silent = bind_silent("127.0.0.2", &result, fillers);
	CLEANUP(file_close) int answering = bind_loopback("127.0.0.1", 0, &result);
	struct error error;
	size_t winner = 7;

	(void)state;
	assert_true(silent >= 0);
	assert_int_equal(listen(answering, 1), 0);
	CLEANUP(file_close) int fd = connect_race(&result, clock_deadline(LONG), &winner, &error);
	assert_true(fd >= 0);
	assert_int_equal(winner, 1);
	close_all(fillers);
}

static void every_address_is_told_with_its_reason(void **state)
{
	struct resolve_result result = { 0 };
	CLEANUP(file_close) int first = bind_loopback("127.0.0.2", 0, &result);
	CLEANUP(file_close) int second = bind_loopback("127.0.0.1", 0, &result);
	struct error error;
	size_t winner = 7;

	(void)state;
	assert_true(first >= 0 && second >= 0);
	assert_int_equal(connect_race(&result, clock_deadline(LONG), &winner, &error), -1);
	assert_int_equal(winner, 7);
	assert_string_equal(error.status, "4.4.1");
	assert_int_equal(error.kind, ERROR_UNAVAILABLE);
	assert_non_null(strstr(error.text, "127.0.0.2: Connection refused"));
	assert_non_null(strstr(error.text, "127.0.0.1: Connection refused"));
	assert_true(error.next[0] != '\0');
}

static void silence_ends_at_the_deadline(void **state)
{
	struct resolve_result result = { 0 };
	int fillers[8];
	CLEANUP(file_close) int silent = bind_silent("127.0.0.1", &result, fillers);
	struct error error;
	size_t winner;

	(void)state;
	assert_true(silent >= 0);
	assert_int_equal(connect_race(&result, clock_deadline(SOON), &winner, &error), -1);
	assert_string_equal(error.status, "4.4.1");
	assert_non_null(strstr(error.text, "127.0.0.1: no answer within"));
	close_all(fillers);
}

/* The silent one is given up in its own time, the last one is not hurried by it. */
static void each_address_has_its_own_time(void **state)
{
	const struct connect_settings settings = { .limit = SOON };
	struct resolve_result result = { 0 };
	int fillers[2][8];
	CLEANUP(file_close) int first = bind_silent("127.0.0.2", &result, fillers[0]);
	CLEANUP(file_close) int second = bind_silent("127.0.0.1", &result, fillers[1]);
	struct error error;
	size_t winner;

	(void)state;
	assert_true(first >= 0 && second >= 0);
	int64_t since = clock_monotonic();
	assert_int_equal(connect_race_with(&result, &settings, &winner, &error), -1);
	/* One after the other, for each was over before the next one's turn. */
	assert_true(clock_monotonic() - since >= 2 * SOON);
	assert_non_null(strstr(error.text, "127.0.0.2: no answer within 0s"));
	assert_non_null(strstr(error.text, "127.0.0.1: no answer within 0s"));
	assert_string_equal(error.status, "4.4.1");
	close_all(fillers[0]);
	close_all(fillers[1]);
}

static void after_a_silent_one_the_next_is_asked(void **state)
{
	const struct connect_settings settings = { .limit = SOON };
	struct resolve_result result = { 0 };
	int fillers[8];
	CLEANUP(file_close) int silent = bind_silent("127.0.0.2", &result, fillers);
	CLEANUP(file_close) int answering = bind_loopback("127.0.0.1", 0, &result);
	struct error error;
	size_t winner = 7;

	(void)state;
	assert_true(silent >= 0);
	assert_int_equal(listen(answering, 1), 0);
	CLEANUP(file_close) int fd = connect_race_with(&result, &settings, &winner, &error);
	assert_true(fd >= 0);
	assert_int_equal(winner, 1);
	close_all(fillers);
}

static void connections_come_from_our_address(void **state)
{
	static const struct row {
		const char *host;
		const char *source;
		int family;
	} rows[] = { { "127.0.0.1", "127.0.0.9", 4 }, { "::1", "::1", 6 } };

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const struct connect_settings settings = { rows[i].source, LONG };
		struct resolve_result result = { 0 };
		CLEANUP(file_close) int answering = bind_loopback(rows[i].host, 0, &result);
		struct sockaddr_storage peer;
		socklen_t length = sizeof peer;
		char text[64];
		struct error error;
		size_t winner;

		assert_int_equal(listen(answering, 1), 0);
		CLEANUP(file_close) int fd = connect_race_with(&result, &settings, &winner, &error);
		assert_true(fd >= 0);
		CLEANUP(file_close)
		int accepted = accept(answering, (struct sockaddr *)&peer, &length);
		assert_true(accepted >= 0);
		assert_int_equal(getnameinfo((struct sockaddr *)&peer, length, text, sizeof text,
				     NULL, 0, NI_NUMERICHOST),
		    0);
		assert_string_equal(text, rows[i].source);
		assert_int_equal(connect_family_of(rows[i].source), rows[i].family);
	}
	assert_int_equal(connect_family_of("localhost"), 0);
}

static void a_source_that_is_not_ours_is_told(void **state)
{
	const struct connect_settings foreign = { "192.0.2.1", LONG };
	const struct connect_settings wrong = { "eth0", LONG };
	struct resolve_result result = { 0 };
	CLEANUP(file_close) int answering = bind_loopback("127.0.0.1", 0, &result);
	struct error error;
	size_t winner;

	(void)state;
	assert_int_equal(listen(answering, 1), 0);
	assert_int_equal(connect_race_with(&result, &foreign, &winner, &error), -1);
	assert_non_null(strstr(error.text, "from 192.0.2.1 (127.0.0.1: Cannot assign"));
	assert_non_null(strstr(error.next, "source"));
	assert_int_equal(connect_race_with(&result, &wrong, &winner, &error), -1);
	assert_non_null(strstr(error.text, "\"eth0\" is no address"));
	assert_int_equal(error.kind, ERROR_CONFIG);
}

static void unix_sockets_keep_errno(void **state)
{
	char directory[] = "/tmp/mailchute-connect-XXXXXX";
	char path[64];
	char closed[64];
	char too_long[300];
	struct error error;

	(void)state;
	assert_non_null(mkdtemp(directory));
	snprintf(path, sizeof path, "%s/socket", directory);
	snprintf(closed, sizeof closed, "%s/closed", directory);
	memset(too_long, 'x', sizeof too_long - 1);
	too_long[sizeof too_long - 1] = '\0';

	assert_int_equal(connect_unix(path, &error), -1);
	assert_int_equal(errno, ENOENT);
	assert_non_null(strstr(error.text, path));
	assert_int_equal(connect_unix(too_long, &error), -1);
	assert_int_equal(errno, ENAMETOOLONG);

	CLEANUP(file_close) int listener = listen_unix(path, 0600, &error);
	assert_true(listener >= 0);
	CLEANUP(file_close) int fd = connect_unix(path, &error);
	assert_true(fd >= 0);
	assert_true((fcntl(fd, F_GETFL) & O_NONBLOCK) != 0);

	int gone = listen_unix(closed, 0600, &error);
	file_close(&gone);
	assert_int_equal(connect_unix(closed, &error), -1);
	assert_int_equal(errno, ECONNREFUSED);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(unlink(closed), 0);
	assert_int_equal(rmdir(directory), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_that_answers_wins),
		cmocka_unit_test(a_silent_address_does_not_hold_up_the_next),
		cmocka_unit_test(every_address_is_told_with_its_reason),
		cmocka_unit_test(silence_ends_at_the_deadline),
		cmocka_unit_test(each_address_has_its_own_time),
		cmocka_unit_test(after_a_silent_one_the_next_is_asked),
		cmocka_unit_test(connections_come_from_our_address),
		cmocka_unit_test(a_source_that_is_not_ours_is_told),
		cmocka_unit_test(unix_sockets_keep_errno),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
