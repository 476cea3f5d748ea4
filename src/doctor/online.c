/* SPDX-License-Identifier: MIT */

/*
 * The smarthosts themselves, each by a worker of its own, which is shut in as
 * for a message, logs in, asks whether the sender is taken, and sends nothing.
 */

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "base/channel.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"
#include "delivery/request.h"
#include "delivery/result.h"
#include "doctor/checks.h"
#include "service/outgoing.h"
#include "service/owner.h"
#include "smtp/client/advice.h"
#include "smtp/client/session.h"

enum {
	PATIENCE = 120000, /* milliseconds for one smarthost, all in all */
	FAREWELL = 2000,   /* milliseconds, for the QUIT */
	DAYS_LEFT = 14,	   /* of a certificate: fewer are yellow */
	DAY = 24 * 60 * 60,
	ADDRESSES_LIMIT = 1000,
};

/* The first of 2026: a clock before that is wrong, and makes certificates look so. */
static const int64_t earliest_second = INT64_C(1767225600);

/* One smarthost, and what its worker has told. */
struct examined {
	struct patient *patient;
	const struct smarthost *smarthost; /* with its login */
	struct channel worker;
	struct buffer answering; /* "192.0.2.1 12 ms, ..." */
	struct buffer silent;
	bool fails_by_ipv6_alone;
	unsigned open_port; /* another one that answers; 0: none */
	struct result ready;
	bool is_ready;
	char chain[RESULT_TEXT_SIZE];
	char names[RESULT_TEXT_SIZE];
	int64_t until;
	char capabilities[RESULT_TEXT_SIZE];
	struct result mail; /* code 0: was not asked */
	struct result rcpt;
	struct result lost;
	bool is_lost;
};

static void finish(struct examined *examined)
{
	buffer_finish(&examined->answering);
	buffer_finish(&examined->silent);
	channel_finish(&examined->worker);
}

/* ---- what the worker tells ---- */

static void list(struct buffer *list, const char *text)
{
	if (list->length != 0)
		buffer_append_string(list, ", ");
	buffer_append_string(list, text);
}

static void take_failed_address(struct examined *examined, const char *text)
{
	ssize_t colon = span_find_byte(span_from_string(text), ':');
	bool is_ipv6 = colon >= 0 && text[colon + 1] != ' ';

	if (examined->silent.length == 0)
		examined->fails_by_ipv6_alone = true;
	examined->fails_by_ipv6_alone = examined->fails_by_ipv6_alone && is_ipv6;
	list(&examined->silent, text);
}

static int64_t number_of(const char *text)
{
	uint64_t number = 0;

	(void)span_to_number(span_from_string(text), &number);
	return (int64_t)number;
}

static void take_fact(struct examined *examined, const struct result *fact)
{
	const struct {
		const char *name;
		char *place;
	} texts[] = {
		{ "chain", examined->chain },
		{ "names", examined->names },
		{ "capabilities", examined->capabilities },
	};

	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
		if (strcmp(fact->fact, texts[i].name) == 0)
			text_copy(texts[i].place, RESULT_TEXT_SIZE, fact->text);
	if (strcmp(fact->fact, "address.ok") == 0)
		list(&examined->answering, fact->text);
	else if (strcmp(fact->fact, "address.failed") == 0)
		take_failed_address(examined, fact->text);
	else if (strcmp(fact->fact, "port.open") == 0 && examined->open_port == 0)
		examined->open_port = (unsigned)number_of(fact->text);
	else if (strcmp(fact->fact, "until") == 0)
		examined->until = number_of(fact->text);
	else if (strcmp(fact->fact, "mail") == 0)
		examined->mail = *fact;
	else if (strcmp(fact->fact, "rcpt") == 0)
		examined->rcpt = *fact;
}

/* True: there is no more to come that was asked for. */
static bool take_result(struct examined *examined, const struct result *result)
{
	bool has_sender = examined->smarthost->from != NULL;

	switch (result->kind) {
	case RESULT_FACT:
		take_fact(examined, result);
		return !has_sender && strcmp(result->fact, "capabilities") == 0;
	case RESULT_READY:
		examined->ready = *result;
		examined->is_ready = true;
		return false;
	case RESULT_LOST:
		examined->lost = *result;
		examined->is_lost = true;
		return true;
	case RESULT_DONE:
		return true;
	default:
		return false;
	}
}

