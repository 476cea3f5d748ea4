/* SPDX-License-Identifier: MIT */

#include "worker/worker.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/process.h"
#include "base/text.h"
#include "delivery/request.h"
#include "delivery/result.h"
#include "net/connect.h"
#include "net/resolve.h"
#include "net/stream.h"
#include "net/tls.h"
#include "net/tls_facts.h"
#include "smtp/client/advice.h"
#include "smtp/client/authenticate.h"
#include "smtp/client/session.h"
#include "smtp/client/transcript.h"
#include "smtp/client/window.h"
#include "worker/examination.h"
#include "worker/feed.h"
#include "worker/inquiry.h"
#include "worker/sandbox.h"
#include "worker/token.h"

struct worker {
	struct channel channel;
	struct buffer message; /* the request being looked at */
	struct request_relay relay;
	struct worker_trust *trust; /* of the system's bundle */
	struct worker_trust own;    /* of the smarthost's own ca_file */
	struct tls *tls;	    /* borrowed from either; NULL: none could be made */
	struct stream_security security;
	struct stream stream;
	struct session_settings settings;
	struct session session;
	int64_t began;		/* clock_monotonic */
	uint32_t trace_count;	/* lines of the conversation that were told of */
	struct tls_facts facts; /* of the certificate, for an examination */
};

void worker_trust_load(struct worker_trust *trust)
{
	if (trust->is_loaded)
		return;
	trust->system = tls_client_new(NULL, &trust->error);
	trust->is_loaded = true;
}

static int put_result(struct worker *worker, const struct result *result)
{
	CLEANUP(buffer_finish) struct buffer message;

	buffer_init(&message, CHANNEL_LIMIT);
	result_encode(result, &message);
	return channel_send(&worker->channel, buffer_span(&message), -1);
}

/*
 * Without the service there is nobody to keep the result, and whoever comes
 * after it sends again: so the worker stops where it is, and a content that
 * is not yet whole is dropped by the server.
 */
static void send_result(struct worker *worker, const struct result *result)
{
	if (put_result(worker, result) < 0)
		_exit(0);
}

static void report_lost(struct worker *worker, enum session_step step, const struct error *error)
{
	struct result result = { .kind = RESULT_LOST,
		.step = (int)step,
		.code = worker->session.last_code,
		.error = *error,
		.has_stumbled = worker->session.has_stumbled };

	send_result(worker, &result);
}

static void report_ready(struct worker *worker)
{
	struct result result = { .kind = RESULT_READY };
	const struct stream *stream = &worker->stream;

	if (worker->tls != NULL)
		result.session = tls_session(worker->tls);

	text_copy(result.text, sizeof result.text, stream->peer);
	if (stream->is_secure)
		text_copy(result.security, sizeof result.security, stream->security);
	send_result(worker, &result);
}

/* A server that never ends its sentence must not fill the service's memory. */
static void trace(void *context, char direction, struct span line)
{
	struct worker *worker = context;
	struct result result = { .kind = RESULT_TRACE,
		.direction = direction,
		.elapsed = clock_monotonic() - worker->began };

	if (worker->trace_count >= worker->relay.trace_limit)
		return;
	if (++worker->trace_count == worker->relay.trace_limit) {
		result.direction = '*';
		line = span_from_string("no more of the conversation is shown");
	}
	transcript_mask(line, result.text, sizeof result.text);
	/* Who does not listen any more may still be owed a QUIT to the server. */
	if (put_result(worker, &result) < 0)
		worker->relay.trace_limit = 0;
}

static void note(struct worker *worker, const char *text)
{
	trace(worker, '*', span_from_string(text));
}

static void note_addresses(
    struct worker *worker, const char *label, const struct resolve_result *addresses)
{
	char text[RESULT_TEXT_SIZE];

	snprintf(text, sizeof text, "connecting to %s", label);
	for (size_t i = 0; i < addresses->count; i++) {
		text_append(text, sizeof text, i == 0 ? " [" : ", [");
		text_append(text, sizeof text, addresses->addresses[i].text);
		text_append(text, sizeof text, "]");
	}
	note(worker, text);
}

static void tell_fact(void *context, const struct result *fact)
{
	send_result(context, fact);
}

static void wipe(struct buffer *buffer)
{
	if (buffer->start != NULL)
		explicit_bzero(buffer->start, buffer->capacity);
	buffer_clear(buffer);
}

/* What has been consumed still stands behind what has not. */
static void wipe_consumed(struct buffer *buffer)
{
	if (buffer->start != NULL)
		explicit_bzero(buffer->start + buffer->length, buffer->capacity - buffer->length);
}

