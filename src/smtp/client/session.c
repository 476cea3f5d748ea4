/* SPDX-License-Identifier: MIT */

#include "smtp/client/session.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/text.h"
#include "smtp/client/advice.h"
#include "smtp/client/session_wire.h"
#include "smtp/client/tls_hello.h"
#include "smtp/command.h"

const struct session_timeouts session_default_timeouts = {
	.greeting = 300000,
	.hello = 300000,
	.starttls = 120000,
	.handshake = 60000,
	.auth = 120000,
	.mail = 300000,
	.rcpt = 300000,
	.data = 120000,
	.content = 180000,
	.end = 600000,
	.quit = 5000,
};

/* Where the dialogue stands; the state FAILED is 0, so that no answer can forget to choose. */
enum state { FAILED, GREETING, EHLO, HELO, STARTTLS, HANDSHAKE, LOGIN, READY };

/* What an answer is read from: raw is the reply as it came. */
struct answer {
	const struct reply *reply;
	struct span raw;
};

static const char *peer_of(const struct session *session)
{
	return session->stream->peer;
}

static const struct smarthost *smarthost_of(const struct session *session)
{
	return session->settings->smarthost;
}

/* How the administrator calls the smarthost. */
static const char *title_of(const struct session *session)
{
	const char *name = smarthost_of(session)->name;

	return name != NULL ? name : "default";
}

static const char *host_of(const struct session *session)
{
	const char *host = smarthost_of(session)->host;

	return host != NULL ? host : "localhost";
}

/* What our own service, at a unix socket, says of itself is said in full. */
static void advise(const struct session *session, const struct reply *reply, enum advice_step step,
    struct error *error)
{
	if (smarthost_of(session)->host != NULL)
		advice_add(reply, smarthost_of(session), step, error);
}

static enum state no_tls_offered(const struct session *session, struct error *error)
{
	CLEANUP(memory_free_string) char *host = smarthost_url_host(smarthost_of(session));

	error_set(error, ERROR_UNAVAILABLE, "4.7.10",
	    "%s does not offer STARTTLS; nothing was sent in the clear", peer_of(session));
	error_code(error, "MC-TLS-22");
	error_means(error, "it has no TLS on this port, or somebody in between has taken the offer "
			   "away");
	error_next(error,
	    "in smarthost \"%s\" write url = \"smtps://%s\" if it speaks TLS from the start, "
	    "or url = \"smtp+notls://%s:%u\" if everybody on the way may read and change the mail",
	    title_of(session), host, host, smarthost_of(session)->port);
	return FAILED;
}

static enum state no_tls_here(const struct session *session, struct error *error)
{
	error_set(error, ERROR_CONFIG, "5.3.5", "%s asks for TLS, which this program does not have",
	    title_of(session));
	error_next(error, "let the service send it: mailchute serve");
	return FAILED;
}

static enum state no_clear_login(const struct session *session, struct error *error)
{
	CLEANUP(memory_free_string) char *host = smarthost_url_host(smarthost_of(session));

	error_set(error, ERROR_CONFIG, "5.3.5",
	    "no login at %s: the password would travel in the clear", peer_of(session));
	error_code(error, "MC-AUTH-18");
	error_next(error,
	    "in smarthost \"%s\" write url = \"smtp+tls://%s:587\" or url = \"smtps://%s\"",
	    title_of(session), host, host);
	return FAILED;
}

/* The only way to a login: never in the clear but where nobody can listen. */
static enum state after_tls(const struct session *session, struct error *error)
{
	const struct smarthost *smarthost = smarthost_of(session);

	if (smarthost->user == NULL)
		return READY;
	if (!session->stream->is_secure && !smarthost->is_loopback)
		return no_clear_login(session, error);
	if (session->settings->authenticator != NULL)
		return LOGIN;
	error_set(error, ERROR_CONFIG, "5.3.5", "%s asks for a login, which this program cannot do",
	    title_of(session));
	error_next(error, "let the service send it: mailchute serve");
	return FAILED;
}

/* TLS is a must: by the URL, or because a password waits to travel. */
static bool tls_is_required(const struct session *session)
{
	const struct smarthost *smarthost = smarthost_of(session);

	if (smarthost->tls == SMARTHOST_TLS_IF_OFFERED)
		return smarthost->user != NULL && !smarthost->is_loopback;
	return smarthost->tls != SMARTHOST_TLS_NEVER;
}

