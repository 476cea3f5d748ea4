/* SPDX-License-Identifier: MIT */

/* Tests net/tls_connection.c: our end against another process, be it TLS or not. */

#include "net/tls_connection.h"

#include <fcntl.h>
#include <openssl/bio.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/memory.h"
#include "tests/net/tls_play.h"
#include "tests/support/cmocka.h"

/* A server and the client that trusts it, made once. */
struct pair {
	struct tls *server;
	struct tls *client;
};

static int set_up(void **state)
{
	struct pair *pair = memory_allocate(sizeof *pair);
	char path[] = "/tmp/mailchute-tls-XXXXXX";
	struct error error;
	CLEANUP(file_close) int fd = mkstemp(path);

	if (fd < 0)
		return -1;
	pair->server = tls_server_new_self_signed(SERVER, &error);
	if (pair->server == NULL || tls_write_certificate(pair->server, path, &error) < 0)
		return -1;
	pair->client = tls_client_new(path, &error);
	(void)unlink(path);
	*state = pair;
	return pair->client != NULL ? 0 : -1;
}

static int tear_down(void **state)
{
	struct pair *pair = *state;

	tls_free(pair->client);
	tls_free(pair->server);
	free(pair);
	return 0;
}

/* Raw octets instead of TLS, then it waits until we hang up. */
static int play_text(int fd, const char *text)
{
	char bytes[4096];

	if (file_write_all(fd, span_from_string(text)) < 0)
		return TALK_FAILED;
	while (read(fd, bytes, sizeof bytes) > 0)
		;
	return PLAYED;
}

static int greet_in_clear(struct tls *tls, int fd)
{
	(void)tls;
	return play_text(fd, "220 mail.example.com ESMTP Postfix\r\n");
}

static int hang_up(struct tls *tls, int fd)
{
	char byte;

	(void)tls;
	(void)!read(fd, &byte, 1);
	shutdown(fd, SHUT_WR);
	return play_text(fd, "");
}

static int stay_silent(struct tls *tls, int fd)
{
	(void)tls;
	return play_text(fd, "");
}

static int refuse_by_alert(struct tls *tls, int fd)
{
	static const char alert[] = { 21, 3, 3, 0, 2, 2, 40 }; /* fatal, handshake_failure */

	(void)tls;
	if (file_write_all(fd, span_from_bytes(alert, sizeof alert)) < 0)
		return TALK_FAILED;
	return play_text(fd, "");
}

static const struct failure {
	const char *name;
	play_function *play;
	uint64_t flights; /* what was said in clear before */
	int64_t patience;
	const char *status;
	const char *text;
	const char *next;
} failures[] = {
	{ "a greeting in clear", greet_in_clear, 0, LONG, "4.7.0",
	    "wrong version number): \"220 mail.example.com ESMTP Postfix\"", "smtp+tls://" },
	{ "clear text after STARTTLS", greet_in_clear, 1, LONG, "4.7.0", "speaks in clear",
	    "STARTTLS is broken" },
	{ "the end", hang_up, 0, LONG, "4.4.2", "closed the connection in the TLS handshake", "" },
	{ "silence", stay_silent, 0, SOON, "4.4.2", "no end of the TLS handshake", "" },
	{ "an alert", refuse_by_alert, 0, LONG, "4.7.0", "TLS was refused by " PEER, "" },
};

static void what_is_no_tls_is_told(void **state)
{
	const struct pair *pair = *state;
	struct error error;
	struct stream_security security = tls_security(pair->client);

	for (size_t i = 0; i < sizeof failures / sizeof failures[0]; i++) {
		const struct failure *row = &failures[i];
		struct stream stream;
		pid_t child;
		int fd = begin(row->play, NULL, &child);

		stream_init_take_fd(&stream, fd, fd, PEER);
		stream.flights = row->flights;
		assert_int_equal(security.start(security.context, &stream, SERVER,
				     clock_deadline(row->patience), &error),
		    -1);
		if (strstr(error.text, row->text) == NULL || strstr(error.next, row->next) == NULL)
			fail_msg("%s: %s; %s", row->name, error.text, error.next);
		assert_string_equal(error.status, row->status);
		assert_non_null(strstr(error.text, PEER));
		stream_finish(&stream);
		end(child, PLAYED);
	}
}

