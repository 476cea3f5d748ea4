/* SPDX-License-Identifier: MIT */

/* Tests smtp/client/probe.c; what is said around it stands in tests/dialogues/probe_*.txt. */

#include "smtp/client/probe.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>
#include <sys/socket.h>

/* A session whose flight is only looked at. */
struct fixture {
	struct stream stream;
	struct smarthost smarthost;
	struct session_settings settings;
	struct session session;
};

static void fixture_init(struct fixture *f)
{
	int ends[2];

	*f = (struct fixture){ 0 };
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	stream_init_take_fd(&f->stream, ends[0], ends[1], "peer");
	f->settings = (struct session_settings){ .smarthost = &f->smarthost,
		.hello = "client.example",
		.timeouts = session_default_timeouts };
	f->session = (struct session){ .stream = &f->stream,
		.settings = &f->settings,
		.is_in_step = true,
		.is_usable = true,
		.step = SESSION_READY,
		.extensions = { .pipelining = true, .chunking = true } };
}

static void fixture_finish(struct fixture *f)
{
	session_finish(&f->session);
	stream_finish(&f->stream);
}

static void the_flight_is_harmless(void **state)
{
	struct fixture f;
	struct probe probe = { 0 };

	(void)state;
	fixture_init(&f);
	probe_put(&probe, &f.session, "a@client.example", false);
	assert_true(span_equals_string(buffer_span(&f.stream.output),
	    "RSET\r\nMAIL FROM:<a@client.example>\r\nBDAT 6 LAST\r\nNOOP\r\nRSET\r\n"
	    "BDAT 0 LAST\r\n"));
	assert_int_equal(f.session.pipeline.count, PROBE_COMMANDS);
	assert_int_equal(probe.state, PROBE_ASKED);
	fixture_finish(&f);
}

static void only_one_answer_opens_it(void **state)
{
	static const struct row {
		const char *classes; /* of the replies, in turn */
		enum probe_state state;
		bool is_lost;
	} rows[] = {
		{ "22525", PROBE_OPEN, false },
		{ "22225", PROBE_SHUT, false },
		{ "22425", PROBE_SHUT, false },
		{ "22555", PROBE_SHUT, false },
		{ "25525", PROBE_SHUT, false },
		{ "52525", PROBE_SHUT, false },
		{ "22524", PROBE_SHUT, false },
		{ "24525", PROBE_SHUT, false },
		/* The chunk was run, and is one reply too many. */
		{ "225225", PROBE_SHUT, false },
		{ "225525", PROBE_SHUT, false },
		{ "225224", PROBE_SHUT, false },
		{ "225222", PROBE_ASKED, true },
		{ "3", PROBE_ASKED, true },
		{ "223", PROBE_ASKED, true },
		{ "22523", PROBE_ASKED, true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct fixture f;
		struct probe probe = { 0 };
		struct error error;
		int outcome = 0;

		fixture_init(&f);
		probe_put(&probe, &f.session, "", false);
		for (const char *p = rows[i].classes; *p != '\0'; p++) {
			struct reply reply = { .code = (*p - '0') * 100 + 50 };

			assert_int_equal(outcome, 0);
			outcome = probe_take_reply(&probe, &f.session, &reply, &error);
		}
		if (probe.state != rows[i].state || (outcome < 0) != rows[i].is_lost)
			fail_msg("%s: state %d", rows[i].classes, probe.state);
		assert_int_equal(f.session.is_usable, !rows[i].is_lost);
		if (!rows[i].is_lost)
			assert_int_equal(f.session.pipeline.count, 0);
		fixture_finish(&f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_flight_is_harmless),
		cmocka_unit_test(only_one_answer_opens_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