static enum state after_hello(const struct session *session, struct error *error)
{
	if (session->stream->is_secure || smarthost_of(session)->tls == SMARTHOST_TLS_NEVER)
		return after_tls(session, error);
	if (session->extensions.starttls && session->settings->security != NULL)
		return STARTTLS;
	if (!tls_is_required(session))
		return after_tls(session, error);
	return session->extensions.starttls ? no_tls_here(session, error)
					    : no_tls_offered(session, error);
}

static enum state on_greeting(
    struct session *session, const struct answer *answer, struct error *error)
{
	if (answer->reply->code != 220) {
		if (reply_class(answer->reply) >= 4) {
			session_refused(session, "the connection", answer->reply, error);
			advise(session, answer->reply, ADVICE_CONNECT, error);
		} else {
			session_unexpected(session, "the connection", answer->reply, error);
		}
		return FAILED;
	}
	struct span rest = span_from_string(answer->reply->text);
	struct span line = { 0 };

	span_take_line(&rest, &line);
	text_copy_span(session->greeting, sizeof session->greeting, line);
	return EHLO;
}

static void send_hello(struct session *session, enum command_verb verb)
{
	CLEANUP(buffer_finish) struct buffer line = { 0 };

	buffer_init(&line, COMMAND_LINE_LIMIT);
	command_write_hello(&line, verb, session->settings->hello);
	session->hello = verb;
	session_put(session, buffer_span(&line));
}

static void send_ehlo(struct session *session)
{
	send_hello(session, smarthost_of(session)->is_lmtp ? COMMAND_LHLO : COMMAND_EHLO);
}

static void send_helo(struct session *session)
{
	send_hello(session, COMMAND_HELO);
}

static enum state hello_refused(
    struct session *session, const char *what, const struct answer *answer, struct error *error)
{
	if (reply_class(answer->reply) < 4) {
		session_unexpected(session, what, answer->reply, error);
		return FAILED;
	}
	session_refused(session, what, answer->reply, error);
	error_next(error,
	    "we called ourselves \"%s\"; another name is written as "
	    "identity { ehlo = \"web.example.com\" }",
	    session->settings->hello);
	/* Of our name more is known here than the table has. */
	char next[ERROR_NEXT_SIZE];
	memcpy(next, error->next, sizeof next);
	advise(session, answer->reply, ADVICE_HELLO, error);
	if (strcmp(error->code, "MC-EHLO-11") == 0)
		memcpy(error->next, next, sizeof next);
	return FAILED;
}

static enum state on_ehlo(struct session *session, const struct answer *answer, struct error *error)
{
	bool is_lmtp = smarthost_of(session)->is_lmtp;

	if (reply_class(answer->reply) == 5 && !is_lmtp)
		return HELO;
	if (reply_class(answer->reply) != 2)
		return hello_refused(session, is_lmtp ? "LHLO" : "EHLO", answer, error);
	extension_parse(answer->raw, &session->extensions);
	return after_hello(session, error);
}

/* A server of RFC 821: it has no extensions. */
static enum state on_helo(struct session *session, const struct answer *answer, struct error *error)
{
	if (reply_class(answer->reply) != 2)
		return hello_refused(session, "HELO", answer, error);
	session->extensions = (struct extensions){ 0 };
	return after_hello(session, error);
}

static void send_starttls(struct session *session)
{
	CLEANUP(buffer_finish) struct buffer line = { 0 };

	buffer_init(&line, COMMAND_LINE_LIMIT);
	command_write_plain(&line, COMMAND_STARTTLS);
	session_put(session, buffer_span(&line));
}

static enum state on_starttls(
    struct session *session, const struct answer *answer, struct error *error)
{
	if (answer->reply->code == 220)
		return HANDSHAKE;
	if (reply_class(answer->reply) < 4) {
		session_unexpected(session, "STARTTLS", answer->reply, error);
		return FAILED;
	}
	if (!tls_is_required(session))
		return after_tls(session, error);
	session_refused(session, "STARTTLS", answer->reply, error);
	error_code(error, "MC-TLS-22");
	error_next(
	    error, "nothing was sent in the clear; ask the operator of %s", host_of(session));
	return FAILED;
}

/* The certificate was verified, or there would be no TLS (tls.h). */
static void note_security(const struct session *session)
{
	const struct smarthost *smarthost = smarthost_of(session);
	const char *name = smarthost->tls_name != NULL ? smarthost->tls_name : host_of(session);
	CLEANUP(memory_free_string)
	char *text = memory_format("%s, certificate %s %s", session->stream->security,
	    smarthost->tls_fingerprint != NULL ? "by its fingerprint for" : "of", name);

	session_note(session, text);
}

/* What came before TLS could be anybody's words (RFC 3207, 4.2; CVE-2011-0411). */
static enum state run_handshake(struct session *session, struct error *error)
{
	const struct session_settings *settings = session->settings;
	const struct stream_security *security = settings->security;

