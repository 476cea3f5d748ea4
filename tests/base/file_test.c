/* SPDX-License-Identifier: MIT */

/* Tests base/file.c. */

#include "base/file.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/memory.h"

/* A file without a name that holds content. */
static int file_with(const char *content, size_t length)
{
	int fd = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(file_write_all(fd, span_from_bytes(content, length)), 0);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	return fd;
}

static void close_leaves_minus_one(void **state)
{
	int fd = file_with("", 0);
	int copy = fd;

	(void)state;
	file_close(&fd);
	assert_int_equal(fd, -1);
	assert_int_equal(fcntl(copy, F_GETFD), -1);
	file_close(&fd);
	assert_int_equal(fd, -1);
}

static void reads_go_on_until_full_or_the_end(void **state)
{
	CLEANUP(file_close) int fd = file_with("abcdef", 6);
	char bytes[10] = "";

	(void)state;
	assert_int_equal(file_read_full(fd, bytes, 4), 4);
	assert_memory_equal(bytes, "abcd", 4);
	assert_int_equal(file_read_full(fd, bytes, sizeof bytes), 2);
	assert_memory_equal(bytes, "ef", 2);
	assert_int_equal(file_read_full(fd, bytes, sizeof bytes), 0);
	assert_int_equal(file_read_full_at(fd, bytes, 3, 2), 3);
	assert_memory_equal(bytes, "cde", 3);
	assert_int_equal(file_read_full_at(fd, bytes, 10, 5), 1);
	assert_int_equal(file_read_full_at(fd, bytes, 10, 6), 0);
	/* The offset of the file stayed at its end. */
	assert_int_equal(lseek(fd, 0, SEEK_CUR), 6);
}

/* A pipe gives its bytes in pieces. */
static void short_reads_are_gone_on_with(void **state)
{
	int ends[2];
	char bytes[7];
	pid_t child;

	(void)state;
	assert_int_equal(pipe(ends), 0);
	child = fork();
	if (child == 0) {
		for (const char *p = "abcdefg"; *p != '\0'; p++) {
			(void)!write(ends[1], p, 1);
			(void)sched_yield();
		}
		_exit(0);
	}
	close(ends[1]);
	assert_int_equal(file_read_full(ends[0], bytes, 7), 7);
	assert_memory_equal(bytes, "abcdefg", 7);
	assert_int_equal(waitpid(child, NULL, 0), child);
	close(ends[0]);
}

static void writing_at_an_offset_leaves_the_offset(void **state)
{
	CLEANUP(file_close) int fd = file_with("abcdef", 6);
	char bytes[8];

	(void)state;
	assert_int_equal(file_write_all_at(fd, span_from_string("XY"), 3), 0);
	assert_int_equal(lseek(fd, 0, SEEK_CUR), 0);
	assert_int_equal(file_read_full(fd, bytes, sizeof bytes), 6);
	assert_memory_equal(bytes, "abcXYf", 6);
	assert_int_equal(file_write_all(fd, span_from_bytes(NULL, 0)), 0);
}

static void failures_leave_errno(void **state)
{
	CLEANUP(file_close) int fd = open("/dev/full", O_RDWR | O_CLOEXEC);
	CLEANUP(buffer_finish) struct buffer content;
	char byte;

	(void)state;
	buffer_init(&content, 10);
	assert_true(fd >= 0);
	assert_int_equal(file_write_all(fd, span_from_string("x")), -1);
	assert_int_equal(errno, ENOSPC);
	assert_int_equal(file_read_full(-1, &byte, 1), -1);
	assert_int_equal(errno, EBADF);
	assert_int_equal(file_read_full_at(-1, &byte, 1, 0), -1);
	assert_int_equal(file_write_all_at(-1, span_from_string("x"), 0), -1);
	assert_int_equal(file_read_to_end(-1, &content), -1);
	assert_int_equal(errno, EBADF);
	assert_int_equal(file_set_nonblocking(-1, true), -1);
}

static void the_end_is_told_from_the_limit(void **state)
{
	static const struct row {
		size_t size, limit;
		int outcome;
	} rows[] = { { 0, 0, 0 }, { 0, 5, 0 }, { 5, 5, 0 }, { 6, 5, 1 }, { 1, 0, 1 },
		{ 65536, 65536, 0 }, { 65537, 65536, 1 }, { 200000, 300000, 0 },
		{ 200000, SIZE_MAX, 0 } };
	char *bytes = memory_allocate(200000);

	(void)state;
	memset(bytes, 'x', 200000);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		CLEANUP(file_close) int fd = file_with(bytes, rows[i].size);
		CLEANUP(buffer_finish) struct buffer content;

		buffer_init(&content, rows[i].limit);
		assert_int_equal(file_read_to_end(fd, &content), rows[i].outcome);
		assert_int_equal(
		    content.length, rows[i].size < rows[i].limit ? rows[i].size : rows[i].limit);
		assert_false(content.has_overflowed);
	}
	free(bytes);
}

