/* SPDX-License-Identifier: MIT */

/* Tests smtp/server/incoming.c. */

#include "smtp/server/incoming.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sys/wait.h>

#include "tests/smtp/server/scene.h"

#define OPEN "MAIL FROM:<a>\r\nRCPT TO:<b>\r\n"

static void contents_come_through(void **state)
{
	static const struct row {
		const char *name;
		const char *input; /* after MAIL and RCPT */
		const char *content;
	} rows[] = {
		{ "empty DATA", "DATA\r\n.\r\n", "" },
		{ "dots", "DATA\r\n..\r\n...a\r\n.b\r\n.\r\n", ".\r\n..a\r\nb\r\n" },
		{ "LF dot LF", "DATA\r\na\n.\nQUIT\n\r\n.\r\n", "a\n.\nQUIT\n\r\n" },
		{ "LF dot CRLF", "DATA\r\na\n.\r\nQUIT\r\n.\r\n", "a\n.\r\nQUIT\r\n" },
		{ "CRLF dot LF", "DATA\r\na\r\n.\nQUIT\r\n.\r\n", "a\r\n\nQUIT\r\n" },
		{ "CR dot CR", "DATA\r\na\r.\rQUIT\r\n.\r\n", "a\r.\rQUIT\r\n" },
		{ "CRLF dot CR CRLF", "DATA\r\na\r\n.\r\r\nQUIT\r\n.\r\n", "a\r\n\r\r\nQUIT\r\n" },
		{ "empty BDAT", "BDAT 0 LAST\r\n", "" },
		{ "several chunks", "BDAT 3\r\na\r\nBDAT 0\r\nBDAT 4\r\n.\r\nQBDAT 2 LAST\r\nUI",
		    "a\r\n.\r\nQUI" },
		{ "octets of a chunk are left as they are", "BDAT 9 LAST\r\n..\r\n.\r\n\r\n",
		    "..\r\n.\r\n\r\n" },
		{ "last chunk empty", "BDAT 1\r\nxBDAT 0 LAST\r\n", "x" },
		{ "BDAT line ended by LF", "BDAT 1 LAST\nx", "x" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		size_t length = strlen(rows[i].input);

		print_message("  %s\n", rows[i].name);
		for (size_t cut = 0; cut <= length; cut++) {
			struct scene scene;
			char want[200];

			snprintf(want, sizeof want, "mail(a) rcpt(b) begin end(%s) reset ",
			    rows[i].content);
			scene_init(&scene);
			scene_say(&scene, OPEN);
			scene_add(&scene, span_from_bytes(rows[i].input, cut));
			scene_add(&scene, span_from_bytes(rows[i].input + cut, length - cut));
			scene_say(&scene, "NOOP\r\n");
			scene_run(&scene);
			assert_string_equal(buffer_string(&scene.events), want);
			assert_true(
			    span_ends_with_ignoring_case(buffer_span(&scene.codes), " 250"));
			assert_null(strstr(buffer_string(&scene.codes), "221"));
			scene_finish(&scene);
		}
	}
}

/* NUL and octets above 0x7f are content like any other. */
static void every_octet_passes(void **state)
{
	char octets[256];

	(void)state;
	for (size_t i = 0; i < sizeof octets; i++)
		octets[i] = (char)i;
	for (int is_chunk = 0; is_chunk < 2; is_chunk++) {
		struct scene scene;

		scene_init(&scene);
		scene_say(&scene, OPEN);
		scene_say(&scene, is_chunk ? "BDAT 256 LAST\r\n" : "DATA\r\n");
		scene_add(&scene, span_from_bytes(octets, sizeof octets));
		scene_say(&scene, is_chunk ? "" : "\r\n.\r\n");
		scene_run(&scene);
		assert_int_equal(scene.content_total, is_chunk ? 256 : 258);
		scene_finish(&scene);
	}
}

static void a_refused_chunk_never_runs(void **state)
{
	static const struct row {
		const char *name;
		const char *input;
		const char *codes;
	} rows[] = {
		{ "before MAIL", "BDAT 12\r\nQUIT\r\nDATA\r\nNOOP\r\n", "220 503 250" },
		{ "before MAIL, several", "BDAT 6\r\nQUIT\r\nBDAT 6 LAST\r\nQUIT\r\nNOOP\r\n",
		    "220 503 503 250" },
		{ "before RCPT", "MAIL FROM:<a>\r\nBDAT 6 LAST\r\nQUIT\r\nRCPT TO:<b>\r\n",
		    "220 250 503 503" },
		{ "no recipient taken",
		    "MAIL FROM:<a>\r\nRCPT TO:<bad>\r\nBDAT 6\r\nQUIT\r\nNOOP\r\n",
		    "220 250 550 554 250" },
		{ "after the last one", OPEN "BDAT 1 LAST\r\nxBDAT 6 LAST\r\nQUIT\r\nNOOP\r\n",
		    "220 250 250 250 503 250" },
		{ "after LAST, a chunk of none", OPEN "BDAT 1 LAST\r\nxBDAT 0 LAST\r\nNOOP\r\n",
		    "220 250 250 250 503 250" },
		{ "DATA after a chunk", OPEN "BDAT 1\r\nxDATA\r\nBDAT 6\r\nQUIT\r\nNOOP\r\n",
		    "220 250 250 250 503 503 250" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct scene scene;

		print_message("  %s\n", rows[i].name);
		scene_play(&scene, rows[i].input);
		assert_string_equal(buffer_string(&scene.codes), rows[i].codes);
		assert_int_equal(scene.outcome, 1);
		scene_finish(&scene);
	}
}

static void an_enormous_chunk_is_waited_for(void **state)
{
	static const char *const sizes[] = { "9223372036854775808", "18446744073709551615" };

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct scene scene;
		char line[64];

		snprintf(line, sizeof line, "BDAT %s\r\n", sizes[i % 2]);
		scene_init(&scene);
		scene.settings.offered.size_limit = i < 2 ? 0 : 100;
		scene_say(&scene, OPEN);
		scene_say(&scene, line);
		scene_say(&scene, "QUIT\r\nNOOP\r\n");
		scene_run(&scene);
		scene_expect(&scene, "220 250 250",
		    i < 2 ? "mail(a) rcpt(b) begin reset " : "mail(a) rcpt(b) reset ");
		assert_int_equal(scene.outcome, 1);
		scene_finish(&scene);
	}
}

static void sizes_have_a_limit(void **state)
{
	static const struct row {
		const char *name;
		const char *input;
		const char *codes;
		const char *events;
	} rows[] = {
		{ "declared, allowed", "MAIL FROM:<a> SIZE=10\r\n", "220 250",
		    "mail(a 10) reset " },
		{ "declared, too large", "MAIL FROM:<a> SIZE=11\r\nRCPT TO:<b>\r\n", "220 552 503",
		    "" },
		{ "DATA, just right", OPEN "DATA\r\n12345678\r\n.\r\n", "220 250 250 354 250",
		    "mail(a) rcpt(b) begin end(12345678\r\n) reset " },
		{ "DATA, stuffed dots do not count", OPEN "DATA\r\n..\r\n..\r\n1234\r\n.\r\n",
		    "220 250 250 354 552", "mail(a) rcpt(b) begin reset " },
		{ "DATA, stuffed dots do not count, just right",
		    OPEN "DATA\r\n..\r\n..345\r\n.\r\n", "220 250 250 354 250",
		    "mail(a) rcpt(b) begin end(.\r\n.345\r\n) reset " },
		{ "DATA, too large", OPEN "DATA\r\n123456789\r\n.\r\nDATA\r\n",
		    "220 250 250 354 552 503", "mail(a) rcpt(b) begin reset " },
		{ "declared less than sent",
		    "MAIL FROM:<a> SIZE=1\r\nRCPT TO:<b>\r\nDATA\r\n123456789\r\n.\r\n",
		    "220 250 250 354 552", "mail(a 1) rcpt(b) begin reset " },
		{ "each message has the whole limit",
		    OPEN "DATA\r\n12345678\r\n.\r\n" OPEN "BDAT 10 LAST\r\n1234567890",
		    "220 250 250 354 250 250 250 250",
		    "mail(a) rcpt(b) begin end(12345678\r\n) reset "
		    "mail(a) rcpt(b) begin end(1234567890) reset " },
		{ "after one that was too large",
		    OPEN "DATA\r\n123456789\r\n.\r\n" OPEN "DATA\r\n1\r\n.\r\n",
		    "220 250 250 354 552 250 250 354 250",
		    "mail(a) rcpt(b) begin reset mail(a) rcpt(b) begin end(1\r\n) reset " },
		{ "BDAT, just right", OPEN "BDAT 4\r\n1234BDAT 6 LAST\r\n567890",
		    "220 250 250 250 250", "mail(a) rcpt(b) begin end(1234567890) reset " },
		{ "BDAT, too large at once", OPEN "BDAT 11\r\nQUIT\r\n12345NOOP\r\n",
		    "220 250 250 552 250", "mail(a) rcpt(b) reset " },
		{ "BDAT, too large together",
		    OPEN "BDAT 6\r\n123456BDAT 6\r\nQUIT\r\nBDAT 1 LAST\r\nxNOOP\r\n",
		    "220 250 250 250 552 503 250", "mail(a) rcpt(b) begin reset " },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		for (size_t size = 0; size < 4; size++) {
			struct scene scene;

			print_message("  %s\n", rows[i].name);
			scene_init(&scene);
			scene.settings.offered.size_limit = 10;
			scene.read_size = size;
			scene_say(&scene, rows[i].input);
			scene_run(&scene);
			scene_expect(&scene, rows[i].codes, rows[i].events);
			scene_finish(&scene);
		}
	}
}

static void the_content_is_asked_for_before_it_is_waited_for(void **state)
{
	struct scene scene;

	(void)state;
	scene_init(&scene);
	scene_say(&scene, OPEN "DATA\r\n");
	scene_say(&scene, "x\r\n.\r\nNOOP\r\n");
	scene_run(&scene);
	scene_expect(&scene, "220 250 250 354 250 250", "mail(a) rcpt(b) begin end(x\r\n) reset ");
	/* Greeting; 250 250 354; 250 250. */
	assert_int_equal(scene.writes, 3);
	scene_finish(&scene);
}

static void chunks_and_their_neighbours_are_answered_in_one_flight(void **state)
{
	struct scene scene;

	(void)state;
	scene_init(&scene);
	scene_say(
	    &scene, OPEN "BDAT 1\r\nxBDAT 1 LAST\r\nxRSET\r\n" OPEN "BDAT 1 LAST\r\nyNOOP\r\n");
	scene_run(&scene);
	assert_string_equal(buffer_string(&scene.codes), "220 250 250 250 250 250 250 250 250 250");
	assert_int_equal(scene.writes, 2);
	scene_finish(&scene);
}

/* Says the same block again and again. */
struct flood {
	struct scene scene; /* first: the stream's context is both */
	uint64_t left;
};

static ssize_t flood_read(void *context, char *bytes, size_t size, short *wants)
{
	struct flood *flood = context;
	struct scene *scene = &flood->scene;

	if (scene->piece == 0 && scene->pieces[0].length == 0)
		scene->piece = 1;
	if (scene->piece != 1 || flood->left == 0)
		return scene_read(scene, bytes, size, wants);
	if (size > flood->left)
		size = (size_t)flood->left;
	memset(bytes, '.', size);
	flood->left -= size;
	if (flood->left == 0)
		scene->piece++;
	return (ssize_t)size;
}

/* However large: the pieces are checked in scene_content, and no buffer holds more than they. */
static void a_large_content_passes_in_pieces(void **state)
{
	static const struct stream_operations operations = {
		.read = flood_read, .write = scene_write, .finish = scene_close
	};
	uint64_t size = (uint64_t)256 << 20;

	(void)state;
	for (int is_chunk = 0; is_chunk < 2; is_chunk++) {
		struct flood flood = { .left = size };
		struct stream stream;
		char open[100];
		int ends[2];

		scene_init(&flood.scene);
		flood.scene.drops_content = true;
		snprintf(open, sizeof open, OPEN "BDAT %llu LAST\r\n", (unsigned long long)size);
		scene_say(&flood.scene, is_chunk ? open : OPEN "DATA\r\n");
		scene_say(&flood.scene, "here the flood comes in");
		scene_say(&flood.scene, is_chunk ? "QUIT\r\n" : "\r\n.\r\nQUIT\r\n");
		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
		stream_init_take_fd(&stream, ends[0], ends[0], "client");
		stream.operations = &operations;
		stream.context = &flood;
		assert_int_equal(server_run(&stream, &flood.scene.settings, &flood.scene.error), 0);
		assert_true(stream.input.capacity <= STREAM_INPUT_LIMIT + 1);
		/* The first dot was stuffed; the CRLF belongs to the content. */
		assert_int_equal(flood.scene.content_total, is_chunk ? size : size - 1 + 2);
		stream_finish(&stream);
		close(ends[1]);
		scene_finish(&flood.scene);
	}
}

/* Writes it all while it reads what comes. */
static void feed(int fd, const struct buffer *input)
{
	struct stream stream;
	struct error error;
	struct span rest = buffer_span(input);
	size_t count = 0;

	stream_init_take_fd(&stream, fd, fd, "server");
	while (rest.length != 0) {
		stream_put(&stream, span_first(rest, 50000));
		if (stream_flush(&stream, CLOCK_NEVER, &error) < 0)
			_exit(2);
		rest = span_after(rest, 50000);
		count += stream_input(&stream).length;
		stream_consume(&stream, stream_input(&stream).length);
	}
	while (stream_fill(&stream, CLOCK_NEVER, &error) > 0) {
		count += stream_input(&stream).length;
		stream_consume(&stream, stream_input(&stream).length);
	}
	_exit(count > (size_t)10000 * 14 ? 0 : 3);
}

static void ten_thousand_recipients(void **state)
{
	struct scene scene;
	struct stream stream;
	struct buffer input;
	int ends[2];
	int status = 0;

	(void)state;
	buffer_init(&input, 1 << 20);
	buffer_append_string(&input, "MAIL FROM:<a>\r\n");
	for (int i = 0; i < 10000; i++)
		buffer_format(&input, "RCPT TO:<user%d@host%d.example>\r\n", i, i);
	buffer_append_string(&input, "DATA\r\nx\r\n.\r\nQUIT\r\n");
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	pid_t child = fork();
	if (child == 0) {
		close(ends[0]);
		feed(ends[1], &input);
	}
	close(ends[1]);
	scene_init(&scene);
	stream_init_take_fd(&stream, ends[0], ends[0], "client");
	assert_int_equal(server_run(&stream, &scene.settings, &scene.error), 0);
	stream_finish(&stream);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_non_null(
	    strstr(buffer_string(&scene.events), "rcpt(user9999@host9999.example) begin"));
	assert_non_null(strstr(buffer_string(&scene.events), "end(x\r\n) reset "));
	buffer_finish(&input);
	scene_finish(&scene);
}

/* More replies than a flight may hold. */
static void replies_beyond_one_flight(void **state)
{
	struct scene scene;
	struct buffer input;

	(void)state;
	buffer_init(&input, 1 << 20);
	buffer_append_string(&input, "LHLO me\r\nMAIL FROM:<a>\r\n");
	for (int i = 0; i < 20000; i++)
		buffer_append_string(&input, "RCPT TO:<b>\r\n");
	buffer_append_string(&input, "DATA\r\n.\r\n");
	scene_play(&scene, buffer_string(&input));
	assert_int_equal(scene.codes.length, (1 + 2 + 20000 + 1 + 20000) * 4 - 1);
	buffer_finish(&input);
	scene_finish(&scene);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(contents_come_through),
		cmocka_unit_test(every_octet_passes),
		cmocka_unit_test(a_refused_chunk_never_runs),
		cmocka_unit_test(an_enormous_chunk_is_waited_for),
		cmocka_unit_test(sizes_have_a_limit),
		cmocka_unit_test(the_content_is_asked_for_before_it_is_waited_for),
		cmocka_unit_test(chunks_and_their_neighbours_are_answered_in_one_flight),
		cmocka_unit_test(a_large_content_passes_in_pieces),
		cmocka_unit_test(ten_thousand_recipients),
		cmocka_unit_test(replies_beyond_one_flight),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
