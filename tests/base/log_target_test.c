/* SPDX-License-Identifier: MIT */

/* Tests base/log_target.c: what takes lines, what does not, and what takes them again. */

#include "base/log_target.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/support/cmocka.h"

static char folder[40];
static char path[64];

static int make_folder(void **state)
{
	(void)state;
	snprintf(folder, sizeof folder, "/tmp/log-target-XXXXXX");
	if (mkdtemp(folder) == NULL)
		return -1;
	snprintf(path, sizeof path, "%s/log", folder);
	return 0;
}

static int remove_folder(void **state)
{
	(void)state;
	(void)unlink(path);
	return rmdir(folder);
}

static int listen_at(int type)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	memcpy(address.sun_path, path, strlen(path) + 1);
	(void)unlink(path);
	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof address), 0);
	if (type == SOCK_STREAM)
		assert_int_equal(listen(fd, 1), 0);
	return fd;
}

static int put(struct log_target *target, const char *line)
{
	return log_target_put(target, span_from_string(line));
}

static void expect_next(int fd, const char *expected, size_t length)
{
	char bytes[100];

	assert_int_equal(recv(fd, bytes, sizeof bytes, 0), length);
	assert_memory_equal(bytes, expected, length);
}

static void expect_file(const char *expected)
{
	char bytes[200] = "";
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(read(fd, bytes, sizeof bytes - 1), strlen(expected));
	assert_string_equal(bytes, expected);
	(void)close(fd);
}

static void a_line_is_a_datagram(void **state)
{
	struct log_target target;
	int reader = listen_at(SOCK_DGRAM);

	(void)state;
	assert_int_equal(log_target_open(&target, LOG_TARGET_SOCKET, path), 0);
	assert_int_equal(put(&target, "one"), 0);
	assert_int_equal(put(&target, "two"), 0);
	expect_next(reader, "one", 3);
	expect_next(reader, "two", 3);
	log_target_finish(&target);
	(void)close(reader);
}

static void in_a_stream_it_ends_with_a_nul(void **state)
{
	struct log_target target;
	int listener = listen_at(SOCK_STREAM);

	(void)state;
	assert_int_equal(log_target_open(&target, LOG_TARGET_SOCKET, path), 0);
	assert_int_equal(put(&target, "one"), 0);
	int reader = accept(listener, NULL, NULL);
	expect_next(reader, "one", 4);
	/* A reader that comes back. */
	(void)close(reader);
	(void)put(&target, "two");
	assert_int_equal(put(&target, "three"), 0);
	log_target_finish(&target);
	(void)close(listener);
}

static void a_socket_that_comes_later_is_found(void **state)
{
	struct log_target target;

	(void)state;
	assert_int_equal(log_target_open(&target, LOG_TARGET_SOCKET, path), -1);
	assert_int_equal(errno, ENOENT);
	assert_int_equal(put(&target, "lost"), -1);
	int reader = listen_at(SOCK_DGRAM);
	assert_int_equal(put(&target, "one"), 0);
	expect_next(reader, "one", 3);
	/* It ends, and another takes its place. */
	(void)close(reader);
	assert_int_equal(put(&target, "lost"), -1);
	reader = listen_at(SOCK_DGRAM);
	assert_int_equal(put(&target, "two"), 0);
	expect_next(reader, "two", 3);
	log_target_finish(&target);
	(void)close(reader);
}

static void one_that_ends_between_two_lines_costs_none(void **state)
{
	struct log_target target;
	int reader = listen_at(SOCK_DGRAM);

	(void)state;
	assert_int_equal(log_target_open(&target, LOG_TARGET_SOCKET, path), 0);
	(void)close(reader);
	reader = listen_at(SOCK_DGRAM);
	assert_int_equal(put(&target, "one"), 0);
	expect_next(reader, "one", 3);
	log_target_finish(&target);
	(void)close(reader);
}

static void who_reads_nothing_is_not_waited_for(void **state)
{
	struct log_target target;
	int reader = listen_at(SOCK_DGRAM);
	int taken = 0;

	(void)state;
	assert_int_equal(log_target_open(&target, LOG_TARGET_SOCKET, path), 0);
	/* This returns at all, and from here on at once. */
	while (put(&target, "line") == 0)
		taken++;
	assert_int_equal(errno, EAGAIN);
	assert_true(target.is_slow);
	for (int i = 0; i < 10000; i++)
		assert_int_equal(put(&target, "line"), -1);
	for (; taken > 0; taken--)
		expect_next(reader, "line", 4);
	assert_int_equal(put(&target, "again"), 0);
	assert_false(target.is_slow);
	expect_next(reader, "again", 5);
	log_target_finish(&target);
	(void)close(reader);
}

static void a_pipe_that_is_full_is_not_waited_for(void **state)
{
	struct log_target target;
	int ends[2];
	char line[1000];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	memset(line, 'x', sizeof line);
	assert_int_equal(log_target_open(&target, LOG_TARGET_STDERR, NULL), 0);
	target.fd = ends[1];
	while (log_target_put(&target, span_from_bytes(line, sizeof line)) == 0)
		continue;
	assert_true(target.is_slow);
	assert_int_equal(put(&target, "line"), -1);
	(void)close(ends[0]);
	(void)close(ends[1]);
}