	if (security == NULL) {
		session_break(session);
		return no_tls_here(session, error);
	}
	if (stream_input(session->stream).length != 0) {
		error_set(error, ERROR_UNAVAILABLE, "4.7.5",
		    "%s, or somebody on the way, sent octets between STARTTLS and TLS",
		    peer_of(session));
		error_code(error, "MC-TLS-22");
		session_break(session);
		return FAILED;
	}
	if (security->start(security->context, session->stream, host_of(session),
		clock_deadline(settings->timeouts.handshake), error) < 0) {
		session_break(session);
		return FAILED;
	}
	session->extensions = (struct extensions){ 0 };
	note_security(session);
	return smarthost_of(session)->tls == SMARTHOST_TLS_IMPLICIT ? GREETING : EHLO;
}

static enum state run_login(struct session *session, struct error *error)
{
	return session->settings->authenticator->log_in(session, error) < 0 ? FAILED : READY;
}

/*
 * One row a state: either an exchange (what we send, how long we wait, who
 * reads the answer), or something that takes more than one: run.
 */
static const struct row {
	enum session_step step;
	size_t timeout; /* its place in struct session_timeouts */
	void (*send)(struct session *session);
	enum state (*answer)(
	    struct session *session, const struct answer *answer, struct error *error);
	enum state (*run)(struct session *session, struct error *error);
} rows[] = {
	[GREETING] = { SESSION_GREETING, offsetof(struct session_timeouts, greeting), NULL,
	    on_greeting, NULL },
	[EHLO] = { SESSION_HELLO, offsetof(struct session_timeouts, hello), send_ehlo, on_ehlo,
	    NULL },
	[HELO] = { SESSION_HELLO, offsetof(struct session_timeouts, hello), send_helo, on_helo,
	    NULL },
	[STARTTLS] = { SESSION_STARTTLS, offsetof(struct session_timeouts, starttls), send_starttls,
	    on_starttls, NULL },
	[HANDSHAKE] = { SESSION_HANDSHAKE, 0, NULL, NULL, run_handshake },
	[LOGIN] = { SESSION_AUTH, 0, NULL, NULL, run_login },
};

static int64_t deadline_of(const struct session *session, const struct row *row)
{
	int64_t timeout;

	memcpy(&timeout, (const char *)&session->settings->timeouts + row->timeout, sizeof timeout);
	return clock_deadline(timeout);
}

static enum state take_step(struct session *session, const struct row *row, struct error *error)
{
	struct reply reply = { 0 };
	struct answer answer = { .reply = &reply };

	session->step = row->step;
	if (row->run != NULL)
		return row->run(session, error);
	if (row->step == SESSION_GREETING && tls_hello_ask(session, error) < 0)
		return FAILED;
	if (row->send != NULL) {
		if (session_check_silence(session, error) < 0)
			return FAILED;
		row->send(session);
	}

	ssize_t length = session_await_reply(session, deadline_of(session, row), &reply, error);
	if (length < 0)
		return FAILED;
	answer.raw = span_first(stream_input(session->stream), (size_t)length);
	enum state next = row->answer(session, &answer, error);
	stream_consume(session->stream, (size_t)length);
	return next;
}

int session_open(struct session *session, struct stream *stream,
    const struct session_settings *settings, struct error *error)
{
	enum state state = GREETING;

	assert(settings->smarthost != NULL && settings->hello != NULL);
	*session = (struct session){
		.stream = stream,
		.settings = settings,
		.is_in_step = true,
	};
	if (settings->smarthost->tls == SMARTHOST_TLS_IMPLICIT && !stream->is_secure)
		state = HANDSHAKE;
	while (state != READY) {
		state = take_step(session, &rows[state], error);
		if (state == FAILED)
			return -1;
	}
	session->step = SESSION_READY;
	session->is_usable = true;
	return 0;
}

void session_quit(struct session *session)
{
	CLEANUP(buffer_finish) struct buffer line = { 0 };
	struct error ignored;

	if (!session->is_in_step || session->pipeline.count != 0)
		return;
	buffer_init(&line, COMMAND_LINE_LIMIT);
	command_write_plain(&line, COMMAND_QUIT);
	session_put(session, buffer_span(&line));
	(void)stream_flush(
	    session->stream, clock_deadline(session->settings->timeouts.quit), &ignored);
	session_break(session);
	session->step = SESSION_CLOSED;
}

void session_finish(struct session *session)
{
	pipeline_finish(&session->pipeline);
	*session = (struct session){ .step = session->step };
}
