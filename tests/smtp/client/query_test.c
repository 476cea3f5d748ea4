/* SPDX-License-Identifier: MIT */

/* Tests smtp/client/query.c. */

#include "smtp/client/query.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/file.h"

struct fixture {
	struct stream stream;
	struct smarthost smarthost;
	struct session_settings settings;
	struct session session;
	int peer;
};

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
	};
	f->session = (struct session){
		.stream = &f->stream,
		.settings = &f->settings,
		.step = SESSION_READY,
		.is_in_step = true,
		.is_usable = true,
		.needs_reset = true,
	};
}

static void fixture_finish(struct fixture *f)
{
	session_finish(&f->session);
	stream_finish(&f->stream);
	file_close(&f->peer);
}

static void says(struct fixture *f, const char *text)
{
	assert_int_equal(write(f->peer, text, strlen(text)), strlen(text));
}

static void hears(struct fixture *f, const char *text)
{
	char heard[700] = "";
	ssize_t count = recv(f->peer, heard, sizeof heard - 1, MSG_DONTWAIT);

	assert_true(count >= 0 || text[0] == '\0');
	assert_string_equal(heard, text);
}

static void each_reply_is_compared_with_what_is_expected(void **state)
{
	static const struct row {
		enum command_verb verb;
		const char *argument, *line, *said;
		enum query_answer answer;
		const char *status, *text; /* of the error; NULL: none */
	} rows[] = {
		{ COMMAND_VRFY, "bob", "VRFY bob\r\n", "250 2.1.5 Bob <bob@x>\r\n", QUERY_YES, NULL,
		    NULL },
		{ COMMAND_VRFY, "bob", "VRFY bob\r\n", "251 elsewhere\r\n", QUERY_YES, NULL, NULL },
		{ COMMAND_VRFY, "bob", "VRFY bob\r\n", "252 send and see\r\n", QUERY_MAYBE, NULL,
		    NULL },
		{ COMMAND_VRFY, "a b@c.d", "VRFY a b@c.d\r\n", "550 5.1.1 who?\r\n", QUERY_REFUSED,
		    "5.1.1", "refused VRFY a b@c.d: 550 5.1.1 who?" },
		{ COMMAND_VRFY, "bob", "VRFY bob\r\n", "502 no\r\n", QUERY_REFUSED, "5.0.0",
		    "refused VRFY bob: 502 no" },
		{ COMMAND_VRFY, "bob", "VRFY bob\r\n", "450 4.2.0 later\r\n", QUERY_REFUSED,
		    "4.2.0", "refused VRFY bob: 450 4.2.0 later" },
		{ COMMAND_VRFY, "bob", "VRFY bob\r\n", "354 go\r\n", QUERY_LOST, "4.5.0",
		    "answered VRFY bob by what is no answer to it: 354 go" },
		{ COMMAND_VRFY, "bob", "VRFY bob\r\n", "220 hello\r\n", QUERY_LOST, "4.5.0",
		    "answered VRFY bob by what is no answer to it: 220 hello" },
		{ COMMAND_VRFY, "bob", "VRFY bob\r\n", "421 4.3.2 bye\r\n", QUERY_LOST, "4.3.2",
		    "421 4.3.2 bye" },
		{ COMMAND_VRFY, "bob", "VRFY bob\r\n", "what?\r\n", QUERY_LOST, "4.5.0",
		    "does not speak SMTP" },
		{ COMMAND_NOOP, "", "NOOP\r\n", "250 ok\r\n", QUERY_YES, NULL, NULL },
		{ COMMAND_NOOP, "", "NOOP\r\n", "500 what?\r\n", QUERY_REFUSED, "5.0.0",
		    "refused NOOP: 500 what?" },
		{ COMMAND_NOOP, "", "NOOP\r\n", "251 ok\r\n", QUERY_LOST, "4.5.0",
		    "answered NOOP by what is no answer to it: 251 ok" },
		{ COMMAND_HELP, "", "HELP\r\n", "214-one\r\n214 two\r\n", QUERY_YES, NULL, NULL },
		{ COMMAND_HELP, "MAIL", "HELP MAIL\r\n", "211 status\r\n", QUERY_YES, NULL, NULL },
		{ COMMAND_HELP, "", "HELP\r\n", "502 none\r\n", QUERY_REFUSED, "5.0.0",
		    "refused HELP: 502 none" },
		{ COMMAND_HELP, "", "HELP\r\n", "250 ok\r\n", QUERY_LOST, "4.5.0",
		    "answered HELP by what is no answer to it: 250 ok" },
		{ COMMAND_RSET, "", "RSET\r\n", "250 ok\r\n", QUERY_YES, NULL, NULL },
		{ COMMAND_RSET, "", "RSET\r\n", "500 no\r\n", QUERY_LOST, "4.5.0",
		    "answered RSET by what is no answer to it: 500 no" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const struct row *row = &rows[i];
		struct fixture f;
		struct reply reply = { 0 };
		struct error error = { 0 };

		fixture_init(&f);
		says(&f, row->said);
		if (query_ask(&f.session, row->verb, span_from_string(row->argument), &reply,
			&error) != row->answer)
			fail_msg("%s: another answer than %d", row->said, row->answer);
		hears(&f, row->line);
		assert_int_equal(f.session.is_usable, row->answer != QUERY_LOST);
		assert_int_equal(
		    f.session.needs_reset, row->verb != COMMAND_RSET || row->answer != QUERY_YES);
		if (row->answer != QUERY_LOST)
			assert_int_equal(reply.code, strtol(row->said, NULL, 10));
		if (row->text == NULL) {
			assert_int_equal(error.kind, ERROR_NONE);
		} else {
			assert_string_equal(error.status, row->status);
			if (strstr(error.text, row->text) == NULL ||
			    strncmp(error.text, "relay.example:25 ", 17) != 0)
				fail_msg("no \"%s\" in \"%s\"", row->text, error.text);
		}
		fixture_finish(&f);
	}
}

/* Nothing of it leaves. */
static void no_argument_becomes_a_command(void **state)
{
	static const char octets[] = "bob\r\nMAIL FROM:<>";
	char longest[600];
	struct fixture f;
	struct reply reply;
	struct error error;

	(void)state;
	memset(longest, 'x', sizeof longest);
	fixture_init(&f);
	const struct span bad[] = { span_from_bytes(octets, 4), span_from_bytes(octets, 5),
		span_from_string(octets), span_from_bytes("a\0b", 3), span_from_string("\x7f"),
		span_from_string("\xc3\xb6"), span_from_string(""), span_from_bytes(longest, 506) };
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		assert_int_equal(
		    query_ask(&f.session, COMMAND_VRFY, bad[i], &reply, &error), QUERY_LOST);
		assert_int_equal(error.kind, ERROR_USAGE);
		assert_int_equal(f.stream.output.length, 0);
		assert_true(f.session.is_usable);
	}
	hears(&f, "");
	/* RFC 5321, 4.5.3.1.4: 512 octets. */
	says(&f, "252 ok\r\n");
	assert_int_equal(
	    query_ask(&f.session, COMMAND_VRFY, span_from_bytes(longest, 505), &reply, &error),
	    QUERY_MAYBE);
	fixture_finish(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_reply_is_compared_with_what_is_expected),
		cmocka_unit_test(no_argument_becomes_a_command),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
