/* SPDX-License-Identifier: MIT */

/* Tests smtp/client/session.c where a conversation (dialogue_test.c) cannot show it. */

#include "smtp/client/session.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"

struct fixture {
	struct stream stream;
	struct smarthost smarthost;
	struct session_settings settings;
	struct session session;
	int peer;
	char trace[1000];
};

static void see(void *context, char direction, struct span line)
{
	struct fixture *f = context;
	size_t length = strlen(f->trace);

	snprintf(f->trace + length, sizeof f->trace - length, "%c%.*s|", direction, span_int(line),
	    line.start);
}

static void fixture_init(struct fixture *f)
{
	int ends[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	*f = (struct fixture){ .peer = ends[1] };
	stream_init_take_fd(&f->stream, ends[0], ends[0], "relay.example:25");
	f->settings = (struct session_settings){
		.smarthost = &f->smarthost,
		.hello = "client.example",
		.timeouts = session_default_timeouts,
		.trace = see,
		.trace_context = f,
	};
	f->session = (struct session){
		.stream = &f->stream,
		.settings = &f->settings,
		.step = SESSION_READY,
		.is_in_step = true,
		.is_usable = true,
	};
}

static void fixture_finish(struct fixture *f)
{
	session_finish(&f->session);
	stream_finish(&f->stream);
	file_close(&f->peer);
}

static void peer_says(struct fixture *f, const char *text)
{
	assert_int_equal(write(f->peer, text, strlen(text)), strlen(text));
}

static void peer_hears(struct fixture *f, const char *text)
{
	char heard[200] = "";
	ssize_t count = recv(f->peer, heard, sizeof heard - 1, MSG_DONTWAIT);

	assert_true(count >= 0 || text[0] == '\0');
	assert_string_equal(heard, text);
}

static void every_step_has_its_time(void **state)
{
	const int64_t *timeouts = (const int64_t *)&session_default_timeouts;

	(void)state;
	for (size_t i = 0; i < sizeof session_default_timeouts / sizeof *timeouts; i++)
		assert_true(timeouts[i] > 0);
}

static void refusals_carry_kind_and_status(void **state)
{
	static const struct row {
		int code;
		const char *status, *wanted;
		enum error_kind kind;
	} rows[] = {
		{ 550, "5.1.1", "5.1.1", ERROR_NO_USER },
		{ 552, "5.3.4", "5.3.4", ERROR_DATA },
		{ 554, "5.7.1", "5.7.1", ERROR_NO_PERMISSION },
		{ 550, "", "5.0.0", ERROR_SOFTWARE },
		{ 451, "", "4.0.0", ERROR_UNAVAILABLE },
		{ 452, "4.3.1", "4.3.1", ERROR_UNAVAILABLE },
	};
	struct fixture f;

	(void)state;
	fixture_init(&f);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct reply reply = { .code = rows[i].code, .text = "no\nnever" };
		struct error error;

		snprintf(reply.status, sizeof reply.status, "%s", rows[i].status);
		assert_int_equal(session_refused(&f.session, "MAIL", &reply, &error), -1);
		assert_string_equal(error.status, rows[i].wanted);
		assert_int_equal(error.kind, rows[i].kind);
		assert_non_null(strstr(error.text, "relay.example:25 refused MAIL: "));
		assert_non_null(strstr(error.text, "no / never"));
	}
	fixture_finish(&f);
}

static void command_and_reply(void **state)
{
	struct fixture f;
	struct reply reply;
	struct error error;

	(void)state;
	fixture_init(&f);
	peer_says(&f, "250-one\x1b[2J\r\n250 two\r\n");
	assert_int_equal(
	    session_command(&f.session, "SECRET\r\n", "******", 1000, &reply, &error), 0);
	peer_hears(&f, "SECRET\r\n");
	assert_int_equal(reply.code, 250);
	assert_string_equal(f.trace, ">******|<250-one\\x1B[2J|<250 two|");
	fixture_finish(&f);
}

/* A long multi-line reply is shown as it comes: who waits sees what goes on. */
static void lines_are_traced_as_they_come(void **state)
{
	struct fixture f;
	struct reply reply = { 0 };
	struct error error;

	(void)state;
	fixture_init(&f);
	peer_says(&f, "250-first\r\n250-sec");
	assert_int_equal(session_read_reply(&f.session, clock_deadline(0), &reply, &error), -1);
	assert_string_equal(f.trace, "<250-first|");
	assert_int_equal(reply.code, 0);
	fixture_finish(&f);
}

static void quit_is_said_only_in_step(void **state)
{
	struct fixture f;

	(void)state;
	fixture_init(&f);
	session_quit(&f.session);
	peer_hears(&f, "QUIT\r\n");
	assert_false(f.session.is_usable);
	session_quit(&f.session);
	peer_hears(&f, "");
	fixture_finish(&f);

	fixture_init(&f);
	session_break(&f.session);
	session_quit(&f.session);
	peer_hears(&f, "");
	fixture_finish(&f);

	fixture_init(&f);
	pipeline_push(&f.session.pipeline, (struct pipeline_entry){ .verb = COMMAND_MAIL });
	session_quit(&f.session);
	peer_hears(&f, "");
	fixture_finish(&f);
}

/* The peer said why and hung up; our flight cannot leave. */
static void last_words_are_heard(void **state)
{
	struct fixture f;
	struct error error;

	(void)state;
	fixture_init(&f);
	peer_says(&f, "250 ok\r\n421 4.3.2 going down\r\n");
	file_close(&f.peer);
	session_put(&f.session, span_from_string("NOOP\r\n"));
	assert_int_equal(session_flush(&f.session, clock_deadline(1000), &error), -1);
	assert_string_equal(error.status, "4.3.2");
	assert_non_null(strstr(error.text, "421 4.3.2 going down"));
	assert_false(f.session.is_in_step);
	fixture_finish(&f);

	fixture_init(&f);
	file_close(&f.peer);
	session_put(&f.session, span_from_string("NOOP\r\n"));
	assert_int_equal(session_flush(&f.session, clock_deadline(1000), &error), -1);
	assert_string_equal(error.status, "4.4.2");
	fixture_finish(&f);
}

static void silence_is_checked(void **state)
{
	struct fixture f;
	struct reply reply;
	struct error error;

	(void)state;
	fixture_init(&f);
	assert_int_equal(session_check_silence(&f.session, &error), 0);
	peer_says(&f, "250 a\r\n250 b\r\n");
	assert_int_equal(session_command(&f.session, "NOOP\r\n", NULL, 1000, &reply, &error), 0);
	assert_int_equal(session_command(&f.session, "NOOP\r\n", NULL, 1000, &reply, &error), -1);
	assert_string_equal(error.status, "4.5.0");
	peer_hears(&f, "NOOP\r\n");
	fixture_finish(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_step_has_its_time),
		cmocka_unit_test(refusals_carry_kind_and_status),
		cmocka_unit_test(command_and_reply),
		cmocka_unit_test(lines_are_traced_as_they_come),
		cmocka_unit_test(quit_is_said_only_in_step),
		cmocka_unit_test(last_words_are_heard),
		cmocka_unit_test(silence_is_checked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