/* 1: relay is there; 0: the channel was closed before; -1: it was something else. */
static int receive_relay(struct worker *worker, struct error *error)
{
	CLEANUP(file_close) int descriptor = -1;
	int taken;

	while ((taken = channel_take(&worker->channel, &worker->message, &descriptor)) == 0) {
		if (channel_fill(&worker->channel) <= 0)
			return 0;
		/* Room for all of it at once, so that no copy is left behind by growing. */
		(void)buffer_reserve(&worker->message, worker->channel.input.length);
	}
	struct span message = buffer_span(&worker->message);
	int outcome = 1;
	int kind = request_kind_of(message);
	if (taken < 0 ||
	    (kind != REQUEST_RELAY && kind != REQUEST_INQUIRY && kind != REQUEST_EXAMINATION))
		outcome = error_set(error, ERROR_SOFTWARE, "4.3.0",
		    "worker: the service did not begin with a relay request");
	else if (request_decode_relay(message, &worker->relay, error) < 0)
		outcome = -1;
	wipe(&worker->message);
	wipe_consumed(&worker->channel.input);
	return outcome;
}

/* The descriptor, and in *peer how the other end is called in messages. */
static int connect_host(struct worker *worker, char **peer, struct error *error)
{
	const struct smarthost *smarthost = &worker->relay.smarthost;
	CLEANUP(memory_free_string) char *label = smarthost_label(smarthost);
	const struct connect_settings settings = { smarthost->source, smarthost->connect_timeout };
	int family = smarthost->family;
	struct resolve_result addresses;
	size_t winner;

	if (family == 0 && smarthost->source != NULL)
		family = connect_family_of(smarthost->source);
	if (resolve_host_in(smarthost->host, smarthost->port, family, &addresses, error) < 0) {
		advice_add_host(smarthost, error);
		return -1;
	}
	note_addresses(worker, label, &addresses);
	if (worker->relay.is_examination)
		examination_connect(&addresses, smarthost, tell_fact, worker);
	int fd = connect_race_with(&addresses, &settings, &winner, error);
	if (fd < 0) {
		advice_add_ports(smarthost, error);
		return error_prefix(error, "%s: ", label);
	}
	*peer = memory_format("%s [%s]", label, addresses.addresses[winner].text);
	return fd;
}

/*
 * A worker that is ended from outside takes back what its kernel has not sent
 * yet: its results are lost, so whatever arrived would arrive again.  One that
 * ends by itself has said QUIT, and lets it go out.
 */
