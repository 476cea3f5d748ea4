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
#include "delivery/request.h"
#include "delivery/result.h"
#include "net/connect.h"
#include "net/resolve.h"
#include "net/stream.h"
#include "net/tls.h"
#include "smtp/client/authenticate.h"
#include "smtp/client/content.h"
#include "smtp/client/session.h"
#include "smtp/client/transaction.h"
#include "worker/converted.h"
#include "worker/sandbox.h"

/* What the server says without being asked. */
enum {
	UNASKED_REPLY_TIMEOUT = 1000, /* milliseconds for all of it, once it has begun */
	UNASKED_READS = 3,
};

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
};

void worker_trust_load(struct worker_trust *trust)
{
	if (trust->is_loaded)
		return;
	trust->system = tls_client_new(NULL, &trust->error);
	trust->is_loaded = true;
}

/*
 * Without the service there is nobody to keep the result, and whoever comes
 * after it sends again: so the worker stops where it is, and a content that
 * is not yet whole is dropped by the server.
 */
static void send_result(struct worker *worker, const struct result *result)
{
	CLEANUP(buffer_finish) struct buffer message;

	buffer_init(&message, CHANNEL_LIMIT);
	result_encode(result, &message);
	if (channel_send(&worker->channel, buffer_span(&message), -1) < 0)
		_exit(0);
}

static void report_lost(struct worker *worker, enum session_step step, const struct error *error)
{
	struct result result = { .kind = RESULT_LOST, .step = (int)step, .error = *error };

	send_result(worker, &result);
}

static void report_ready(struct worker *worker)
{
	struct result result = { .kind = RESULT_READY };
	const struct stream *stream = &worker->stream;

	if (worker->tls != NULL)
		result.session = tls_session(worker->tls);

	snprintf(result.text, sizeof result.text, "%s%s%s", stream->peer,
	    stream->is_secure ? ", " : "", stream->security);
	send_result(worker, &result);
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
	if (taken < 0 || request_kind_of(message) != REQUEST_RELAY)
		outcome = error_set(error, ERROR_SOFTWARE, "4.3.0",
		    "worker: the service did not begin with a relay request");
	else if (request_decode_relay(message, &worker->relay, error) < 0)
		outcome = -1;
	wipe(&worker->message);
	wipe_consumed(&worker->channel.input);
	return outcome;
}

/* The descriptor, and in *peer how the other end is called in messages. */
static int connect_host(const struct smarthost *smarthost, char **peer, struct error *error)
{
	const struct connect_settings settings = { smarthost->source, smarthost->connect_timeout };
	int family = smarthost->family;
	struct resolve_result addresses;
	size_t winner;

	if (family == 0 && smarthost->source != NULL)
		family = connect_family_of(smarthost->source);
	if (resolve_host_in(smarthost->host, smarthost->port, family, &addresses, error) < 0)
		return -1;
	int fd = connect_race_with(&addresses, &settings, &winner, error);
	if (fd < 0)
		return error_prefix(error, "%s:%u: ", smarthost->host, smarthost->port);
	CLEANUP(memory_free_string) char *label = smarthost_label(smarthost);
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
		fd = connect_host(smarthost, &peer, error);
	}
	if (fd < 0)
		return -1;
	stream_init_take_fd(&worker->stream, fd, fd, peer);
	let_linger(worker, false);
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
	};
	prepare_tls(worker);
	authenticate_prepare();
	tzset();
}

/* On -1, *step tells how far it came. */
static int open_session(struct worker *worker, enum session_step *step, struct error *error)
{
	*step = SESSION_CONNECT;
	if (connect_relay(worker, error) < 0)
		return -1;
	prepare(worker);
	if (sandbox_enter(error) < 0)
		return -1;
	int outcome = session_open(&worker->session, &worker->stream, &worker->settings, error);
	/* The account is known to the server now, or never will be. */
	memory_free_secret(&worker->relay.smarthost.password);
	*step = worker->session.step;
	return outcome;
}

/* The server spoke while nothing was asked of it: mostly its idle timeout. */
static int hear_server(struct worker *worker, struct error *error)
{
	struct reply reply = { 0 };

	if (session_read_reply(
		&worker->session, clock_deadline(UNASKED_REPLY_TIMEOUT), &reply, error) < 0)
		return -1;
	return session_unexpected(&worker->session, "an idle session", &reply, error);
}

static bool has_news(const struct worker *worker)
{
	struct pollfd ready = { worker->stream.input_fd, POLLIN, 0 };

	return poll(&ready, 1, 0) > 0;
}

/* Between attempts: does the session still stand?  -1 with what the server said. */
static int check_server(struct worker *worker, struct error *error)
{
	int filled = -1;

	if (stream_input(&worker->stream).length != 0)
		return hear_server(worker, error);
	/*
	 * What came may be TLS's own (session tickets), of which nothing reaches
	 * us; then it is gone by now.  An error stays there to be read.
	 */
	for (int i = 0; i < UNASKED_READS && filled < 0; i++) {
		if (!has_news(worker))
			return 0;
		filled = stream_fill(&worker->stream, clock_monotonic(), error);
	}
	if (filled != 0)
		return hear_server(worker, error);
	error_set(error, ERROR_UNAVAILABLE, "4.4.2", "%s closed the idle connection",
	    worker->stream.peer);
	return session_break(&worker->session);
}