static void lines_are_added_to_a_file(void **state)
{
	struct log_target target;
	struct log_target other;

	(void)state;
	assert_int_equal(log_target_open(&target, LOG_TARGET_FILE, path), 0);
	assert_int_equal(log_target_open(&other, LOG_TARGET_FILE, path), 0);
	assert_int_equal(put(&target, "one\n"), 0);
	assert_int_equal(put(&other, "two\n"), 0);
	assert_int_equal(put(&target, "three\n"), 0);
	expect_file("one\ntwo\nthree\n");
	log_target_finish(&target);
	log_target_finish(&other);
}

static void a_line_that_did_not_fit_does_not_begin_the_next(void **state)
{
	struct log_target target;
	struct rlimit before;

	(void)state;
	(void)sigaction(SIGXFSZ, &(struct sigaction){ .sa_handler = SIG_IGN }, NULL);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	assert_int_equal(log_target_open(&target, LOG_TARGET_FILE, path), 0);
	struct rlimit small = { .rlim_cur = 6, .rlim_max = before.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	assert_int_equal(put(&target, "one\n"), 0);
	assert_int_equal(put(&target, "two\n"), -1);
	assert_int_equal(put(&target, "three\n"), -1);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_int_equal(put(&target, "four\n"), 0);
	expect_file("one\ntw\nfour\n");
	log_target_finish(&target);
}

static void what_cannot_be_opened_is_said(void **state)
{
	static const struct row {
		const char *path;
		int reason;
	} rows[] = {
		{ "/nonexistent/log", ENOENT },
		{ "/", EISDIR },
		{ "/proc/self/cwd", ELOOP },
	};
	struct log_target target;

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		assert_int_equal(log_target_open(&target, LOG_TARGET_FILE, rows[i].path), -1);
		assert_int_equal(errno, rows[i].reason);
		assert_int_equal(put(&target, "line\n"), -1);
		log_target_finish(&target);
	}
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(log_target_open(&target, LOG_TARGET_FILE, path), -1);
	assert_int_equal(errno, ENXIO);
	log_target_finish(&target);
}

static void a_full_disk_is_said(void **state)
{
	struct log_target target;

	(void)state;
	assert_int_equal(log_target_open(&target, LOG_TARGET_FILE, "/dev/full"), 0);
	assert_int_equal(put(&target, "line\n"), -1);
	assert_int_equal(errno, ENOSPC);
	log_target_finish(&target);
}

/* The descriptor was closed by who closes all, and is something else's now. */
static void nothing_is_written_to_a_stranger(void **state)
{
	struct log_target target;
	int ends[2];

	(void)state;
	assert_int_equal(log_target_open(&target, LOG_TARGET_FILE, path), 0);
	assert_int_equal(pipe2(ends, O_NONBLOCK), 0);
	assert_int_equal(dup2(ends[1], target.fd), target.fd);
	int stolen = target.fd;
	assert_int_equal(put(&target, "line\n"), 0);
	expect_file("line\n");
	assert_int_not_equal(target.fd, stolen);
	/* Nor is it closed. */
	assert_int_equal(write(stolen, "x", 1), 1);
	log_target_finish(&target);
	(void)close(stolen);
	(void)close(ends[0]);
	(void)close(ends[1]);
}

static void none_takes_everything(void **state)
{
	struct log_target target;

	(void)state;
	assert_int_equal(log_target_open(&target, LOG_TARGET_NONE, NULL), 0);
	assert_int_equal(put(&target, "line\n"), 0);
	log_target_finish(&target);
	log_target_finish(&target);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test_setup_teardown(a_line_is_a_datagram, make_folder, remove_folder),
	cmocka_unit_test_setup_teardown(in_a_stream_it_ends_with_a_nul, make_folder, remove_folder),
	cmocka_unit_test_setup_teardown(
	    a_socket_that_comes_later_is_found, make_folder, remove_folder),
	cmocka_unit_test_setup_teardown(
	    one_that_ends_between_two_lines_costs_none, make_folder, remove_folder),
	cmocka_unit_test_setup_teardown(
	    who_reads_nothing_is_not_waited_for, make_folder, remove_folder),
	cmocka_unit_test_setup_teardown(
	    a_pipe_that_is_full_is_not_waited_for, make_folder, remove_folder),
	cmocka_unit_test_setup_teardown(lines_are_added_to_a_file, make_folder, remove_folder),
	cmocka_unit_test_setup_teardown(
	    a_line_that_did_not_fit_does_not_begin_the_next, make_folder, remove_folder),
	cmocka_unit_test_setup_teardown(what_cannot_be_opened_is_said, make_folder, remove_folder),
	cmocka_unit_test(a_full_disk_is_said),
	cmocka_unit_test_setup_teardown(
	    nothing_is_written_to_a_stranger, make_folder, remove_folder),
	cmocka_unit_test(none_takes_everything),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
