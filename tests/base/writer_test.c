/* SPDX-License-Identifier: MIT */

/* Tests base/writer.c. */

#include "base/writer.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/file.h"
#include "base/memory.h"

/* Whatever the sizes, the file holds all pieces in order. */
static void pieces_of_any_size_arrive_in_order(void **state)
{
	static const size_t sizes[] = { 0, 1, 100, 32767, 1, 32768, 32769, 5, 100000, 0, 32768, 3 };
	CLEANUP(file_close) int fd = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	CLEANUP(buffer_finish) struct buffer content;
	struct writer *writer = memory_allocate(sizeof *writer);
	char *bytes = memory_allocate(100000);
	size_t total = 0;

	(void)state;
	assert_true(fd >= 0);
	writer_init(writer, fd);
	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		memset(bytes, 'a' + (int)i, sizes[i]);
		writer_append(writer, span_from_bytes(bytes, sizes[i]));
		total += sizes[i];
		assert_int_equal(writer->total, total);
	}
	writer_append_string(writer, "end");
	assert_int_equal(writer_flush(writer), 0);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	buffer_init(&content, 1000000);
	assert_int_equal(file_read_to_end(fd, &content), 0);
	assert_int_equal(content.length, total + 3);
	const char *at = content.start;
	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
		for (size_t j = 0; j < sizes[i]; j++)
			if (*at++ != (char)('a' + i))
				fail_msg("piece %zu, octet %zu", i, j);
	assert_memory_equal(at, "end", 3);
	/* Nothing is written twice. */
	assert_int_equal(writer_flush(writer), 0);
	assert_int_equal(lseek(fd, 0, SEEK_END), (off_t)total + 3);
	free(bytes);
	free(writer);
}

static void nothing_is_written_before_it_must(void **state)
{
	CLEANUP(file_close) int fd = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	struct writer *writer = memory_allocate(sizeof *writer);

	(void)state;
	writer_init(writer, fd);
	writer_append_string(writer, "abc");
	assert_int_equal(lseek(fd, 0, SEEK_END), 0);
	assert_int_equal(writer_flush(writer), 0);
	assert_int_equal(lseek(fd, 0, SEEK_END), 3);
	free(writer);
}

static void the_first_failure_sticks(void **state)
{
	CLEANUP(file_close) int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
	CLEANUP(file_close) int fd = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	struct writer *writer = memory_allocate(sizeof *writer);

	(void)state;
	assert_true(full >= 0);
	writer_init(writer, full);
	writer_append_string(writer, "abc");
	assert_int_equal(writer_flush(writer), -1);
	assert_int_equal(errno, ENOSPC);
	/* The disk has room again, but what was lost is lost. */
	writer->fd = fd;
	writer_append_string(writer, "def");
	errno = 0;
	assert_int_equal(writer_flush(writer), -1);
	assert_int_equal(errno, ENOSPC);
	assert_int_equal(lseek(fd, 0, SEEK_END), 0);
	writer_init(writer, fd);
	writer_append_string(writer, "def");
	assert_int_equal(writer_flush(writer), 0);
	free(writer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pieces_of_any_size_arrive_in_order),
		cmocka_unit_test(nothing_is_written_before_it_must),
		cmocka_unit_test(the_first_failure_sticks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
