/* SPDX-License-Identifier: MIT */

#include "smtp/client/tls_hello.h"

#include "base/clock.h"
#include "base/memory.h"

enum {
	PORT_SMTP = 25,
	PORT_LMTP = 24,
	PORT_TLS = 465,
	PORT_SUBMISSION = 587,
	PORT_OTHER = 2525,
	/* Milliseconds; no server is known that greets strangers as late as the second. */
	PATIENCE = 5000,
	LONG_PATIENCE = 30000,
	ANSWER = 5000,
};

/*
 * A ClientHello of TLS 1.2 (RFC 5246, 7.4.1.2) with four suites and no
 * extension.  Whoever speaks TLS answers by a hello or an alert.
 */
static const char hello[] = "\x16\x03\x01\x00\x37" /* handshake, 55 octets */
			    "\x01\x00\x00\x33"	   /* ClientHello, 51 octets */
			    "\x03\x03"
			    "mailchute asks: do you begin TLS"
			    "\x00"     /* no session */
			    "\x00\x0a" /* five suites: */
			    "\xc0\x2f\xc0\x2b\x00\x9c\x00\x2f\x00\xff"
			    "\x01\x00"	/* no compression */
			    "\x00\x00"; /* no extensions */

/* How long; 0: this port greets in clear, and some wait long before they do (RFC 5321, 4.5.3.2). */
static int64_t patience_of(const struct session *session)
{
	const struct smarthost *smarthost = session->settings->smarthost;
	int64_t greeting = session->settings->timeouts.greeting;

	if (smarthost->host == NULL || smarthost->is_lmtp || session->stream->is_secure)
		return 0;
	switch (smarthost->port) {
	case PORT_SMTP:
	case PORT_LMTP:
	case PORT_SUBMISSION:
	case PORT_OTHER:
		return 0;
	case PORT_TLS:
		return greeting / 2 < PATIENCE ? greeting / 2 : PATIENCE;
	default:
		return greeting <= LONG_PATIENCE ? 0 : LONG_PATIENCE;
	}
}

/* The beginning of a record (RFC 8446, 5.1): a handshake's, or an alert. */
static bool is_tls(struct span input)
{
	return input.length >= 2 && (input.start[0] == 0x16 || input.start[0] == 0x15) &&
	       input.start[1] == 0x03;
}

static int refuse(struct session *session, const char *waited, struct error *error)
{
	const struct smarthost *smarthost = session->settings->smarthost;
	bool speaks_tls = is_tls(stream_input(session->stream));

	if (!speaks_tls) {
		error_set(error, ERROR_UNAVAILABLE, "4.4.2",
		    "%s sent no greeting within %s, and no answer to a TLS hello",
		    session->stream->peer, waited);
		(void)error_code(error, "MC-NET-23");
		return session_break(session);
	}
	error_set(error, ERROR_UNAVAILABLE, "4.7.0",
	    "%s speaks TLS from the first byte (no greeting within %s, then an answer to a TLS "
	    "hello), and the url of smarthost \"%s\" says something else",
	    session->stream->peer, waited, smarthost->name != NULL ? smarthost->name : "default");
	(void)error_code(error, "MC-TLS-10");
	CLEANUP(memory_free_string) char *label = smarthost_label(smarthost);
	(void)error_next(error, "write url = \"smtps://%s\"", label);
	return session_break(session);
}

int tls_hello_ask(struct session *session, struct error *error)
{
	int64_t patience = patience_of(session);
	char waited[24];

	if (patience == 0 || stream_fill(session->stream, clock_deadline(patience), error) >= 0)
		return 0;
	session_note(session, "no greeting: is it a server that speaks TLS at once?");
	stream_put(session->stream, span_from_bytes(hello, sizeof hello - 1));
	(void)stream_fill(session->stream, clock_deadline(ANSWER), error);
	clock_format_duration(patience, waited);
	return refuse(session, waited, error);
}