/* 1: all is told; 0: not yet; -1. */
static int take_results(struct examined *examined, struct error *error)
{
	for (;;) {
		struct buffer message CLEANUP(buffer_finish) = { 0 };
		int descriptor CLEANUP(file_close) = -1;
		struct result result;

		buffer_init(&message, CHANNEL_LIMIT);
		int outcome = channel_take(&examined->worker, &message, &descriptor);
		if (outcome == 0)
			return 0;
		if (outcome < 0 || result_decode(buffer_span(&message), &result, error) < 0)
			return error_set(error, ERROR_SOFTWARE, "4.3.0", "the worker is at fault");
		/* It points into the message. */
		result.session = (struct span){ 0 };
		if (take_result(examined, &result))
			return 1;
	}
}

static int await(struct examined *examined, struct error *error)
{
	struct pollfd wait = { .fd = examined->worker.fd, .events = POLLIN };
	int64_t deadline = clock_deadline(PATIENCE);
	int taken;

	while ((taken = take_results(examined, error)) == 0) {
		int ready = poll(&wait, 1, clock_poll_timeout(deadline));

		if (ready < 0 && errno == EINTR)
			continue;
		if (ready <= 0)
			return error_set(error, ERROR_UNAVAILABLE, "4.4.1",
			    "%s has not answered all within two minutes", examined->smarthost->url);
		if (channel_fill(&examined->worker) <= 0)
			return error_set(
			    error, ERROR_SOFTWARE, "4.3.0", "the worker ended unexpectedly");
	}
	return taken < 0 ? -1 : 0;
}

static int put(struct channel *worker, const struct buffer *message, struct error *error)
{
	if (channel_send(worker, buffer_span(message), -1) < 0)
		return error_system(error, "cannot speak to the worker");
	return 0;
}

static int ask(struct examined *examined, struct request_relay *relay, struct error *error)
{
	struct buffer message CLEANUP(buffer_finish_secret) = { 0 };
	struct buffer sender CLEANUP(buffer_finish) = { 0 };

	if (worker_start(&examined->patient->parent, &examined->worker, error) < 0)
		return -1;
	relay->is_examination = true;
	buffer_init(&message, CHANNEL_LIMIT);
	request_encode_relay(relay, &message);
	if (put(&examined->worker, &message, error) < 0)
		return -1;
	buffer_init(&sender, CHANNEL_LIMIT);
	if (examined->smarthost->from != NULL) {
		request_encode_sender(examined->smarthost->from, &sender);
		/* A worker that is gone has left its last words, which say more than our trouble.
		 */
		(void)put(&examined->worker, &sender, error);
	}
	return await(examined, error);
}

/* It asks nothing more, says QUIT, and ends; then the channel does. */
static void take_leave(struct examined *examined)
{
	struct pollfd wait = { .fd = examined->worker.fd, .events = POLLIN };
	int64_t deadline = clock_deadline(FAREWELL);
	struct error error;

	(void)shutdown(examined->worker.fd, SHUT_WR);
	while (
	    take_results(examined, &error) == 0 && poll(&wait, 1, clock_poll_timeout(deadline)) > 0)
		if (channel_fill(&examined->worker) <= 0)
			return;
}

/* ---- what is made of it ---- */

static const char *title(const struct examined *examined)
{
	return examined->smarthost->name;
}

static void tell_addresses(struct examined *examined)
{
	struct findings *findings = examined->patient->findings;
	const char *host = examined->smarthost->host;

	if (examined->answering.length != 0 && examined->silent.length == 0)
		finding_add(findings, FINDING_GREEN, "online.address", "\"%s\": %s port %u: %s",
		    title(examined), host, (unsigned)examined->smarthost->port,
		    buffer_string(&examined->answering));
	/* "localhost" is two addresses nearly everywhere, and one listener. */
	if (examined->answering.length == 0 || examined->silent.length == 0 ||
	    examined->smarthost->is_loopback)
		return;
	finding_add(findings, FINDING_YELLOW, "online.address",
	    "\"%s\": not every address of %s answers: %s (but %s)", title(examined), host,
	    buffer_string(&examined->silent), buffer_string(&examined->answering));
	if (examined->fails_by_ipv6_alone)
		finding_next(findings, "smarthost \"%s\" { ip = \"4\" }", title(examined));
	else
		finding_next(findings, "mail goes by the others; tell whoever runs %s", host);
}

/* The scheme that a port is for. */
static const char *scheme_of(unsigned port)
{
	if (port == 465)
		return "smtps";
	return port == 587 ? "smtp+tls" : "smtp";
}

