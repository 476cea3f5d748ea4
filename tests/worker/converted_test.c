/* SPDX-License-Identifier: MIT */

/* Tests worker/converted.c; what becomes of a part is tested with message/downgrade.c. */

#include "worker/converted.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"

#define BEFORE "what stands before the body\r\n"

static char header[] = "Subject: x\r\n\r\n";

static int make_file(const char *body)
{
	int fd = memfd_create("converted", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(file_write_all(fd, span_from_string(BEFORE)), 0);
	assert_int_equal(file_write_all(fd, span_from_string(body)), 0);
	return fd;
}

static void read_all(const struct content *content, struct buffer *octets)
{
	struct error error;
	char bytes[7];
	ssize_t count;

	buffer_append_span(octets, content->front);
	while ((count = content->read(content->context, bytes, sizeof bytes, &error)) > 0)
		buffer_append(octets, bytes, (size_t)count);
	assert_int_equal(count, 0);
}

static void only_what_must_be_is_converted(void **state)
{
	static const struct row {
		const char *name;
		const char *body;
		bool has_8bit;
		uint64_t longest_line;
		bool offers_8bitmime;
		const char *want; /* NULL: as it is */
	} rows[] = {
		{ "plain", "some words\r\n", false, 10, false, NULL },
		{ "empty", "", false, 10, false, NULL },
		{ "8-bit is taken", "some words \xe4\r\n", true, 12, true, NULL },
		{ "8-bit is not taken", "some words \xe4\r\n", true, 12, false,
		    "Subject: x\r\nMIME-Version: 1.0\r\n"
		    "Content-Type: text/plain; charset=unknown-8bit\r\n"
		    "Content-Transfer-Encoding: quoted-printable\r\n\r\nsome words =E4\r\n" },
		{ "8-bit was in the header alone", "some words\r\n", true, 12, false, NULL },
		{ "the long line was in the header", "some words\r\n", false, 1000, true, NULL },
		{ "nobody has said that it is", "some words \xe4\r\n", false, 0, false, NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		CLEANUP(converted_finish) struct converted converted;
		CLEANUP(file_close) int fd = make_file(rows[i].body);
		CLEANUP(buffer_finish) struct buffer octets = { 0 };
		struct content content;
		struct request_attempt attempt = {
			.header = header,
			.header_length = strlen(header),
			.body_offset = strlen(BEFORE),
			.body_length = strlen(rows[i].body),
			.has_8bit = rows[i].has_8bit,
			.longest_line = rows[i].longest_line,
		};

		print_message("\t%s\n", rows[i].name);
		buffer_init(&octets, 10000);
		converted_init(&converted, &attempt, fd, rows[i].offers_8bitmime, &content);
		read_all(&content, &octets);
		assert_int_equal(content.size, octets.length);
		CLEANUP(memory_free_string)
		char *same = memory_format("%s%s", header, rows[i].body);
		assert_string_equal(
		    buffer_string(&octets), rows[i].want != NULL ? rows[i].want : same);
	}
}

/* A file that was cut: it must not become a shorter message. */
static void what_cannot_be_read_is_told_of_when_it_is_sent(void **state)
{
	CLEANUP(converted_finish) struct converted converted;
	CLEANUP(file_close) int fd = make_file("\xe4\r\n");
	struct content content;
	struct error error;
	char bytes[1000];
	struct request_attempt attempt = {
		.header = header,
		.header_length = strlen(header),
		.body_offset = strlen(BEFORE),
		.body_length = 1000,
		.has_8bit = true,
	};

	(void)state;
	converted_init(&converted, &attempt, fd, false, &content);
	assert_int_equal(content.size, strlen(header) + 1000);
	assert_int_equal(content.read(content.context, bytes, sizeof bytes, &error), -1);
	assert_string_equal(error.text, "the message ends before its length");
}

/* As it is cut while it is being sent. */
static void a_file_that_changes_is_an_error(void **state)
{
	CLEANUP(converted_finish) struct converted converted;
	CLEANUP(buffer_finish) struct buffer body = { 0 };
	struct content content;
	struct error error;
	char bytes[1000];
	ssize_t count;

	(void)state;
	buffer_init(&body, 1000000);
	while (body.length < 100000)
		buffer_append_string(&body, "some words \xe4\r\n");
	CLEANUP(file_close) int fd = make_file(buffer_string(&body));
	struct request_attempt attempt = {
		.header = header,
		.header_length = strlen(header),
		.body_offset = strlen(BEFORE),
		.body_length = body.length,
		.has_8bit = true,
	};
	converted_init(&converted, &attempt, fd, false, &content);
	assert_true(content.size > (int64_t)body.length);
	assert_int_equal(ftruncate(fd, 50000), 0);
	while ((count = content.read(content.context, bytes, sizeof bytes, &error)) > 0)
		continue;
	assert_int_equal(count, -1);
	assert_string_equal(error.text, "the message ends before its length");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_what_must_be_is_converted),
		cmocka_unit_test(what_cannot_be_read_is_told_of_when_it_is_sent),
		cmocka_unit_test(a_file_that_changes_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
