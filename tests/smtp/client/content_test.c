/* SPDX-License-Identifier: MIT */

/* Tests smtp/client/content.c. */

#include "smtp/client/content.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"

/* A session whose stream keeps all that it is given. */
struct fixture {
	struct stream stream;
	struct smarthost smarthost;
	struct session_settings settings;
	struct session session;
	struct buffer sent;
	int other_end;
	unsigned writes;
};

static ssize_t keep(void *context, const char *bytes, size_t size, short *wants)
{
	struct fixture *f = context;

	(void)wants;
	f->writes++;
	buffer_append(&f->sent, bytes, size);
	return (ssize_t)size;
}

static ssize_t read_nothing(void *context, char *bytes, size_t size, short *wants)
{
	(void)context;
	(void)bytes;
	(void)size;
	(void)wants;
	return 0;
}

static void finish_nothing(void *context)
{
	(void)context;
}

static const struct stream_operations operations = {
	.read = read_nothing,
	.write = keep,
	.finish = finish_nothing,
};

static struct fixture *fixture_new(void)
{
	struct fixture *f = memory_allocate(sizeof *f);
	int ends[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	stream_init_take_fd(&f->stream, ends[0], ends[0], "peer");
	f->other_end = ends[1];
	f->stream.operations = &operations;
	f->stream.context = f;
	buffer_init(&f->sent, 1 << 24);
	f->settings = (struct session_settings){
		.smarthost = &f->smarthost,
		.hello = "client.example",
		.timeouts = session_default_timeouts,
	};
	f->session = (struct session){
		.stream = &f->stream,
		.settings = &f->settings,
		.is_in_step = true,
		.is_usable = true,
	};
	return f;
}

static void fixture_free(struct fixture *f)
{
	session_finish(&f->session);
	stream_finish(&f->stream);
	buffer_finish(&f->sent);
	file_close(&f->other_end);
	free(f);
}

/* Gives a text in pieces of one size. */
struct source {
	struct span rest;
	size_t piece;
	bool fails; /* at the end */
};

static ssize_t read_source(void *context, char *bytes, size_t size, struct error *error)
{
	struct source *source = context;
	struct span part = span_first(source->rest, size < source->piece ? size : source->piece);

	if (part.length == 0)
		return source->fails ? error_set(error, ERROR_IO, "4.3.0", "broken") : 0;
	memcpy(bytes, part.start, part.length);
	source->rest = span_after(source->rest, part.length);
	return (ssize_t)part.length;
}

static void assert_sent(const struct fixture *f, struct span wanted)
{
	assert_int_equal(f->sent.length, wanted.length);
	assert_memory_equal(f->sent.start, wanted.start, wanted.length);
}

static const char sample[] = ".a\r\n..b\r\nc.\r\n\r\n.\r\n\r\nend\r\n";
static const char stuffed[] = "..a\r\n...b\r\nc.\r\n\r\n..\r\n\r\nend\r\n.\r\n";

static void every_split_gives_the_same_octets(void **state)
{
	struct span text = span_from_string(sample);

	(void)state;
	for (size_t front = 0; front <= text.length; front++) {
		for (size_t piece = 1; piece <= 5; piece++) {
			struct fixture *f = fixture_new();
			struct source source = { span_after(text, front), piece, false };
			struct content content = { span_first(text, front), read_source, &source,
				(int64_t)text.length };
			struct error error;

			assert_int_equal(content_send_data(&f->session, &content, &error), 0);
			assert_sent(f, span_from_string(stuffed));
			assert_int_equal(f->writes, 1);
			assert_int_equal(f->session.pipeline.count, 1);
			assert_true(pipeline_head(&f->session.pipeline)->is_content_end);
			fixture_free(f);
		}
	}
}

static void known_size_is_one_chunk(void **state)
{
	struct span text = span_from_string(sample);

	(void)state;
	for (size_t front = 0; front <= text.length; front++) {
		struct fixture *f = fixture_new();
		struct source source = { span_after(text, front), 3, false };
		struct content content = { span_first(text, front), read_source, &source,
			(int64_t)text.length };
		struct content_progress progress = { 0 };
		struct error error;
		CLEANUP(memory_free_string)
		char *wanted = memory_format("BDAT %zu LAST\r\n%s", text.length, sample);

		assert_int_equal(content_send_bdat(&f->session, &content, &progress, &error), 0);
		assert_sent(f, span_from_string(wanted));
		assert_int_equal(f->writes, 1);
		assert_true(pipeline_head(&f->session.pipeline)->is_content_end);
		fixture_free(f);
	}
}

/* "BDAT n [LAST]" and n octets, again and again; the octets come back joined. */
static unsigned join_chunks(struct span sent, struct buffer *joined, bool *is_ended)
{
	unsigned count = 0;
	struct span line;

	while (span_take_line(&sent, &line)) {
		uint64_t size;
		struct span word;

		assert_false(*is_ended);
		span_take_word(&line, &word);
		assert_true(span_equals_string(word, "BDAT"));
		span_take_word(&line, &word);
		assert_true(span_to_number(word, &size));
		*is_ended = span_take_word(&line, &word);
		assert_true(size <= sent.length);
		buffer_append_span(joined, span_first(sent, size));
		sent = span_after(sent, size);
		count++;
	}
	return count;
}

static void unknown_size_goes_in_chunks(void **state)
{
	static const struct row {
		size_t front, rest;
		unsigned chunks;
	} rows[] = {
		{ 0, 0, 1 },
		{ 10, 0, 1 },
		{ 10, 100, 1 },
		{ 10, CONTENT_CHUNK - 11, 1 },
		{ 10, CONTENT_CHUNK - 10, 2 }, /* full: the end is not known yet */
		{ CONTENT_CHUNK, 1, 2 },
		{ 3 * CONTENT_CHUNK, 1, 2 }, /* the front lies in memory, so it goes at once */
		{ 0, 10 * CONTENT_CHUNK + 1, 11 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct fixture *f = fixture_new();
		size_t length = rows[i].front + rows[i].rest;
		char *text = memory_allocate(length + 1);
		struct content_progress progress = { 0 };
		CLEANUP(buffer_finish) struct buffer joined = { 0 };
		bool is_ended = false;
		struct error error;
		int more;

		for (size_t at = 0; at < length; at++)
			text[at] = (char)(at * 7 % 251);
		struct source source = { span_from_bytes(text + rows[i].front, rows[i].rest), 1000,
			false };
		struct content content = { span_from_bytes(text, rows[i].front), read_source,
			&source, -1 };

		while ((more = content_send_bdat(&f->session, &content, &progress, &error)) > 0)
			assert_false(f->session.pipeline.entries[f->session.pipeline.count - 1]
					 .is_content_end);
		assert_int_equal(more, 0);
		buffer_init(&joined, 1 << 24);
		assert_int_equal(
		    join_chunks(buffer_span(&f->sent), &joined, &is_ended), rows[i].chunks);
		assert_true(is_ended);
		assert_int_equal(f->session.pipeline.count, rows[i].chunks);
		assert_int_equal(joined.length, length);
		if (length != 0)
			assert_memory_equal(joined.start, text, length);
		free(text);
		fixture_free(f);
	}
}

/* What is larger than the stream's output leaves in several flights, whole. */
static void large_content_is_flushed_in_between(void **state)
{
	size_t length = 3 * (size_t)STREAM_OUTPUT_LIMIT + 17;
	char *text = memory_allocate(length);
	struct fixture *f = fixture_new();
	struct content content = { span_from_bytes(text, length), NULL, NULL, -1 };
	struct error error;

	(void)state;
	memset(text, '.', length);
	for (size_t at = 98; at + 2 < length; at += 100)
		memcpy(text + at, "\r\n", 2);
	assert_int_equal(content_send_data(&f->session, &content, &error), 0);
	assert_true(f->writes > 3);
	/* A dot for each line, and the end of the last one. */
	assert_int_equal(f->sent.length, length + length / 100 + 1 + 5);
	free(text);
	fixture_free(f);
}

/* Neither a dot nor LAST ends what was not all there. */
static void broken_content_never_ends(void **state)
{
	static const struct row {
		const char *name;
		int64_t size;
		bool fails;
		bool by_bdat;
	} rows[] = {
		{ "read fails, DATA", -1, true, false },
		{ "read fails, DATA with size", 100, true, false },
		{ "read fails, BDAT", -1, true, true },
		{ "read fails, BDAT with size", 100, true, true },
		{ "too short, DATA", 100, false, false },
		{ "too long, DATA", 12, false, false },
		{ "too short, BDAT", 100, false, true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct fixture *f = fixture_new();
		struct span text = span_from_string("Subject: x\r\n\r\nhello\r\n");
		struct source source = { span_after(text, 5), 3, rows[i].fails };
		struct content content = { span_first(text, 5), read_source, &source,
			rows[i].size };
		struct content_progress progress = { 0 };
		struct error error = { 0 };
		int outcome = rows[i].by_bdat
				  ? content_send_bdat(&f->session, &content, &progress, &error)
				  : content_send_data(&f->session, &content, &error);

		print_message("%s\n", rows[i].name);
		assert_int_equal(outcome, -1);
		assert_int_equal(error.kind, ERROR_IO);
		assert_false(f->session.is_usable);
		session_quit(&f->session);
		buffer_append_string(&f->sent, " ");
		buffer_append_span(&f->sent, buffer_span(&f->stream.output));
		assert_null(memmem(f->sent.start, f->sent.length, "\r\n.\r\n", 5));
		assert_null(memmem(f->sent.start, f->sent.length, "QUIT", 4));
		fixture_free(f);
	}
}

/* The same of what is put piece by piece. */
static void a_cut_flow_never_ends(void **state)
{
	(void)state;
	for (int is_stuffed = 0; is_stuffed < 2; is_stuffed++) {
		struct fixture *f = fixture_new();
		struct span text = span_from_string("Subject: x\r\n\r\nhello\r\n");
		struct source source = { span_after(text, 5), 3, false };
		struct content content = { span_first(text, 5), read_source, &source,
			(int64_t)text.length + 1 };
		struct content_flow flow = { .is_stuffed = is_stuffed };
		struct error error = { 0 };

		assert_int_equal(content_put(&f->session, &content, &flow, &error), -1);
		assert_int_equal(error.kind, ERROR_IO);
		assert_false(f->session.is_usable);
		assert_true(span_equals(buffer_span(&f->stream.output), text));
		fixture_free(f);
	}
}

static int open_sample(void)
{
	int fd = memfd_create("content", MFD_CLOEXEC);

	assert_int_equal(write(fd, "0123456789", 10), 10);
	return fd;
}

static void file_part_is_read_to_its_length(void **state)
{
	int fd = open_sample();

	(void)state;
	for (size_t size = 1; size < 8; size++) {
		struct content_file file = { .fd = fd, .offset = 2, .left = 6 };
		char text[20] = "";
		size_t length = 0;
		ssize_t count;
		struct error error;

		while ((count = content_read_file(&file, text + length, size, &error)) > 0)
			length += (size_t)count;
		assert_int_equal(count, 0);
		assert_string_equal(text, "234567");
	}
	file_close(&fd);
}

static void short_file_is_an_error(void **state)
{
	int fd = open_sample();
	struct content_file file = { .fd = fd, .offset = 5, .left = 6 };
	char text[20];
	struct error error = { 0 };

	(void)state;
	assert_int_equal(content_read_file(&file, text, sizeof text, &error), -1);
	assert_int_equal(error.kind, ERROR_IO);
	file_close(&fd);
	file.fd = -1;
	assert_int_equal(content_read_file(&file, text, sizeof text, &error), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_split_gives_the_same_octets),
		cmocka_unit_test(known_size_is_one_chunk),
		cmocka_unit_test(unknown_size_goes_in_chunks),
		cmocka_unit_test(large_content_is_flushed_in_between),
		cmocka_unit_test(broken_content_never_ends),
		cmocka_unit_test(a_cut_flow_never_ends),
		cmocka_unit_test(file_part_is_read_to_its_length),
		cmocka_unit_test(short_file_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
