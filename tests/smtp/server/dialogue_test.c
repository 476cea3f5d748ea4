/* SPDX-License-Identifier: MIT */

/* Tests smtp/server/dialogue.c. */

#include "smtp/server/dialogue.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/memory.h"
#include "tests/smtp/server/scene.h"

/* A NOOP of this length, line end included, at every way of arriving; then a real one. */
static void line_lengths(size_t length, const char *end, const char *codes)
{
	struct scene scene;
	struct buffer input;

	for (size_t read_size = 0; read_size < 3; read_size++) {
		buffer_init(&input, 1 << 20);
		buffer_append_string(&input, "NOOP ");
		while (input.length < length - strlen(end))
			buffer_append_byte(&input, 'x');
		buffer_append_string(&input, end);
		buffer_append_string(&input, "NOOP\r\n");
		scene_init(&scene);
		scene.read_size = read_size == 0 ? 0 : read_size == 1 ? 1 : 4095;
		scene_say(&scene, buffer_string(&input));
		scene_run(&scene);
		scene_expect(&scene, codes, "");
		scene_finish(&scene);
		buffer_finish(&input);
	}
}

static void lines_have_a_limit(void **state)
{
	(void)state;
	line_lengths(COMMAND_LINE_LIMIT, "\r\n", "220 250 250");
	line_lengths(COMMAND_LINE_LIMIT, "\n", "220 250 250");
	line_lengths(COMMAND_LINE_LIMIT + 1, "\r\n", "220 500 250");
	line_lengths(COMMAND_LINE_LIMIT + 1, "\n", "220 500 250");
	line_lengths(300000, "\r\n", "220 500 250");
}

static void a_line_without_end_is_not_kept(void **state)
{
	struct scene scene;
	struct buffer input;

	(void)state;
	buffer_init(&input, 1 << 20);
	for (int i = 0; i < 500000; i++)
		buffer_append_byte(&input, 'x');
	scene_play(&scene, buffer_string(&input));
	scene_expect(&scene, "220", "");
	assert_int_equal(scene.outcome, 1);
	buffer_finish(&input);
	scene_finish(&scene);
}

static void pipelined_commands_are_answered_in_one_write(void **state)
{
	struct scene scene;

	(void)state;
	scene_init(&scene);
	scene_say(&scene, "EHLO me\r\nMAIL FROM:<a>\r\nRCPT TO:<b>\r\nNOOP\r\nRS");
	scene_say(&scene, "ET\r\nNOOP\r\n");
	scene_say(&scene, "QUIT\r\n");
	scene_run(&scene);
	assert_string_equal(buffer_string(&scene.codes), "220 250 250 250 250 250 250 221");
	assert_int_equal(scene.writes, 4);
	scene_finish(&scene);
}