static void let_linger(const struct worker *worker, bool is_orderly)
{
	const struct linger linger = { .l_onoff = !is_orderly, .l_linger = 0 };

	(void)setsockopt(worker->stream.output_fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
}

static int connect_relay(struct worker *worker, struct error *error)
{
	const struct smarthost *smarthost = &worker->relay.smarthost;
	CLEANUP(memory_free_string) char *peer = NULL;
	int fd;

	if (smarthost->path != NULL) {
		fd = connect_unix(smarthost->path, error);
		peer = smarthost_label(smarthost);
	} else {
		fd = connect_host(worker, &peer, error);
	}
	if (fd < 0)
		return -1;
	stream_init_take_fd(&worker->stream, fd, fd, peer);
	let_linger(worker, false);
	CLEANUP(memory_free_string) char *text = memory_format("connected to %s", peer);
	note(worker, text);
	return 0;
}

/* Stands in for TLS where no certificate could be checked: an error only once TLS is wanted. */
static int refuse_tls(
    void *context, struct stream *stream, const char *name, int64_t deadline, struct error *error)
{
	const struct worker_trust *trust = context;

	(void)stream;
	(void)name;
	(void)deadline;
	*error = trust->error;
	return -1;
}

/* Files are read now; the worker's copy of the bundle is its own to change. */
static void make_tls(struct worker *worker, const struct tls_client_settings *settings)
{
	struct worker_trust *own = &worker->own;

	if (settings->ca_file != NULL || settings->fingerprint != NULL) {
		worker->tls = tls_client_new_with(settings, &own->error);
		return;
	}
	worker_trust_load(worker->trust);
	if (worker->trust->system == NULL)
		own->error = worker->trust->error;
	else if (tls_client_apply(worker->trust->system, settings, &own->error) == 0)
		worker->tls = worker->trust->system;
}

static void prepare_tls(struct worker *worker)
{
	const struct request_relay *relay = &worker->relay;
	const struct smarthost *smarthost = &relay->smarthost;
	CLEANUP(memory_free_string)
	char *scope = memory_format("%s %s %s", smarthost->name != NULL ? smarthost->name : "",
	    smarthost->url, smarthost->user != NULL ? smarthost->user : "");
	const struct tls_client_settings settings = {
		.ca_file = smarthost->ca_file,
		.certificate = smarthost->client_certificate,
		.key = smarthost->client_key,
		.name = smarthost->tls_name,
		.fingerprint = smarthost->tls_fingerprint,
		.min_is_1_3 = smarthost->tls_min_is_1_3,
		.scope = scope,
		.session = span_from_bytes(relay->session, relay->session_length),
	};

	if (smarthost->tls == SMARTHOST_TLS_NEVER)
		return;
	make_tls(worker, &settings);
	if (worker->tls != NULL && relay->is_examination)
		tls_keep_facts(worker->tls, &worker->facts);
	if (worker->tls != NULL)
		worker->security = tls_security(worker->tls);
	else
		worker->security = (struct stream_security){ refuse_tls, &worker->own };
	worker->settings.security = &worker->security;
}

/* All that opens files or loads libraries, or does so at its first use. */
static void prepare(struct worker *worker)
{
	worker->settings = (struct session_settings){
		.smarthost = &worker->relay.smarthost,
		.hello = worker->relay.hello,
		.authenticator = &authenticate_sasl,
		.timeouts = session_default_timeouts,
		.trace = worker->relay.trace_limit != 0 ? trace : NULL,
		.trace_context = worker,
	};
	prepare_tls(worker);
	authenticate_prepare();
	tzset();
}

/* Another program: not a thing that the sandbox lets us do. */
static int fetch_token(struct worker *worker, struct error *error)
{
	if (worker->relay.smarthost.token_command == NULL)
		return 0;
	note(worker, "running the token_command");
	return token_fetch(&worker->relay.smarthost, error);
}

/* On -1, *step tells how far it came. */
static int open_session(struct worker *worker, enum session_step *step, struct error *error)
{
	*step = SESSION_CONNECT;
	if (fetch_token(worker, error) < 0 || connect_relay(worker, error) < 0)
		return -1;
	prepare(worker);
	if (sandbox_enter(error) < 0)
		return -1;
	int outcome = session_open(&worker->session, &worker->stream, &worker->settings, error);
	/* The account is known to the server now, or never will be. */
	memory_free_secret(&worker->relay.smarthost.password);
	memory_free_secret(&worker->relay.smarthost.token);
	*step = worker->session.step;
	return outcome;
}

/* Until the service has closed the channel, or the session is lost: -1. */
static int serve_requests(struct worker *worker, struct error *error)
{
	CLEANUP(feed_finish) struct feed feed;

	feed_init(&feed, &worker->channel, &worker->session);
	const struct window_source source = feed_source(&feed);
	if (worker->relay.is_step_by_step)
		worker->session.extensions.pipelining = false;
	if (window_run(&worker->session, &source, error) < 0)
		return -1;
	if (feed.error.kind == ERROR_NONE)
		return 0;
	*error = feed.error;
	return -1;
}

/* Whatever this worker was begun for. */
static int serve(struct worker *worker, struct error *error)
{
	if (worker->relay.is_inquiry)
		return inquiry_serve(&worker->channel, &worker->session, error);
	if (!worker->relay.is_examination)
		return serve_requests(worker, error);
	examination_look(&worker->session, &worker->facts, tell_fact, worker);
	return examination_serve(&worker->channel, &worker->session, tell_fact, worker, error);
}

void worker_run_trusting(int channel_fd, struct worker_trust *trust)
{
	struct worker worker = { .trust = trust, .began = clock_monotonic() };
	enum session_step step = SESSION_CONNECT;
	struct error error;

	process_protect_memory();
	channel_init_take_fd(&worker.channel, channel_fd);
	buffer_init(&worker.message, CHANNEL_LIMIT);

	int received = receive_relay(&worker, &error);
	if (received == 0)
		_exit(0);
	if (received < 0 || open_session(&worker, &step, &error) < 0) {
		note(&worker, error.text);
		report_lost(&worker, step, &error);
	} else {
		report_ready(&worker);
		if (serve(&worker, &error) < 0) {
			note(&worker, error.text);
			report_lost(&worker, SESSION_CLOSED, &error);
		}
		session_quit(&worker.session);
		let_linger(&worker, true);
	}
	stream_finish(&worker.stream);
	_exit(0);
}

void worker_run(int channel_fd)
{
	struct worker_trust trust = { 0 };

	worker_run_trusting(channel_fd, &trust);
}
