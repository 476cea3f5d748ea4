/* SPDX-License-Identifier: MIT */

/*
 * tls_play - the other end of a TLS connection, played by another process
 */

#ifndef TESTS_NET_TLS_PLAY_H
#define TESTS_NET_TLS_PLAY_H

#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/memory.h"
#include "net/tls.h"
#include "tests/support/cmocka.h"

enum { SOON = 30, LONG = 60000 };

#define SERVER "mail.example.com"
#define PEER "mail.example.com:465 [192.0.2.1]"

/* What the other process does with its end. */
typedef int play_function(struct tls *tls, int fd);

/* Starts play in a child; the descriptor of our end. */
static inline int begin(play_function *play, struct tls *tls, pid_t *child)
{
	int ends[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	*child = fork();
	assert_true(*child >= 0);
	if (*child == 0) {
		file_close(&ends[0]);
		_exit(play(tls, ends[1]));
	}
	file_close(&ends[1]);
	return ends[0];
}

static inline void end(pid_t child, int want)
{
	int status;

	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), want);
}

static inline int start_tls(
    struct stream *stream, struct tls *tls, const char *name, struct error *error)
{
	struct stream_security security = tls_security(tls);

	return security.start(security.context, stream, name, clock_deadline(LONG), error);
}

enum { PLAYED, HANDSHAKE_FAILED, TALK_FAILED };

/* The server: greets inside TLS and hears one line.  HANDSHAKE_FAILED unless TLS began. */
static inline int greet_on(struct stream *stream, struct tls *tls, struct error *error)
{
	if (start_tls(stream, tls, NULL, error) < 0)
		return HANDSHAKE_FAILED;
	stream_put(stream, span_from_string("220 hello\r\n"));
	if (stream_fill(stream, clock_deadline(LONG), error) != 1)
		return TALK_FAILED;
	return span_equals_string(stream_input(stream), "QUIT\r\n") ? PLAYED : TALK_FAILED;
}

static inline int greet(struct tls *tls, int fd)
{
	CLEANUP(stream_finish) struct stream stream;
	struct error error;

	stream_init_take_fd(&stream, fd, fd, "client");
	return greet_on(&stream, tls, &error);
}

/* One line each way. */
static inline void talk(struct stream *stream)
{
	struct error error;

	assert_int_equal(stream_fill(stream, clock_deadline(LONG), &error), 1);
	assert_true(span_equals_string(stream_input(stream), "220 hello\r\n"));
	stream_consume(stream, 11);
	stream_put(stream, span_from_string("QUIT\r\n"));
	assert_int_equal(stream_fill(stream, clock_deadline(LONG), &error), 0);
	/* Six octets fit into one record and one write. */
	assert_int_equal(stream->flights, 1);
}

#endif