static void tell_unreached(struct examined *examined)
{
	struct findings *findings = examined->patient->findings;
	const struct error *error = &examined->lost.error;
	bool is_name = strcmp(error->status, "5.1.2") == 0 || strcmp(error->status, "4.4.3") == 0 ||
		       strcmp(error->status, "4.4.4") == 0;
	char place[PATIENT_PLACE_SIZE];

	finding_add_error(findings, FINDING_RED,
	    is_name && examined->silent.length == 0 ? "online.dns" : "online.connect", error);
	patient_place(examined->patient, title(examined), "url", place);
	finding_suggest(findings, "is the server there, and is this its url? %s%s",
	    examined->smarthost->url, place);
	if (examined->open_port != 0)
		finding_next(findings,
		    "this network blocks port %u, and %u answers: smarthost \"%s\" { url = "
		    "\"%s://%s:%u\" }%s",
		    (unsigned)examined->smarthost->port, examined->open_port, title(examined),
		    scheme_of(examined->open_port), examined->smarthost->host, examined->open_port,
		    place);
}

static const char *id_of(enum session_step step)
{
	switch (step) {
	case SESSION_STARTTLS:
	case SESSION_HANDSHAKE:
		return "online.tls";
	case SESSION_AUTH:
		return "online.login";
	case SESSION_CLOSED:
		return "online.sender";
	default:
		return "online.greeting";
	}
}

static void tell_lost(struct examined *examined)
{
	enum session_step step = (enum session_step)examined->lost.step;

	if (!examined->is_lost)
		return;
	if (step == SESSION_CONNECT)
		tell_unreached(examined);
	else
		finding_add_error(
		    examined->patient->findings, FINDING_RED, id_of(step), &examined->lost.error);
	finding_suggest(examined->patient->findings,
	    "try again; if that stays so, tell whoever runs %s what it said",
	    examined->smarthost->host != NULL ? examined->smarthost->host
					      : examined->smarthost->url);
}

static void format_day(int64_t seconds, char text[static 16])
{
	time_t time = (time_t)seconds;
	struct tm parts;

	if (gmtime_r(&time, &parts) == NULL || strftime(text, 16, "%Y-%m-%d", &parts) == 0)
		text_copy(text, 16, "?");
}

static void tell_certificate(struct examined *examined)
{
	struct findings *findings = examined->patient->findings;
	int64_t days = (examined->until - clock_wall() / 1000) / DAY;
	char day[16];

	format_day(examined->until, day);
	finding_add(findings, FINDING_GREEN, "online.tls", "\"%s\": %s, certificate %s, for %s",
	    title(examined), examined->ready.security, examined->chain, examined->names);
	if (examined->until == 0 || days >= DAYS_LEFT)
		return;
	finding_add(findings, FINDING_YELLOW, "online.certificate",
	    "\"%s\": the certificate ends on %s, in %" PRId64 " days", title(examined), day, days);
	finding_next(findings, "tell whoever runs %s to renew it",
	    examined->smarthost->host != NULL ? examined->smarthost->host
					      : examined->smarthost->url);
}

/* What has no TLS although it might: one that forbids it is told of by its settings. */
static void tell_clear(struct examined *examined)
{
	const struct smarthost *smarthost = examined->smarthost;
	CLEANUP(memory_free_string) char *host = smarthost_url_host(smarthost);

	if (smarthost->tls != SMARTHOST_TLS_IF_OFFERED || smarthost->is_loopback)
		return;
	finding_add(examined->patient->findings, FINDING_YELLOW, "online.cleartext",
	    "\"%s\": %s offers no TLS, so mail can be read on its way", title(examined),
	    smarthost->url);
	finding_next(examined->patient->findings,
	    "smarthost \"%s\" { url = \"smtp+tls://%s:587\" }, if it has that port",
	    title(examined), host);
}

static void tell_session(struct examined *examined)
{
	const struct smarthost *smarthost = examined->smarthost;
	struct findings *findings = examined->patient->findings;

	if (!examined->is_ready)
		return;
	if (examined->ready.security[0] != '\0')
		tell_certificate(examined);
	else
		tell_clear(examined);
	finding_add(findings, FINDING_GREEN, "online.capabilities", "\"%s\": %s", title(examined),
	    examined->capabilities);
	if (smarthost->user != NULL)
		finding_add(findings, FINDING_GREEN, "online.login", "\"%s\": login%s%s accepted",
		    title(examined), smarthost->user[0] != '\0' ? " as " : "", smarthost->user);
}