/* What it had still asked for will be asked again by the service that comes after it. */
static bool service_is_gone(const struct worker *worker)
{
	/* Without events poll tells POLLHUP: both directions are closed. */
	struct pollfd channel = { worker->channel.fd, 0, 0 };

	return poll(&channel, 1, 0) > 0;
}

/*
 * 1: a request is in worker->message; 0: the service has closed the channel,
 * or broken its form; -1: the session is lost, requests not taken stay so.
 */
static int wait_for_request(struct worker *worker, int *descriptor, struct error *error)
{
	buffer_clear(&worker->message);
	for (;;) {
		if (check_server(worker, error) < 0)
			return -1;
		if (service_is_gone(worker))
			return 0;
		int taken = channel_take(&worker->channel, &worker->message, descriptor);
		if (taken != 0)
			return taken > 0 ? 1 : 0;
		struct pollfd ready[] = {
			{ worker->channel.fd, POLLIN, 0 },
			{ worker->stream.input_fd, POLLIN, 0 },
		};
		if (poll(ready, 2, -1) < 0 && errno != EINTR)
			return error_system(error, "worker: wait");
		if (ready[0].revents != 0 && channel_fill(&worker->channel) <= 0)
			return 0;
	}
}

struct reporter {
	struct worker *worker;
	uint32_t number;
};

/* Both lists say the same, in the same order. */
_Static_assert((int)TRANSACTION_DELIVERED == (int)RESULT_DELIVERED, "outcomes");
_Static_assert((int)TRANSACTION_DEFERRED == (int)RESULT_DEFERRED, "outcomes");
_Static_assert((int)TRANSACTION_FAILED == (int)RESULT_FAILED, "outcomes");
_Static_assert((int)TRANSACTION_IN_DOUBT == (int)RESULT_IN_DOUBT, "outcomes");

static void report_recipient(void *context, size_t recipient, const struct transaction_result *fate)
{
	const struct reporter *reporter = context;
	struct result result = {
		.kind = RESULT_RECIPIENT,
		.number = reporter->number,
		.recipient = (uint32_t)recipient,
		.outcome = (enum result_outcome)fate->outcome,
		.code = fate->code,
	};

	snprintf(result.status, sizeof result.status, "%s", fate->status);
	snprintf(result.text, sizeof result.text, "%s", fate->text);
	send_result(reporter->worker, &result);
}

static struct mail_parameters mail_parameters_of(const struct request_attempt *attempt)
{
	const struct envelope *envelope = &attempt->envelope;
	struct mail_parameters parameters = {
		.has_size = true,
		.size = attempt->header_length + attempt->body_length,
		.is_8bit = attempt->has_8bit,
		.smtputf8 = envelope_needs_smtputf8(envelope),
		.return_content = envelope->return_content,
	};

	if (envelope->envid != NULL)
		snprintf(parameters.envid, sizeof parameters.envid, "%s", envelope->envid);
	return parameters;
}

/* One message; every recipient is reported by the time it returns. */
static int run_attempt(
    struct worker *worker, const struct request_attempt *attempt, int fd, struct error *error)
{
	struct reporter reporter = { worker, attempt->number };
	CLEANUP(converted_finish) struct converted converted;
	struct transaction transaction = {
		.envelope = &attempt->envelope,
		.parameters = mail_parameters_of(attempt),
		.report = report_recipient,
		.context = &reporter,
	};

	converted_init(&converted, attempt, fd, worker->session.extensions.eight_bit_mime,
	    &transaction.content);
	transaction.parameters.size = (uint64_t)transaction.content.size;
	return transaction_run(&worker->session, &transaction, error);
}

/* Answers the request in worker->message. */
static int serve_request(struct worker *worker, int fd, struct error *error)
{
	CLEANUP(request_finish_attempt) struct request_attempt attempt = { 0 };
	struct span message = buffer_span(&worker->message);

	if (fd < 0 || request_kind_of(message) != REQUEST_ATTEMPT)
		return error_set(error, ERROR_SOFTWARE, "4.3.0",
		    "worker: the service sent something else than a message to deliver");
	if (request_decode_attempt(message, &attempt, error) < 0 ||
	    run_attempt(worker, &attempt, fd, error) < 0)
		return -1;
	struct result done = { .kind = RESULT_DONE, .number = attempt.number };
	send_result(worker, &done);
	return 0;
}

/*
 * One after another: what the service has sent ahead waits in the channel.
 * With several in flight, this loop hands them to the engine instead.
 */
static int serve_requests(struct worker *worker, struct error *error)
{
	for (;;) {
		CLEANUP(file_close) int fd = -1;
		int outcome = wait_for_request(worker, &fd, error);

		if (outcome <= 0)
			return outcome;
		if (serve_request(worker, fd, error) < 0)
			return -1;
	}
}

void worker_run_trusting(int channel_fd, struct worker_trust *trust)
{
	struct worker worker = { .trust = trust };
	enum session_step step = SESSION_CONNECT;
	struct error error;

	process_protect_memory();
	channel_init_take_fd(&worker.channel, channel_fd);
	buffer_init(&worker.message, CHANNEL_LIMIT);

	int received = receive_relay(&worker, &error);
	if (received == 0)
		_exit(0);
	if (received < 0 || open_session(&worker, &step, &error) < 0) {
		report_lost(&worker, step, &error);
	} else {
		report_ready(&worker);
		if (serve_requests(&worker, &error) < 0)
			report_lost(&worker, SESSION_CLOSED, &error);
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