/* Runs with a client that has said this and waits. */
static int run_silent(struct scene *scene, const char *input, char *output, size_t size)
{
	struct stream stream;
	int ends[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	assert_int_equal(write(ends[1], input, strlen(input)), strlen(input));
	stream_init_take_fd(&stream, ends[0], ends[0], "client");
	int outcome = server_run(&stream, &scene->settings, &scene->error);
	stream_finish(&stream);
	ssize_t length = read(ends[1], output, size - 1);
	assert_true(length >= 0);
	output[length] = '\0';
	close(ends[1]);
	return outcome;
}

static void who_is_silent_is_told_so(void **state)
{
	static const char *const inputs[] = { "", "NOOP\r\nNO", "MAIL FROM:<a>\r\n",
		"MAIL FROM:<a>\r\nRCPT TO:<b>\r\nDATA\r\nx\r\n",
		"MAIL FROM:<a>\r\nRCPT TO:<b>\r\nBDAT 5 LAST\r\nx", "AUTH PLAIN\r\n" };

	(void)state;
	for (size_t i = 0; i < sizeof inputs / sizeof inputs[0]; i++) {
		struct scene scene;
		char output[4000];

		scene_init(&scene);
		/* What lies there already is read even when no time is left; see net/stream. */
		scene.settings.command_timeout = 50;
		scene.settings.content_timeout = 50;
		assert_int_equal(run_silent(&scene, inputs[i], output, sizeof output), -1);
		assert_non_null(strstr(output, "421 4.4.2 "));
		assert_string_equal(scene.error.status, "4.4.2");
		assert_false(scene.is_open);
		scene_finish(&scene);
	}
}

/* sendmail -bs waits as long for its caller as the others do. */
static void after_xplain_there_is_another_time(void **state)
{
	struct scene scene;
	char output[4000];

	(void)state;
	scene_init(&scene);
	scene.settings.plain_timeout = 50;
	assert_int_equal(run_silent(&scene, "XPLAIN\r\nNOOP\r\n", output, sizeof output), -1);
	assert_non_null(strstr(output, "OK\r\n250 2.0.0 OK\r\n421 4.4.2 "));
	scene_finish(&scene);
}

/* "000 PARK n", where nothing is open: n is what was taken since XPLAIN. */
static void who_is_silent_between_messages_may_park(void **state)
{
	static const struct row {
		const char *input; /* after XPLAIN */
		const char *aside; /* NULL: none */
	} rows[] = {
		{ "", "OK\r\n000 PARK 0\r\n421 4.4.2 " },
		{ "NOOP\r\nRSET\n", "OK\r\n000 PARK 11\r\n421 4.4.2 " },
		{ "MAIL FROM:<a>\r\nRCPT TO:<b>\r\nDATA\r\nx\r\n.\r\n",
		    "OK\r\n000 PARK 40\r\n421 4.4.2 " },
		{ "MAIL FROM:<a>\r\nRCPT TO:<b>\r\nBDAT 3 LAST\r\nabc",
		    "OK\r\n000 PARK 44\r\n421 4.4.2 " },
		{ "NOOP\r\nNO", NULL },
		{ "LHLO me\r\n", NULL },
		{ "MAIL FROM:<a>\r\n", NULL },
		{ "MAIL FROM:<a>\r\nRCPT TO:<b>\r\nDATA\r\nx\r\n", NULL },
		{ "MAIL FROM:<a>\r\nRCPT TO:<b>\r\nBDAT 1\r\nx", NULL },
		{ "AUTH PLAIN AHUAcmlnaHQ=\r\n", NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		CLEANUP(memory_free_string)
		char *input = memory_format("XPLAIN\r\n%s", rows[i].input);
		struct scene scene;
		char output[4000];

		scene_init(&scene);
		scene.settings.plain_timeout = 60;
		scene.settings.content_timeout = 60;
		scene.settings.park_after = 20;
		assert_int_equal(run_silent(&scene, input, output, sizeof output), -1);
		if (rows[i].aside != NULL ? strstr(output, rows[i].aside) == NULL
					  : strstr(output, "PARK") != NULL)
			fail_msg("%s: %s", rows[i].input, output);
		scene_finish(&scene);
	}
}

static void who_did_not_say_xplain_is_not_parked(void **state)
{
	struct scene scene;
	char output[4000];

	(void)state;
	scene_init(&scene);
	scene.settings.command_timeout = 60;
	scene.settings.park_after = 20;
	assert_int_equal(run_silent(&scene, "NOOP\r\n", output, sizeof output), -1);
	assert_null(strstr(output, "000"));
	scene_finish(&scene);
}

/* A message that is coming in is never cut off for others. */
static void who_is_silent_while_others_wait_loses_its_place(void **state)
{
	static const struct row {
		const char *input;
		bool is_wanted;
		const char *end;
	} rows[] = {
		{ "", true, "421 4.3.2 others wait" },
		{ "NOOP\r\nNO", true, "421 4.3.2 others wait" },
		{ "MAIL FROM:<a>\r\n", true, "421 4.3.2 others wait" },
		{ "XPLAIN\r\nNOOP\r\n", true, "421 4.3.2 others wait" },
		{ "XPLAIN\r\nMAIL FROM:<a>\r\n", true, "421 4.4.2 " },
		{ "NOOP\r\n", false, "421 4.4.2 " },
		{ "MAIL FROM:<a>\r\nRCPT TO:<b>\r\nDATA\r\nx\r\n", true, "421 4.4.2 " },
		{ "MAIL FROM:<a>\r\nRCPT TO:<b>\r\nBDAT 1\r\nx", true, "421 4.4.2 " },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct scene scene;
		char output[4000];

		scene_init(&scene);
		scene.settings.command_timeout = 100;
		scene.settings.content_timeout = 100;
		scene.settings.wanted_after = 20;
		scene.is_wanted = rows[i].is_wanted;
		(void)run_silent(&scene, rows[i].input, output, sizeof output);
		if (strstr(output, rows[i].end) == NULL)
			fail_msg("%s: %s", rows[i].input, output);
		assert_false(scene.is_open);
		scene_finish(&scene);
	}
}

static void a_lost_connection_is_an_error_or_an_end(void **state)
{
	struct scene scene;
	struct stream stream;
	int ends[2];

	(void)state;
	scene_init(&scene);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	stream_init_take_fd(&stream, ends[0], ends[0], "client");
	close(ends[1]);
	assert_int_not_equal(server_run(&stream, &scene.settings, &scene.error), 0);
	stream_finish(&stream);
	scene_finish(&scene);
}

static void both_directions_are_traced(void **state)
{
	struct scene scene;

	(void)state;
	scene_init(&scene);
	scene.settings.offered = (struct extensions){ .pipelining = true };
	scene_say(&scene, "EHLO me\nMAIL FROM:<a>\r\nRCPT TO:<b>\r\nDATA\r\nsecret\r\n.\r\n");
	scene_run(&scene);
	assert_string_equal(buffer_string(&scene.trace),
	    ">220 host.example ESMTP test\n"
	    "<EHLO me\n>250-host.example\n>250 PIPELINING\n"
	    "<MAIL FROM:<a>\n>250 OK\n<RCPT TO:<b>\n>250 OK\n"
	    "<DATA\n>354 end the content with a dot on a line of its own\n>250 OK\n");
	scene_finish(&scene);
}

static void a_reply_of_many_lines_fits(void **state)
{
	struct scene scene;
	struct dialogue dialogue;
	struct stream stream;
	char text[REPLY_TEXT_SIZE];
	int ends[2];

	(void)state;
	memset(text, '\n', sizeof text - 1);
	text[sizeof text - 1] = '\0';
	scene_init(&scene);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	stream_init_take_fd(&stream, ends[0], ends[0], "client");
	stream.operations = &scene_operations;
	stream.context = &scene;
	dialogue_init(&dialogue, &stream, &scene.settings, &scene.error);
	for (int i = 0; i < 10; i++)
		dialogue_answer(&dialogue, 250, "2.123.123", text);
	assert_false(dialogue.is_over);
	assert_true(scene.writes > 0);
	dialogue_finish(&dialogue);
	stream_finish(&stream);
	close(ends[1]);
	scene_finish(&scene);
}

/* At once, and no reply: nothing in it may be taken for one. */
static void what_is_shown_leaves_before_the_reply(void **state)
{
	struct scene scene;
	struct dialogue dialogue;
	struct stream stream;
	char received[200] = "";
	int ends[2];

	(void)state;
	scene_init(&scene);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	stream_init_take_fd(&stream, ends[0], ends[0], "client");
	dialogue_init(&dialogue, &stream, &scene.settings, &scene.error);
	dialogue_show(&dialogue, span_from_string("  0.132 < 250 ok\r\n250 forged"));
	assert_true(read(ends[1], received, sizeof received - 1) > 0);
	assert_string_equal(received, "000 XTRACE   0.132 < 250 ok??250 forged\r\n");
	/* Who has gone is shown nothing, and the session ends as it would. */
	(void)close(ends[1]);
	dialogue_show(&dialogue, span_from_string("more"));
	dialogue_finish(&dialogue);
	stream_finish(&stream);
	scene_finish(&scene);
}

/* More than a client takes would be worse than none of it. */
static void progress_that_is_too_long_is_left_out(void **state)
{
	struct scene scene;
	struct dialogue dialogue;
	struct stream stream;
	char lines[70000];
	struct server_reply reply = { .code = 250, .status = "2.0.0", .text = "queued" };
	int ends[2];

	(void)state;
	memset(lines, '\n', sizeof lines);
	scene_init(&scene);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	stream_init_take_fd(&stream, ends[0], ends[0], "client");
	dialogue_init(&dialogue, &stream, &scene.settings, &scene.error);
	reply.progress = span_from_bytes(lines, sizeof lines);
	dialogue_answer_handler(&dialogue, &reply, 250, "2.0.0", "OK");
	assert_string_equal(buffer_string(&scene.trace), ">250 2.0.0 queued\n");
	reply.progress = span_from_string("one\ntwo\n");
	dialogue_answer_handler(&dialogue, &reply, 250, "2.0.0", "OK");
	assert_string_equal(buffer_string(&scene.trace),
	    ">250 2.0.0 queued\n>250-2.0.0 queued\n>250-2.0.0 XTRACE one\n"
	    ">250-2.0.0 XTRACE two\n>250 2.0.0 XTRACE\n");
	dialogue_finish(&dialogue);
	stream_finish(&stream);
	close(ends[1]);
	scene_finish(&scene);
}

/* ---- answers of many lines ---- */

/* Says as many lines as the argument tells, then sets the reply's code behind it. */
static void say_many(void *context, const struct command *command, struct server_reply *reply)
{
	struct span rest = command->argument;
	struct span word = { 0 };
	uint64_t count = 0;
	uint64_t code = 0;
	char line[64];

	(void)context;
	assert_true(span_take_word(&rest, &word) && span_to_number(word, &count));
	for (uint64_t i = 0; i < count; i++) {
		snprintf(line, sizeof line, "line %llu", (unsigned long long)i);
		assert_true(server_say(reply, span_from_string(line)));
	}
	if (span_take_word(&rest, &word) && span_to_number(word, &code))
		server_reply_set(reply, (int)code, "", "that was it");
}

static void play_many(struct scene *scene, const char *input)
{
	scene_init(scene);
	scene->handler.other = say_many;
	scene_say(scene, input);
	scene->settings.trace = NULL;
}

/* Without a look at the replies: reply_parse has limits that these answers pass. */
static int run_with(struct scene *scene, const struct stream_operations *operations)
{
	struct stream stream;
	int ends[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	stream_init_take_fd(&stream, ends[0], ends[0], "client");
	stream.operations = operations;
	stream.context = scene;
	int outcome = server_run(&stream, &scene->settings, &scene->error);
	stream_finish(&stream);
	close(ends[1]);
	return outcome;
}

static void an_answer_may_have_any_number_of_lines(void **state)
{
	struct scene scene;

	(void)state;
	play_many(&scene, "XQUEUE 0\r\nXQUEUE 2\r\nXQUEUE 1 250\r\nXQUEUE 0 554\r\nNOOP\r\n");
	scene_run(&scene);
	assert_string_equal(strchr(buffer_string(&scene.output), '\n') + 1,
	    "250 2.0.0 OK\r\n"
	    "250-line 0\r\n250-line 1\r\n250 2.0.0 OK\r\n"
	    "250-line 0\r\n250 2.0.0 that was it\r\n"
	    "554 5.0.0 that was it\r\n"
	    "250 2.0.0 OK\r\n");
	/* Short answers leave in one flight all the same. */
	assert_int_equal(scene.writes, 2);
	scene_finish(&scene);
}

static void a_long_answer_leaves_as_it_fills(void **state)
{
	struct scene scene;
	struct buffer expected;

	(void)state;
	buffer_init(&expected, SCENE_LIMIT);
	for (int i = 0; i < 100000; i++)
		buffer_format(&expected, "250-line %d\r\n", i);
	buffer_append_string(&expected, "250 2.0.0 OK\r\n221 2.0.0 goodbye\r\n");
	scene_init(&scene);
	scene.handler.other = say_many;
	scene.settings.trace = NULL;
	scene_say(&scene, "XQUEUE 100000\r\nQUIT\r\n");
	assert_int_equal(run_with(&scene, &scene_operations), 0);
	assert_string_equal(
	    strchr(buffer_string(&scene.output), '\n') + 1, buffer_string(&expected));
	/* 1.6 MB in flights of at most STREAM_OUTPUT_LIMIT, and not many more than that takes. */
	assert_in_range(scene.writes, expected.length / STREAM_OUTPUT_LIMIT, 12);
	buffer_finish(&expected);
	scene_finish(&scene);
}

static void say_odd(void *context, const struct command *command, struct server_reply *reply)
{
	char *line = malloc(SERVER_SAY_LIMIT + 100);

	(void)context;
	(void)command;
	assert_non_null(line);
	memset(line, 'x', SERVER_SAY_LIMIT + 100);
	assert_true(server_say(reply, span_from_string("")));
	assert_true(server_say(reply, span_from_string("a\rb\nc\x1b\td\xc3\xa9 ")));
	assert_true(server_say(reply, span_from_bytes(line, SERVER_SAY_LIMIT)));
	assert_true(server_say(reply, span_from_bytes(line, SERVER_SAY_LIMIT + 1)));
	free(line);
}

static void what_is_said_stays_in_its_line(void **state)
{
	struct scene scene;
	struct span rest;
	struct span line;

	(void)state;
	scene_init(&scene);
	scene.handler.other = say_odd;
	scene_say(&scene, "XQUEUE\r\n");
	assert_int_equal(run_with(&scene, &scene_operations), 1);
	rest = buffer_span(&scene.output);
	assert_true(span_take_line(&rest, &line));
	assert_true(span_take_line(&rest, &line) && span_equals_string(line, "250-"));
	assert_true(
	    span_take_line(&rest, &line) && span_equals_string(line, "250-a?b?c?\td\xc3\xa9 "));
	assert_true(span_take_line(&rest, &line) && line.length == SERVER_SAY_LIMIT + 4);
	assert_true(span_take_line(&rest, &line) && line.length == SERVER_SAY_LIMIT + 4);
	assert_true(span_take_line(&rest, &line) && span_equals_string(line, "250 2.0.0 OK"));
	assert_int_equal(rest.length, 0);
	assert_non_null(strstr(buffer_string(&scene.trace), ">250-a?b?c?"));
	scene_finish(&scene);
}

/* RFC 5321, 4.2.1: the code is the same in all lines, so there is none for a failure. */
static void an_answer_that_fails_within_ends_the_session(void **state)
{
	struct scene scene;

	(void)state;
	play_many(&scene, "XQUEUE 0 550\r\nXQUEUE 3 550\r\nNOOP\r\n");
	/* What was not flushed yet never leaves, so all that is left is a whole reply. */
	scene_run(&scene);
	assert_int_equal(scene.outcome, -1);
	assert_non_null(strstr(scene.error.text, "that was it"));
	assert_null(strstr(buffer_string(&scene.output), "250 "));
	scene_finish(&scene);
}

static ssize_t refuse_write(void *context, const char *bytes, size_t size, short *wants)
{
	(void)context;
	(void)bytes;
	(void)size;
	(void)wants;
	errno = EPIPE;
	return -1;
}

static size_t said; /* before the client was found to be gone */

static void say_until_gone(void *context, const struct command *command, struct server_reply *reply)
{
	(void)context;
	(void)command;
	for (said = 0; said < 1000000 && server_say(reply, span_from_string("a line")); said++)
		continue;
	assert_false(server_say(reply, span_from_string("no more")));
}

static void who_is_gone_is_told_no_more(void **state)
{
	struct stream_operations operations = scene_operations;
	struct scene scene;

	(void)state;
	scene_init(&scene);
	scene.handler.other = say_until_gone;
	scene.settings.trace = NULL;
	scene_say(&scene, "XQUEUE\r\n");
	operations.write = refuse_write;
	assert_int_equal(run_with(&scene, &operations), -1);
	assert_in_range(said, 1, STREAM_OUTPUT_LIMIT);
	scene_finish(&scene);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_have_a_limit),
		cmocka_unit_test(a_line_without_end_is_not_kept),
		cmocka_unit_test(pipelined_commands_are_answered_in_one_write),
		cmocka_unit_test(who_is_silent_is_told_so),
		cmocka_unit_test(after_xplain_there_is_another_time),
		cmocka_unit_test(who_is_silent_between_messages_may_park),
		cmocka_unit_test(who_did_not_say_xplain_is_not_parked),
		cmocka_unit_test(who_is_silent_while_others_wait_loses_its_place),
		cmocka_unit_test(a_lost_connection_is_an_error_or_an_end),
		cmocka_unit_test(both_directions_are_traced),
		cmocka_unit_test(a_reply_of_many_lines_fits),
		cmocka_unit_test(what_is_shown_leaves_before_the_reply),
		cmocka_unit_test(progress_that_is_too_long_is_left_out),
		cmocka_unit_test(an_answer_may_have_any_number_of_lines),
		cmocka_unit_test(a_long_answer_leaves_as_it_fills),
		cmocka_unit_test(what_is_said_stays_in_its_line),
		cmocka_unit_test(an_answer_that_fails_within_ends_the_session),
		cmocka_unit_test(who_is_gone_is_told_no_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
