/* SPDX-License-Identifier: MIT */

#include "sink.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "smtp/server/server.h"

enum { PATIENCE = 120000 };

static void take_mail(void *context, struct span sender, const struct mail_parameters *parameters,
    struct server_reply *reply)
{
	(void)context, (void)sender, (void)parameters, (void)reply;
}

static void take_rcpt(void *context, struct span recipient,
    const struct rcpt_parameters *parameters, struct server_reply *reply)
{
	(void)context, (void)recipient, (void)parameters, (void)reply;
}

static void take_content(void *context, struct span octets)
{
	struct board *board = context;

	board->counts.content += octets.length;
}

static void take_end(void *context, struct server_reply *reply)
{
	struct board *board = context;

	(void)reply;
	board->counts.messages++;
}

static void log_in(
    void *context, const char *user, const char *password, struct server_reply *reply)
{
	(void)context, (void)user, (void)password, (void)reply;
}

static const struct server_handler handler = {
	.mail = take_mail,
	.rcpt = take_rcpt,
	.content = take_content,
	.end = take_end,
	.log_in = log_in,
};

static void show(void *context, char direction, struct span line)
{
	(void)context;
	fprintf(stderr, "%c %.*s\n", direction == '<' ? 'C' : 'S', span_int(line), line.start);
}

/* Counts handshakes on their way to the real thing. */
struct counted_tls {
	struct stream_security inner;
	struct board *board;
};

static int start_counted(
    void *context, struct stream *stream, const char *name, int64_t deadline, struct error *error)
{
	const struct counted_tls *counted = context;

	counted->board->counts.handshakes++;
	return counted->inner.start(counted->inner.context, stream, name, deadline, error);
}

/*
 * Where a session takes so many messages the client does not spend one on the
 * probe (RFC 9422).  smtp/server does not offer LIMITS: it is a line behind
 * the name.
 */
static const char limited_name[] = "sink.bench\nLIMITS MAILMAX=1000000";

static int serve(struct stream *stream, const struct stream_security *security, struct board *board,
    struct error *error)
{
	const struct board_plan *plan = &board->plan;
	bool is_clear = plan->tls == BOARD_CLEAR;
	struct server_settings settings = {
		.name = plan->offer == BOARD_UNPROVEN ? limited_name : "sink.bench",
		.banner = "ESMTP bench",
		.offered = { .is_extended = true,
		    .pipelining = plan->offer != BOARD_NOTHING,
		    .chunking = plan->offer <= BOARD_UNPROVEN,
		    .eight_bit_mime = true,
		    .smtputf8 = true,
		    .dsn = true,
		    .enhanced_status_codes = true,
		    .starttls = plan->tls == BOARD_STARTTLS,
		    .size = true,
		    .auth = "PLAIN LOGIN" },
		.security = is_clear ? NULL : security,
		.auth_is_required = !is_clear,
		.auth_needs_tls = true,
		.command_timeout = PATIENCE,
		.content_timeout = PATIENCE,
		.handler = &handler,
		.context = board,
		.trace = plan->trace != '\0' ? show : NULL,
	};

	return server_run(stream, &settings, error);
}

/* The yardstick of large messages: octets until the one that ends them. */
static void swallow(struct stream *stream, const struct board *board)
{
	uint64_t left = board->plan.size;
	struct error error;

	while (left != 0) {
		if (stream_fill(stream, clock_deadline(PATIENCE), &error) <= 0)
			return;
		struct span input = stream_input(stream);
		left -= input.length < left ? input.length : left;
		stream_consume(stream, input.length);
	}
	stream_put(stream, span_from_string("!"));
	(void)stream_flush(stream, clock_deadline(PATIENCE), &error);
}

static _Noreturn void serve_client(int connection, struct tls *tls, struct board *board)
{
	struct counted_tls counted = { .board = board };
	struct stream_security security = { start_counted, &counted };
	struct stream stream = { 0 };
	struct error error;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	(void)setsockopt(connection, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int));
	stream_init_take_fd(&stream, connection, connection, "client");
	if (tls != NULL)
		counted.inner = tls_security(tls);
	if (board->plan.tls == BOARD_IMPLICIT &&
	    start_counted(&counted, &stream, NULL, clock_deadline(PATIENCE), &error) < 0) {
		fprintf(stderr, "sink: %s\n", error.text);
		_exit(1);
	}
	if (board->plan.way == BOARD_COPY)
		swallow(&stream, board);
	else if (serve(&stream, &security, board, &error) < 0)
		fprintf(stderr, "sink: %s\n", error.text);
	stream_finish(&stream);
	_exit(0);
}

_Noreturn void sink_run(int listener, struct tls *tls, struct board *board)
{
	struct sigaction ignore = { .sa_handler = SIG_IGN };
	struct pollfd ready = { listener, POLLIN, 0 };

	(void)sigaction(SIGCHLD, &ignore, NULL);
	(void)sigaction(SIGPIPE, &ignore, NULL);
	for (;;) {
		(void)poll(&ready, 1, -1);
		int connection = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
		if (connection < 0)
			continue;
		if (fork() == 0)
			serve_client(connection, tls, board);
		(void)close(connection);
	}
}