/* What follows a whole reply inside TLS when the server has had enough. */
static int say_and_end(struct tls *tls, int fd, const char *surplus, size_t size)
{
	struct stream stream;
	struct error error;

	stream_init_take_fd(&stream, fd, fd, "client");
	if (start_tls(&stream, tls, NULL, &error) < 0)
		return HANDSHAKE_FAILED;
	stream_put(&stream, span_from_string("221 bye\r\n"));
	if (stream_flush(&stream, clock_deadline(LONG), &error) < 0)
		return TALK_FAILED;
	/* Leaving without stream_finish: no close_notify. */
	return file_write_all(fd, span_from_bytes(surplus, size)) == 0 ? PLAYED : TALK_FAILED;
}

static int end_after_a_record(struct tls *tls, int fd)
{
	return say_and_end(tls, fd, "", 0);
}

static int end_inside_a_header(struct tls *tls, int fd)
{
	return say_and_end(tls, fd, "\x17\x03\x03", 3);
}

static int end_inside_a_record(struct tls *tls, int fd)
{
	return say_and_end(tls, fd, "\x17\x03\x03\x00\x40xxxx", 9);
}

static int send_a_forged_record(struct tls *tls, int fd)
{
	static const char forged[5 + 32] = { 23, 3, 3, 0, 32 };

	return say_and_end(tls, fd, forged, sizeof forged);
}

static void an_end_between_records_is_none_inside_one(void **state)
{
	static const struct ending {
		const char *name;
		play_function *play;
		int want;
		const char *text;
	} endings[] = {
		{ "after a record", end_after_a_record, 0, "" },
		{ "inside a header", end_inside_a_header, -1,
		    "lost: TLS: cut off inside a record" },
		{ "inside a record", end_inside_a_record, -1,
		    "lost: TLS: cut off inside a record" },
		{ "after a forged record", send_a_forged_record, -1,
		    "lost: TLS: decryption failed" },
	};
	const struct pair *pair = *state;
	struct error error;

	for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
		CLEANUP(stream_finish) struct stream stream;
		pid_t child;
		int fd = begin(endings[i].play, pair->server, &child);

		memset(&error, 0, sizeof error);
		stream_init_take_fd(&stream, fd, fd, PEER);
		assert_int_equal(start_tls(&stream, pair->client, SERVER, &error), 0);
		end(child, PLAYED);
		assert_int_equal(stream_fill(&stream, clock_deadline(LONG), &error), 1);
		assert_true(span_equals_string(stream_input(&stream), "221 bye\r\n"));
		int outcome = stream_fill(&stream, clock_deadline(LONG), &error);
		if (outcome != endings[i].want || strstr(error.text, endings[i].text) == NULL)
			fail_msg("%s: %d %s", endings[i].name, outcome, error.text);
	}
}

enum { FLIGHT = STREAM_INPUT_LIMIT - 1000, FLIGHTS = 20 };

/* Sends first and listens only while it cannot; 0 when all octets came, and the right ones. */
static int talk_at_once(struct stream *stream)
{
	CLEANUP(memory_free_string) char *bytes = memory_allocate(FLIGHT);
	struct error error;
	size_t received = 0;

	for (size_t i = 0; i < FLIGHT; i++)
		bytes[i] = (char)i;
	for (int sent = 0; sent < FLIGHTS || received < (size_t)FLIGHT * FLIGHTS; sent++) {
		if (sent < FLIGHTS) {
			stream_put(stream, span_from_bytes(bytes, FLIGHT));
			if (stream_flush(stream, clock_deadline(LONG), &error) < 0)
				return 1;
		} else if (stream_fill(stream, clock_deadline(LONG), &error) != 1) {
			return 2;
		}
		struct span input = stream_input(stream);
		for (size_t i = 0; i < input.length; i++)
			if (input.start[i] != (char)((received + i) % FLIGHT))
				return 3;
		received += input.length;
		stream_consume(stream, input.length);
	}
	return received == (size_t)FLIGHT * FLIGHTS ? 0 : 4;
}

static void make_narrow(int fd)
{
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &(int){ 4096 }, sizeof(int));
}

static int answer_at_once(struct tls *tls, int fd)
{
	CLEANUP(stream_finish) struct stream stream;
	struct error error;

	make_narrow(fd);
	stream_init_take_fd(&stream, fd, fd, "client");
	if (start_tls(&stream, tls, NULL, &error) < 0)
		return 9;
	return talk_at_once(&stream);
}

