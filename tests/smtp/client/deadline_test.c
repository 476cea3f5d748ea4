/* SPDX-License-Identifier: MIT */

/*
 * Tests that a deadline belongs to a step of the dialogue and not to a read: a
 * peer that always gives, or takes, one octet more just in time is left when
 * the time of the step is over.
 *
 * Clock and poll(2) are this program's own: a wait passes at once, and what it
 * would have taken is added to the time.
 */

/* Its poll in the headers would be another one. */
#undef _FORTIFY_SOURCE

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "base/file.h"
#include "smtp/client/session.h"
#include "smtp/client/window.h"
#include "tests/support/cmocka.h"

enum { START = 1000000, DRIP = 10000 /* milliseconds between two octets */ };

/* What the peer does from here on, and how far it has come. */
static struct peer {
	int64_t now;
	const char *says; /* one octet a DRIP */
	bool takes_drops; /* one octet a DRIP, from when it has nothing more to say */
	bool is_ready;	  /* a DRIP has passed */
	char heard[1000];
} peer;

int clock_gettime(clockid_t which, struct timespec *now)
{
	(void)which;
	*now = (struct timespec){ peer.now / 1000, peer.now % 1000 * 1000000 };
	return 0;
}

/* Not inline: <poll.h> would have poll write only, so gcc takes the events for unset. */
__attribute__((noinline)) static int wait_for(struct pollfd *fds, nfds_t count, int timeout)
{
	int ready = 0;

	/* A wait without end would be one. */
	if (timeout < 0) {
		errno = EINVAL;
		return -1;
	}
	if (timeout < DRIP) {
		peer.now += timeout;
		return 0;
	}
	peer.now += DRIP;
	peer.is_ready = true;
	for (nfds_t i = 0; i < count; i++) {
		bool may = (fds[i].events & POLLOUT) != 0 || peer.says[0] != '\0';

		fds[i].revents = fds[i].fd >= 0 && may ? fds[i].events : 0;
		ready += fds[i].revents != 0;
	}
	return ready;
}

int poll(struct pollfd *fds, nfds_t count, int timeout)
{
	return wait_for(fds, count, timeout);
}

static ssize_t peer_read(void *context, char *bytes, size_t size, short *wants)
{
	(void)context;
	(void)size;
	if (peer.says[0] == '\0' || !peer.is_ready) {
		*wants = POLLIN;
		errno = EAGAIN;
		return -1;
	}
	peer.is_ready = false;
	*bytes = *peer.says++;
	return 1;
}

static ssize_t peer_write(void *context, const char *bytes, size_t size, short *wants)
{
	bool is_dripping = peer.takes_drops && peer.says[0] == '\0';

	(void)context;
	if (is_dripping && !peer.is_ready) {
		*wants = POLLOUT;
		errno = EAGAIN;
		return -1;
	}
	if (is_dripping)
		size = 1;
	peer.is_ready = false;
	size_t room = sizeof peer.heard - 1 - strlen(peer.heard);
	strncat(peer.heard, bytes, size < room ? size : room);
	return (ssize_t)size;
}

static void peer_finish(void *context)
{
	(void)context;
}

static const struct stream_operations operations = {
	.read = peer_read,
	.write = peer_write,
	.finish = peer_finish,
};

struct fixture {
	struct stream stream;
	struct smarthost smarthost;
	struct session_settings settings;
	struct session session;
};

