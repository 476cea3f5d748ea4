/* SPDX-License-Identifier: MIT */

/* Tests smtp/client/authenticate.c where a conversation (dialogue_test.c) cannot show it. */

#include "smtp/client/authenticate.h"

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

#include "base/file.h"

/* The secrets below in base64, as they stand in the flight. */
static const char plain[] = "AGFsaWNlAHdvbmRlcmxhbmQ=";

struct fixture {
	struct stream stream;
	struct smarthost smarthost;
	struct session_settings settings;
	struct session session;
	int peer;
};

static void fixture_init(struct fixture *f, const char *offered, const char *replies)
{
	static char user[] = "alice";
	static char password[] = "wonderland";
	int ends[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	*f = (struct fixture){ .peer = ends[1] };
	stream_init_take_fd(&f->stream, ends[0], ends[0], "relay.example:587");
	f->smarthost.user = user;
	f->smarthost.password = password;
	f->settings = (struct session_settings){
		.smarthost = &f->smarthost,
		.hello = "client.example",
		.authenticator = &authenticate_sasl,
		.timeouts = session_default_timeouts,
	};
	f->session = (struct session){
		.stream = &f->stream,
		.settings = &f->settings,
		.step = SESSION_AUTH,
		.is_in_step = true,
	};
	snprintf(f->session.extensions.auth, sizeof f->session.extensions.auth, "%s", offered);
	assert_int_equal(write(f->peer, replies, strlen(replies)), strlen(replies));
}

static void fixture_finish(struct fixture *f)
{
	session_finish(&f->session);
	stream_finish(&f->stream);
	file_close(&f->peer);
}

static void no_secret_stays_in_the_flight(void **state)
{
	struct fixture f;
	struct error error;
	char heard[200] = "";

	(void)state;
	fixture_init(&f, "LOGIN PLAIN", "235 ok\r\n");
	assert_int_equal(authenticate_sasl.log_in(&f.session, &error), 0);
	assert_true(read(f.peer, heard, sizeof heard - 1) > 0);
	assert_non_null(strstr(heard, plain));
	assert_true(f.stream.output.capacity > sizeof plain);
	assert_null(memmem(f.stream.output.start, f.stream.output.capacity, plain, 12));
	fixture_finish(&f);
}

static void mechanisms_are_whole_words(void **state)
{
	static const char *const rows[] = { "", "PLAINER", "XPLAIN XLOGIN", "NTLM ANONYMOUS" };

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct fixture f;
		struct error error = { 0 };

		fixture_init(&f, rows[i], "");
		assert_int_equal(authenticate_sasl.log_in(&f.session, &error), -1);
		assert_int_equal(error.kind, ERROR_NO_PERMISSION);
		assert_string_equal(error.status, "5.7.4");
		assert_int_not_equal(error.next[0], '\0');
		/* Nothing was said, so QUIT may still be. */
		assert_true(f.session.is_in_step);
		fixture_finish(&f);
	}
}

static void refusals_are_an_account_s_fault(void **state)
{
	static const struct row {
		const char *reply, *status;
	} rows[] = {
		{ "535 5.7.8 no\r\n", "5.7.8" },
		{ "535 no\r\n", "5.7.8" },
		{ "534 5.7.9 application-specific password required\r\n", "5.7.9" },
		{ "454 4.7.0 later\r\n", "4.7.0" },
		{ "454 later\r\n", "4.7.0" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct fixture f;
		struct error error = { 0 };

		fixture_init(&f, "PLAIN", rows[i].reply);
		assert_int_equal(authenticate_sasl.log_in(&f.session, &error), -1);
		assert_int_equal(error.kind, ERROR_NO_PERMISSION);
		assert_string_equal(error.status, rows[i].status);
		assert_null(strstr(error.text, "wonderland"));
		assert_non_null(strstr(error.next, "secrets.ini"));
		fixture_finish(&f);
	}
}

static void preparing_twice_does_no_harm(void **state)
{
	(void)state;
	authenticate_prepare();
	authenticate_prepare();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_secret_stays_in_the_flight),
		cmocka_unit_test(mechanisms_are_whole_words),
		cmocka_unit_test(refusals_are_an_account_s_fault),
		cmocka_unit_test(preparing_twice_does_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