static void two_full_buffers_do_not_block_each_other(void **state)
{
	CLEANUP(stream_finish) struct stream stream = { 0 };
	const struct pair *pair = *state;
	struct error error;
	pid_t child;

	int fd = begin(answer_at_once, pair->server, &child);
	make_narrow(fd);
	stream_init_take_fd(&stream, fd, fd, PEER);
	assert_int_equal(start_tls(&stream, pair->client, SERVER, &error), 0);
	assert_int_equal(talk_at_once(&stream), 0);
	end(child, 0);
}

static int greet_over_pipes(struct tls *tls, int input_fd, int output_fd)
{
	CLEANUP(stream_finish) struct stream stream;
	struct error error;

	stream_init_take_fd(&stream, input_fd, output_fd, "client");
	return greet_on(&stream, tls, &error);
}

/* Two descriptors, and none that knows send(2). */
static void pipes_will_do(void **state)
{
	CLEANUP(stream_finish) struct stream stream;
	const struct pair *pair = *state;
	struct error error;
	const struct sigaction ignore = { .sa_handler = SIG_IGN };
	int there[2];
	int back[2];

	/* As both programs do. */
	assert_int_equal(sigaction(SIGPIPE, &ignore, NULL), 0);
	assert_int_equal(pipe2(there, O_CLOEXEC), 0);
	assert_int_equal(pipe2(back, O_CLOEXEC), 0);
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		file_close(&there[1]);
		file_close(&back[0]);
		_exit(greet_over_pipes(pair->server, there[0], back[1]));
	}
	file_close(&there[0]);
	file_close(&back[1]);
	stream_init_take_fd(&stream, back[0], there[1], PEER);
	if (start_tls(&stream, pair->client, SERVER, &error) < 0)
		fail_msg("%s", error.text);
	talk(&stream);
	end(child, PLAYED);
}

/* A server's source that was never told its certificate: both ends hear why it fails. */
static int serve_without_certificate(struct tls *tls, int fd)
{
	CLEANUP(stream_finish) struct stream stream;
	struct tls_connection_source source = {
		.context = SSL_CTX_new(TLS_server_method()),
		.method = tls_connection_make_method(),
	};
	struct error error;

	(void)tls;
	stream_init_take_fd(&stream, fd, fd, "client");
	int outcome = tls_connection_start(&source, &stream, NULL, clock_deadline(LONG), &error);
	SSL_CTX_free(source.context);
	BIO_meth_free(source.method);
	return outcome < 0 && strstr(error.text, "TLS failed with client: no shared cipher") != NULL
		   ? PLAYED
		   : TALK_FAILED;
}

static void a_failure_here_is_an_alert_there(void **state)
{
	CLEANUP(stream_finish) struct stream stream;
	const struct pair *pair = *state;
	struct error error;
	pid_t child;
	int fd = begin(serve_without_certificate, NULL, &child);

	stream_init_take_fd(&stream, fd, fd, PEER);
	assert_int_equal(start_tls(&stream, pair->client, SERVER, &error), -1);
	assert_non_null(strstr(error.text, "TLS was refused by " PEER));
	assert_string_equal(error.status, "4.7.0");
	end(child, PLAYED);
}

static void what_is_no_host_name_is_not_asked_for(void **state)
{
	CLEANUP(stream_finish) struct stream stream;
	const struct pair *pair = *state;
	struct error error;
	char endless[5000];
	const char *names[] = { "", endless };
	int ends[2];
	char byte;

	memset(endless, 'x', sizeof endless - 1);
	endless[sizeof endless - 1] = '\0';
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	stream_init_take_fd(&stream, ends[0], ends[0], PEER);
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		assert_int_equal(start_tls(&stream, pair->client, names[i], &error), -1);
		assert_non_null(strstr(error.text, "TLS with " PEER " cannot begin: \""));
		assert_int_equal(error.kind, ERROR_CONFIG);
		assert_null(stream.operations);
		assert_int_equal(recv(ends[1], &byte, 1, MSG_DONTWAIT), -1);
	}
	file_close(&ends[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_no_tls_is_told),
		cmocka_unit_test(an_end_between_records_is_none_inside_one),
		cmocka_unit_test(two_full_buffers_do_not_block_each_other),
		cmocka_unit_test(pipes_will_do),
		cmocka_unit_test(a_failure_here_is_an_alert_there),
		cmocka_unit_test(what_is_no_host_name_is_not_asked_for),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