static void a_whole_file_or_an_error_that_names_it(void **state)
{
	char path[] = "/tmp/mailchute-file-test-XXXXXX";
	CLEANUP(file_close) int fd = mkstemp(path);
	struct error error = { 0 };

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(file_write_all(fd, span_from_string("a\0b\n")), 0);
	for (size_t limit = 0; limit < 3; limit++) {
		CLEANUP(buffer_finish) struct buffer content;

		buffer_init(&content, limit);
		int outcome = file_read_whole(path, &content, &error);
		assert_int_equal(outcome, limit >= 1 ? 0 : -1);
		if (outcome == 0)
			assert_string_equal(buffer_string(&content), "a");
	}
	assert_non_null(strstr(error.text, path));
	assert_int_equal(error.kind, ERROR_CONFIG);
	assert_int_equal(unlink(path), 0);

	static const char *const wrong[] = { "/nonexistent/x", "/tmp" };
	for (size_t i = 0; i < 2; i++) {
		CLEANUP(buffer_finish) struct buffer content;

		buffer_init(&content, 100);
		assert_int_equal(file_read_whole(wrong[i], &content, &error), -1);
		assert_non_null(strstr(error.text, wrong[i]));
	}
}

static void a_pipe_is_read_unless_nobody_writes(void **state)
{
	char path[40];
	char octets[4];
	int ends[2];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	snprintf(path, sizeof path, "/dev/fd/%d", ends[0]);
	errno = 0;
	assert_int_equal(file_open_to_read(path), -1);
	assert_int_equal(errno, ENODATA);
	assert_int_equal(write(ends[1], "abc", 3), 3);
	CLEANUP(file_close) int fd = file_open_to_read(path);
	assert_false(fcntl(fd, F_GETFL) & O_NONBLOCK);
	file_close(&ends[1]);
	assert_int_equal(file_read_full(fd, octets, sizeof octets), 3);
	file_close(&ends[0]);
}

static void make_file(int folder, const char *name, char content)
{
	CLEANUP(file_close) int fd = openat(folder, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	assert_int_equal(file_write_all(fd, span_from_bytes(&content, 1)), 0);
}

static char content_of(int folder, const char *name)
{
	CLEANUP(file_close) int fd = openat(folder, name, O_RDONLY | O_CLOEXEC);
	char content = '-';

	(void)file_read_full(fd, &content, 1);
	return content;
}

static void a_rename_takes_no_name_that_is_there(void **state)
{
	char path[] = "/tmp/file_test.XXXXXX";

	(void)state;
	assert_non_null(mkdtemp(path));
	CLEANUP(file_close) int folder = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	make_file(folder, "one", '1');
	make_file(folder, "two", '2');
	errno = 0;
	assert_int_equal(file_rename_to_new(folder, "one", folder, "two"), -1);
	assert_int_equal(errno, EEXIST);
	assert_int_equal(content_of(folder, "two"), '2');
	assert_int_equal(file_rename_to_new(folder, "one", folder, "three"), 0);
	assert_int_equal(content_of(folder, "one"), '-');
	assert_int_equal(content_of(folder, "three"), '1');
	assert_int_equal(unlinkat(folder, "two", 0), 0);
	assert_int_equal(unlinkat(folder, "three", 0), 0);
	assert_int_equal(rmdir(path), 0);
}

static void nonblocking_is_set_and_cleared(void **state)
{
	int ends[2];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(file_set_nonblocking(ends[0], true), 0);
	assert_true(fcntl(ends[0], F_GETFL) & O_NONBLOCK);
	assert_int_equal(file_set_nonblocking(ends[0], false), 0);
	assert_false(fcntl(ends[0], F_GETFL) & O_NONBLOCK);
	file_close(&ends[0]);
	file_close(&ends[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(close_leaves_minus_one),
		cmocka_unit_test(reads_go_on_until_full_or_the_end),
		cmocka_unit_test(short_reads_are_gone_on_with),
		cmocka_unit_test(writing_at_an_offset_leaves_the_offset),
		cmocka_unit_test(failures_leave_errno),
		cmocka_unit_test(the_end_is_told_from_the_limit),
		cmocka_unit_test(a_whole_file_or_an_error_that_names_it),
		cmocka_unit_test(a_pipe_is_read_unless_nobody_writes),
		cmocka_unit_test(a_rename_takes_no_name_that_is_there),
		cmocka_unit_test(nonblocking_is_set_and_cleared),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