/* The server's words, with what is known of their meaning. */
static void tell_refusal(struct examined *examined, const struct result *result,
    enum advice_step step, enum finding_level level, const char *id, const char *what)
{
	const struct smarthost *smarthost = examined->smarthost;
	struct reply reply = { .code = result->code };
	struct error error;
	char place[PATIENT_PLACE_SIZE];

	error_set(&error, ERROR_UNAVAILABLE, "", "\"%s\" %s %s: %s", title(examined), what,
	    smarthost->from, result->text);
	patient_place(examined->patient, title(examined), "from", place);
	if (step == ADVICE_MAIL)
		error_next(&error,
		    "smarthost \"%s\" { from = \"an address that this account may send as\" }%s",
		    title(examined), place);
	else
		error_next(&error,
		    "is the login missing (secrets.ini), or does %s not exist? try: mailchute test "
		    "you@example.com",
		    smarthost->from);
	memcpy(reply.status, result->status, sizeof reply.status);
	text_copy(reply.text, sizeof reply.text, result->text);
	advice_add(&reply, smarthost, step, &error);
	finding_add_error(examined->patient->findings, level, id, &error);
}

static void tell_sender(struct examined *examined)
{
	const struct result *mail = &examined->mail;
	struct findings *findings = examined->patient->findings;
	const char *from = examined->smarthost->from;

	if (mail->code >= 400) {
		tell_refusal(examined, mail, ADVICE_MAIL,
		    mail->code >= 500 ? FINDING_RED : FINDING_YELLOW, "online.sender",
		    "refuses the sender");
	} else if (examined->rcpt.code >= 400) {
		tell_refusal(examined, &examined->rcpt, ADVICE_RCPT, FINDING_YELLOW,
		    "online.recipient", "takes the sender, and refuses as recipient");
	} else if (examined->rcpt.code != 0) {
		finding_add(findings, FINDING_GREEN, "online.sender",
		    "\"%s\": sender %s accepted (nothing was sent)", title(examined), from);
	}
}

static void examine(struct patient *patient, const struct config_smarthost *smarthost)
{
	struct request_relay relay CLEANUP(request_finish_relay) = { 0 };
	struct error error;

	if (outgoing_relay(&patient->config, smarthost, &relay, &error) < 0) {
		/* That it cannot be read is told already. */
		finding_add(patient->findings, FINDING_GREEN, "online.skipped",
		    "\"%s\" is not asked: its login could not be read", smarthost->parameters.name);
		return;
	}
	struct examined examined CLEANUP(finish) = {
		.patient = patient,
		.smarthost = &relay.smarthost,
		.worker = { .fd = -1 },
	};
	buffer_init(&examined.answering, ADDRESSES_LIMIT);
	buffer_init(&examined.silent, ADDRESSES_LIMIT);
	if (ask(&examined, &relay, &error) < 0) {
		finding_add_error(patient->findings, FINDING_RED, "online.worker", &error);
		finding_suggest(patient->findings, "try again; the log of mailchute says more");
	} else if (!examined.is_lost) {
		take_leave(&examined);
	}
	tell_addresses(&examined);
	tell_session(&examined);
	tell_sender(&examined);
	tell_lost(&examined);
}

static void check_clock(struct patient *patient)
{
	int64_t now = clock_wall() / 1000;
	char day[16];

	if (now >= earliest_second)
		return;
	format_day(now, day);
	finding_add(patient->findings, FINDING_YELLOW, "online.clock",
	    "this machine's clock says %s, and certificates look wrong by it", day);
	finding_next(patient->findings, "set the clock: timedatectl set-ntp true");
}

/* Nobody speaks to the network as root where the spool has another owner. */
static int set_worker_owner(struct patient *patient, struct error *error)
{
	uid_t uid;
	gid_t gid;

	if (!owner_is_another(patient->config.spool, &uid, &gid))
		return 0;
	return worker_parent_become(&patient->parent, uid, gid, error);
}

void online_check(struct patient *patient)
{
	const struct config *config = &patient->config;
	struct error error;

	check_clock(patient);
	if (set_worker_owner(patient, &error) < 0) {
		finding_add_error(patient->findings, FINDING_RED, "online.worker", &error);
		finding_suggest(patient->findings, "try again; the log of mailchute says more");
		return;
	}
	for (size_t i = 0; i < config->smarthost_count; i++)
		if (patient->request->smarthost == NULL ||
		    strcmp(patient->request->smarthost, config->smarthosts[i].parameters.name) == 0)
			examine(patient, &config->smarthosts[i]);
}
