/* SPDX-License-Identifier: MIT */

/* Tests smtp/client/tls_hello.c: servers that wait for TLS while we wait for a greeting. */

#include "smtp/client/tls_hello.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"

enum { HELLO_LENGTH = 60, QUIET = 200 };

struct fixture {
	struct stream stream;
	struct smarthost smarthost;
	struct session_settings settings;
	struct session session;
	int peer;
};

static char host[] = "relay.example";
static char name[] = "main";

static void fixture_init(struct fixture *f, uint16_t port)
{
	int ends[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	*f = (struct fixture){ .peer = ends[1] };
	stream_init_take_fd(&f->stream, ends[0], ends[0], "relay.example:465 [192.0.2.1]");
	f->smarthost = (struct smarthost){ .host = host, .name = name, .port = port };
	f->settings = (struct session_settings){
		.smarthost = &f->smarthost,
		.hello = "client.example",
		.timeouts = { .greeting = QUIET },
	};
	f->session = (struct session){
		.stream = &f->stream,
		.settings = &f->settings,
		.step = SESSION_GREETING,
		.is_in_step = true,
	};
}

static void fixture_finish(struct fixture *f)
{
	session_finish(&f->session);
	stream_finish(&f->stream);
	file_close(&f->peer);
}

/* A process that hears the hello and answers so. */
static pid_t start_peer(const struct fixture *f, const char *answer, size_t length)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid != 0)
		return pid;
	unsigned char heard[HELLO_LENGTH];
	size_t count = 0;
	while (count < sizeof heard) {
		ssize_t more = read(f->peer, heard + count, sizeof heard - count);

		if (more <= 0)
			_exit(1);
		count += (size_t)more;
	}
	/* A whole record of a whole ClientHello. */
	if (heard[0] != 0x16 || heard[1] != 3 || heard[3] != 0 || heard[4] != HELLO_LENGTH - 5 ||
	    heard[5] != 1 || heard[8] != HELLO_LENGTH - 9)
		_exit(2);
	_exit(write(f->peer, answer, length) == (ssize_t)length ? 0 : 3);
}

static void end_peer(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void test_a_server_that_speaks_tls(void **state)
{
	static const char *const answers[] = { "\x16\x03\x03", "\x15\x03\x01" };

	(void)state;
	for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
		struct fixture f;
		struct error error;

		fixture_init(&f, 465);
		pid_t pid = start_peer(&f, answers[i], 3);
		assert_int_equal(tls_hello_ask(&f.session, &error), -1);
		end_peer(pid);
		assert_string_equal(error.code, "MC-TLS-10");
		assert_string_equal(error.next, "write url = \"smtps://relay.example:465\"");
		assert_false(f.session.is_in_step);
		fixture_finish(&f);
	}
}

static void test_a_server_that_is_silent(void **state)
{
	struct fixture f;
	struct error error;

	(void)state;
	fixture_init(&f, 465);
	pid_t pid = start_peer(&f, "220 x", 5);
	assert_int_equal(tls_hello_ask(&f.session, &error), -1);
	end_peer(pid);
	assert_string_equal(error.code, "MC-NET-23");
	assert_false(f.session.is_in_step);
	fixture_finish(&f);
}

static void test_a_greeting(void **state)
{
	struct fixture f;
	struct error error;

	(void)state;
	fixture_init(&f, 465);
	assert_int_equal(write(f.peer, "220 ", 4), 4);
	assert_int_equal(tls_hello_ask(&f.session, &error), 0);
	assert_true(span_equals_string(stream_input(&f.stream), "220 "));
	fixture_finish(&f);
	/* Closed: who awaits the greeting says so. */
	fixture_init(&f, 465);
	file_close(&f.peer);
	assert_int_equal(tls_hello_ask(&f.session, &error), 0);
	fixture_finish(&f);
}

/* Such a one may greet late, and what comes before it is held against us. */
static void test_ports_that_greet_in_clear(void **state)
{
	static const uint16_t ports[] = { 24, 25, 587, 2525, 1025 };

	(void)state;
	for (size_t i = 0; i < sizeof ports / sizeof ports[0]; i++) {
		struct fixture f;
		struct error error;
		char heard;

		fixture_init(&f, ports[i]);
		assert_int_equal(tls_hello_ask(&f.session, &error), 0);
		assert_int_equal(recv(f.peer, &heard, 1, MSG_DONTWAIT), -1);
		fixture_finish(&f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_server_that_speaks_tls),
		cmocka_unit_test(test_a_server_that_is_silent),
		cmocka_unit_test(test_a_greeting),
		cmocka_unit_test(test_ports_that_greet_in_clear),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
