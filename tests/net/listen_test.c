/* SPDX-License-Identifier: MIT */

/* Tests net/listen.c. */

#include "net/listen.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/memory.h"
#include "net/connect.h"

struct place {
	char directory[40];
	char path[64];
};

static void make_place(struct place *place)
{
	snprintf(place->directory, sizeof place->directory, "/tmp/mailchute-listen-XXXXXX");
	assert_non_null(mkdtemp(place->directory));
	snprintf(place->path, sizeof place->path, "%s/submit.sock", place->directory);
}

static size_t count_files(const char *directory)
{
	DIR *list = opendir(directory);
	size_t count = 0;

	assert_non_null(list);
	for (const struct dirent *entry = readdir(list); entry != NULL; entry = readdir(list))
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			count++;
	closedir(list);
	return count;
}

static void remove_place(const struct place *place)
{
	(void)unlink(place->path);
	assert_int_equal(rmdir(place->directory), 0);
}

static void a_unix_socket_has_its_mode_and_no_leftovers(void **state)
{
	struct place place;
	struct stat status;
	struct error error;

	(void)state;
	make_place(&place);
	CLEANUP(file_close) int fd = listen_unix(place.path, 0666, &error);
	assert_true(fd >= 0);
	assert_int_equal(stat(place.path, &status), 0);
	assert_true(S_ISSOCK(status.st_mode));
	assert_int_equal(status.st_mode & 07777, 0666);
	assert_int_equal(count_files(place.directory), 1);
	assert_true((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
	assert_true((fcntl(fd, F_GETFL) & O_NONBLOCK) != 0);
	remove_place(&place);
}

static void a_second_listener_takes_the_name_over(void **state)
{
	struct place place;
	struct error error;

	(void)state;
	make_place(&place);
	CLEANUP(file_close) int first = listen_unix(place.path, 0600, &error);
	CLEANUP(file_close) int second = listen_unix(place.path, 0600, &error);
	assert_true(first >= 0 && second >= 0);
	CLEANUP(file_close) int client = connect_unix(place.path, &error);
	assert_true(client >= 0);
	assert_int_equal(accept(first, NULL, NULL), -1);
	CLEANUP(file_close) int accepted = accept(second, NULL, NULL);
	assert_true(accepted >= 0);
	assert_int_equal(count_files(place.directory), 1);
	remove_place(&place);
}

static void what_cannot_be_is_told_with_its_path(void **state)
{
	struct place place;
	char too_long[200] = "/tmp/";
	struct error error;

	(void)state;
	make_place(&place);
	int file = open(place.path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_true(file >= 0);
	file_close(&file);
	assert_int_equal(listen_unix(place.path, 0600, &error), -1);
	assert_non_null(strstr(error.text, place.path));
	assert_non_null(strstr(error.text, "not a socket"));
	assert_int_equal(count_files(place.directory), 1);
	remove_place(&place);

	assert_int_equal(listen_unix(place.path, 0600, &error), -1);
	assert_non_null(strstr(error.text, "No such file or directory"));
	memset(too_long + 5, 'x', 150);
	assert_int_equal(listen_unix(too_long, 0600, &error), -1);
	assert_non_null(strstr(error.text, "too long"));
}

static void tcp_places_are_read(void **state)
{
	static const struct row {
		const char *where;
		bool is_good;
		const char *words;
	} rows[] = {
		{ ":0", true, "" },
		{ "127.0.0.1:0", true, "" },
		{ "localhost:0", true, "" },
		{ "", false, "host:port" },
		{ "25", false, "host:port" },
		{ "127.0.0.1", false, "host:port" },
		{ "127.0.0.1:", false, "host:port" },
		{ "127.0.0.1:x", false, "host:port" },
		{ "127.0.0.1:65536", false, "host:port" },
		{ "::1:25", false, "brackets" },
		{ "192.0.2.1:0", false, "192.0.2.1:0" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct error error = { 0 };
		CLEANUP(file_close) int fd = listen_tcp(rows[i].where, &error);

		if ((fd >= 0) != rows[i].is_good)
			fail_msg("\"%s\": %s", rows[i].where, error.text);
		assert_non_null(strstr(error.text, rows[i].words));
		if (fd >= 0)
			assert_true(listen_port(fd) > 0);
	}
}

static void a_tcp_port_can_be_connected_to(void **state)
{
	struct resolve_result result;
	struct error error;
	size_t winner;

	(void)state;
	CLEANUP(file_close) int listener = listen_tcp(":0", &error);
	assert_true(listener >= 0);
	assert_int_equal(
	    resolve_host("127.0.0.1", (uint16_t)listen_port(listener), &result, &error), 0);
	CLEANUP(file_close) int fd = connect_race(&result, clock_deadline(60000), &winner, &error);
	assert_true(fd >= 0);
	CLEANUP(file_close) int accepted = accept(listener, NULL, NULL);
	assert_true(accepted >= 0);
	assert_int_equal(listen_peer_uid(accepted), -1);
	assert_int_not_equal(listen_port(fd), listen_port(listener));
}

static void ports_are_of_tcp_only(void **state)
{
	int ends[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	assert_int_equal(listen_port(ends[0]), -1);
	file_close(&ends[0]);
	file_close(&ends[1]);
}

static void the_peer_of_a_unix_socket_is_known(void **state)
{
	int ends[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	assert_int_equal(listen_peer_uid(ends[0]), getuid());
	file_close(&ends[0]);
	file_close(&ends[1]);
	assert_int_equal(listen_peer_uid(-1), -1);
}

/* Another process with that uid, which a user namespace may not map: unknown. */
static void the_overflow_uid_is_nobody(void **state)
{
	struct place place;
	struct error error;
	int status;

	(void)state;
	if (getuid() != 0)
		skip();
	make_place(&place);
	CLEANUP(file_close) int listener = listen_unix(place.path, 0666, &error);
	assert_int_equal(chmod(place.directory, 0755), 0);
	assert_true(listener >= 0);
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		bool is_nobody = setresuid(65534, 65534, 65534) == 0;

		_exit(is_nobody && connect_unix(place.path, &error) >= 0 ? 0 : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	CLEANUP(file_close) int accepted = accept(listener, NULL, NULL);
	assert_true(accepted >= 0);
	assert_int_equal(listen_peer_uid(accepted), -1);
	remove_place(&place);
}

static const struct inherited_row {
	const char *name;
	bool is_for_us;
	const char *fds;
	int want;
} inherited_rows[] = {
	{ "two", true, "2", 2 },
	{ "none", true, "0", 0 },
	{ "for another process", false, "2", 0 },
	{ "no number", true, "two", 0 },
	{ "negative", true, "-1", 0 },
	{ "more than are open", true, "5", 3 },
	{ "not said", true, NULL, 0 },
};

/* In a process of its own, whose descriptors 3 to 5 are open: 0 when all is well. */
static int inherit(const struct inherited_row *row)
{
	char pid[24];

	for (int fd = 3; fd < 6; fd++)
		if (dup2(0, fd) < 0)
			return 1;
	if (close_range(6, ~0U, 0) < 0)
		return 2;
	snprintf(pid, sizeof pid, "%d", row->is_for_us ? getpid() : getppid());
	setenv("LISTEN_PID", pid, 1);
	setenv("LISTEN_FDNAMES", "a:b", 1);
	if (row->fds != NULL)
		setenv("LISTEN_FDS", row->fds, 1);
	if (listen_inherited() != row->want)
		return 3;
	for (int fd = 3; fd < 6; fd++)
		if (((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0) != (fd < 3 + row->want))
			return 4;
	if (getenv("LISTEN_PID") != NULL || getenv("LISTEN_FDS") != NULL ||
	    getenv("LISTEN_FDNAMES") != NULL)
		return 5;
	return listen_inherited() == 0 ? 0 : 6;
}

static void descriptors_are_inherited_from_systemd(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof inherited_rows / sizeof inherited_rows[0]; i++) {
		int status;
		pid_t child = fork();

		assert_true(child >= 0);
		if (child == 0)
			_exit(inherit(&inherited_rows[i]));
		assert_int_equal(waitpid(child, &status, 0), child);
		if (status != 0)
			fail_msg("%s: %d", inherited_rows[i].name, WEXITSTATUS(status));
	}
}

/* A receiver at the path, or at an abstract name when it begins with "@". */
static int receive_at(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	memcpy(address.sun_path, path, strlen(path));
	if (path[0] == '@')
		address.sun_path[0] = '\0';
	socklen_t length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
	assert_int_equal(bind(fd, (const struct sockaddr *)&address, length), 0);
	return fd;
}

static void the_service_manager_is_told(void **state)
{
	struct place place;
	char abstract[80];
	char bytes[32];

	(void)state;
	make_place(&place);
	snprintf(abstract, sizeof abstract, "@%s", place.path);
	const char *paths[] = { place.path, abstract };
	for (size_t i = 0; i < 2; i++) {
		CLEANUP(file_close) int fd = receive_at(paths[i]);

		setenv("NOTIFY_SOCKET", paths[i], 1);
		assert_true(listen_notify("READY=1", false));
		assert_int_equal(recv(fd, bytes, sizeof bytes, MSG_DONTWAIT), 7);
		assert_memory_equal(bytes, "READY=1", 7);
		/* One that does not read holds nobody up. */
		int told = 0;
		while (told < 10000 && listen_notify("WATCHDOG=1", true))
			told++;
		assert_in_range(told, 1, 9999);
	}
	/* Nobody there, nothing asked for, nonsense: no harm. */
	remove_place(&place);
	setenv("NOTIFY_SOCKET", place.path, 1);
	assert_false(listen_notify("READY=1", false));
	setenv("NOTIFY_SOCKET", "vsock:2:1", 1);
	assert_false(listen_notify("READY=1", false));
	unsetenv("NOTIFY_SOCKET");
	assert_false(listen_notify("READY=1", false));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_unix_socket_has_its_mode_and_no_leftovers),
		cmocka_unit_test(a_second_listener_takes_the_name_over),
		cmocka_unit_test(what_cannot_be_is_told_with_its_path),
		cmocka_unit_test(tcp_places_are_read),
		cmocka_unit_test(a_tcp_port_can_be_connected_to),
		cmocka_unit_test(ports_are_of_tcp_only),
		cmocka_unit_test(the_peer_of_a_unix_socket_is_known),
		cmocka_unit_test(the_overflow_uid_is_nobody),
		cmocka_unit_test(descriptors_are_inherited_from_systemd),
		cmocka_unit_test(the_service_manager_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