static void fixture_init(struct fixture *f, const char *says)
{
	int ends[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	file_close(&ends[1]);
	*f = (struct fixture){ .smarthost = { .window = 1, .tls = SMARTHOST_TLS_NEVER } };
	stream_init_take_fd(&f->stream, ends[0], ends[0], "relay.example:25");
	f->stream.operations = &operations;
	f->settings = (struct session_settings){
		.smarthost = &f->smarthost,
		.hello = "client.example",
		.timeouts = session_default_timeouts,
	};
	peer = (struct peer){ .now = START, .says = says };
}

static void fixture_finish(struct fixture *f)
{
	session_finish(&f->session);
	stream_finish(&f->stream);
}

/* A reply far longer than its time. */
static const char slow_greeting[] = "220 slowly slowly slowly slowly slowly slowly\r\n";

static void the_greeting_has_its_time(void **state)
{
	struct fixture f;
	struct error error;

	(void)state;
	fixture_init(&f, slow_greeting);
	assert_int_equal(session_open(&f.session, &f.stream, &f.settings, &error), -1);
	assert_int_equal(f.session.step, SESSION_GREETING);
	assert_string_equal(error.status, "4.4.2");
	assert_non_null(strstr(error.text, "no answer from relay.example:25"));
	assert_int_equal(peer.now - START, session_default_timeouts.greeting);
	fixture_finish(&f);
}

static void a_command_has_its_time(void **state)
{
	struct fixture f;
	struct reply reply;
	struct error error;

	(void)state;
	fixture_init(&f, "250-slowly\r\n250-slowly\r\n250 slowly\r\n");
	f.session = (struct session){
		.stream = &f.stream,
		.settings = &f.settings,
		.step = SESSION_READY,
		.is_in_step = true,
		.is_usable = true,
	};
	assert_int_equal(
	    session_command(&f.session, "NOOP\r\n", NULL, 10 * DRIP, &reply, &error), -1);
	assert_int_equal(peer.now - START, 10 * DRIP);
	assert_false(f.session.is_usable);
	fixture_finish(&f);
}

/* ---- messages ---- */

struct mail {
	struct recipient recipient;
	struct envelope envelope;
	struct transaction transaction;
	bool is_taken;
	bool is_reported;
	struct transaction_result result;
};

static void see_result(void *context, size_t index, const struct transaction_result *result)
{
	struct mail *mail = context;

	assert_int_equal(index, 0);
	assert_false(mail->is_reported);
	mail->is_reported = true;
	mail->result = *result;
}

static const struct transaction *next(void *context)
{
	struct mail *mail = context;

	if (mail->is_taken)
		return NULL;
	mail->is_taken = true;
	return &mail->transaction;
}

static void finished(void *context, const struct transaction *transaction, enum window_end end)
{
	const struct mail *mail = context;

	assert_ptr_equal(transaction, &mail->transaction);
	assert_int_equal(end, WINDOW_DONE);
}

static void mail_init(struct mail *mail, struct span content)
{
	static char sender[] = "a@client.example";
	static char address[] = "b@example.org";

	*mail = (struct mail){
		.recipient = { .address = address },
		.envelope = { .sender = sender,
		    .recipients = &mail->recipient,
		    .recipient_count = 1 },
		.transaction = { .envelope = &mail->envelope,
		    .content = { .front = content },
		    .report = see_result },
	};
	mail->transaction.context = mail;
}

/* The session is open, and one message goes through it; the error it ends with. */
static void run(struct fixture *f, struct mail *mail, struct error *error)
{
	const struct window_source source = { .next = next, .finished = finished, .context = mail };

	f->session = (struct session){
		.stream = &f->stream,
		.settings = &f->settings,
		.step = SESSION_READY,
		.is_in_step = true,
		.is_usable = true,
	};
	assert_int_equal(window_run(&f->session, &source, error), -1);
	assert_true(mail->is_reported);
	assert_false(f->session.is_usable);
	assert_string_equal(mail->result.status, "4.4.2");
}

static const char slow[] = "250 slowly slowly slowly slowly slowly slowly slowly slowly\r\n";

static void mail_has_its_time(void **state)
{
	struct fixture f;
	struct mail mail;
	struct error error;

	(void)state;
	fixture_init(&f, slow);
	mail_init(&mail, span_from_string("Subject: x\r\n\r\nhello\r\n"));
	run(&f, &mail, &error);
	assert_int_equal(peer.now - START, session_default_timeouts.mail);
	assert_int_equal(mail.result.outcome, TRANSACTION_DEFERRED);
	assert_non_null(strstr(error.text, "MAIL"));
	fixture_finish(&f);
}

/* The steps before it are answered in time, and each begins a time of its own. */
static void the_content_s_reply_has_its_time(void **state)
{
	static const char quick[] = "250 a\r\n250 b\r\n354 c\r\n";
	char says[200];
	struct fixture f;
	struct mail mail;
	struct error error;

	(void)state;
	snprintf(says, sizeof says, "%s%s", quick, slow);
	fixture_init(&f, says);
	mail_init(&mail, span_from_string("Subject: x\r\n\r\nhello\r\n"));
	run(&f, &mail, &error);
	assert_int_equal(
	    peer.now - START, (int64_t)(sizeof quick - 1) * DRIP + session_default_timeouts.end);
	assert_int_equal(mail.result.outcome, TRANSACTION_IN_DOUBT);
	fixture_finish(&f);
}

/*
 * A block of the content must leave within its time.  Octets of it are no
 * more than a sign of life: few of them do not begin the time anew.
 */
static void content_that_drips_away_has_its_time(void **state)
{
	static char content[3 * STREAM_OUTPUT_LIMIT];
	static const char quick[] = "250 a\r\n250 b\r\n354 c\r\n";
	struct fixture f;
	struct mail mail;
	struct error error;

	(void)state;
	memset(content, 'x', sizeof content);
	fixture_init(&f, quick);
	mail_init(&mail, span_from_bytes(content, sizeof content));
	peer.takes_drops = true;
	run(&f, &mail, &error);
	assert_int_equal(mail.result.outcome, TRANSACTION_DEFERRED);
	assert_non_null(strstr(error.text, "was not taken by"));
	int64_t took = peer.now - START - (int64_t)(sizeof quick - 1) * DRIP;
	assert_in_range(took, session_default_timeouts.content, session_default_timeouts.end);
	fixture_finish(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_greeting_has_its_time),
		cmocka_unit_test(a_command_has_its_time),
		cmocka_unit_test(mail_has_its_time),
		cmocka_unit_test(the_content_s_reply_has_its_time),
		cmocka_unit_test(content_that_drips_away_has_its_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
