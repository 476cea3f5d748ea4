/* SPDX-License-Identifier: MIT */

/*
 * result - what a worker answers
 *
 *	ready		the session stands: peer in text, TLS, and what the next
 *			connection to this smarthost may be given (request_relay)
 *	trace		a line of the conversation, where it was asked for (request_relay)
 *	recipient	one recipient's fate, as soon as it is final
 *	verified	the reply to VRFY: code, status, and all of it in text
 *	fact		what an examination found: its name, its value in text
 *	done		the attempt is over and the session lives on
 *	lost		the session could not be opened, or is over: why; attempts
 *			that were not answered are for another worker
 */

#ifndef DELIVERY_RESULT_H
#define DELIVERY_RESULT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/span.h"
#include "smtp/status.h"

enum result_kind {
	RESULT_READY = 'Y',
	RESULT_TRACE = 'T',
	RESULT_RECIPIENT = 'P',
	RESULT_VERIFIED = 'V',
	RESULT_FACT = 'F',
	RESULT_DONE = 'D',
	RESULT_LOST = 'L',
};

/* As transaction.h has them. */
enum result_outcome { RESULT_DELIVERED, RESULT_DEFERRED, RESULT_FAILED, RESULT_IN_DOUBT };

enum { RESULT_TEXT_SIZE = 1000, RESULT_SECURITY_SIZE = 80, RESULT_FACT_SIZE = 24 };

struct result {
	enum result_kind kind;
	uint32_t number;	     /* of the attempt: recipient, done */
	uint32_t recipient;	     /* its index in the attempt's envelope: recipient */
	enum result_outcome outcome; /* recipient */
	int code; /* of the reply; 0 without one: recipient, verified, fact; lost: of
		     the last one */
	char status[STATUS_SIZE];    /* recipient, verified */
	char text[RESULT_TEXT_SIZE]; /* one line: ready, trace, recipient, verified */
	char fact[RESULT_FACT_SIZE]; /* fact: "address.ok" and the like (examination.h) */
	bool refuses_sender;	     /* recipient: MAIL was refused */
	int blame;		     /* recipient: enum blame, as a number */
	bool passes_dsn;	     /* recipient: the server has the wishes of RFC 3461, too */
	char direction;		     /* trace: '<', '>' or '*' (session_trace) */
	int64_t elapsed;	     /* trace: milliseconds since the worker began */
	int step;		     /* lost: enum session_step, as a number */
	struct error error;	     /* lost */
	bool has_stumbled;	     /* lost: better step by step from now on (request_relay) */
	char security[RESULT_SECURITY_SIZE]; /* ready: "TLSv1.3 TLS_AES_256_GCM_SHA384", or "" */
	struct span session; /* ready; borrowed from the message; a secret, may be empty */
};

void result_encode(const struct result *result, struct buffer *message);

/* Fills result in whole; -1 when message is none. */
int result_decode(struct span message, struct result *result, struct error *error);

#endif
