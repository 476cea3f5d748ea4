/* SPDX-License-Identifier: MIT */

/*
 * request - what the service asks of a worker
 *
 * Kinds of message on the channel, one of the first two once at the beginning:
 *
 *	relay	the smarthost's parameters with its secret, and our name
 *	inquiry	the same, for a worker that is asked and sends nothing
 *	attempt	one message for some recipients; the queue file's descriptor,
 *		open for reading, travels with it; after relay
 *	verify	does the smarthost know this address? after inquiry
 *	examination	as relay, for a worker that tells facts and sends nothing
 *	sender	would the smarthost take mail of this address? after examination
 *
 * Encoded as counted octets; the decoder trusts nothing (it is fuzzed).
 */

#ifndef DELIVERY_REQUEST_H
#define DELIVERY_REQUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"
#include "message/envelope.h"
#include "smtp/smarthost.h"

struct request_relay {
	struct smarthost smarthost; /* owned after decoding */
	char *hello;		    /* owned after decoding */
	uint32_t trace_limit;	    /* lines of the conversation to tell of (result.h); 0: none */
	bool is_inquiry;	    /* no attempt follows */
	bool is_examination;	    /* nor does one here; not both */
	bool is_step_by_step;	    /* this server stumbled over commands sent ahead (result.h) */
	char *session;		    /* opaque: what an earlier worker left (result.h); a secret */
	size_t session_length;	    /* owned after decoding, too */
};

struct request_attempt {
	uint32_t number;	  /* repeated in every result */
	struct envelope envelope; /* sender to use, recipients to try; owned after decoding */
	char *header; /* outgoing, wire form, with its empty line; owned after decoding */
	size_t header_length;
	uint64_t body_offset; /* in the descriptor */
	uint64_t body_length;
	bool has_8bit;
	uint64_t longest_line; /* octets without CRLF, in header or body; 0: not known */
};

enum request_kind {
	REQUEST_RELAY = 'R',
	REQUEST_INQUIRY = 'I',
	REQUEST_ATTEMPT = 'A',
	REQUEST_VERIFY = 'V',
	REQUEST_EXAMINATION = 'E',
	REQUEST_SENDER = 'S',
};

void request_encode_relay(const struct request_relay *relay, struct buffer *message);
void request_encode_attempt(const struct request_attempt *attempt, struct buffer *message);
/* address: normal form, not empty. */
void request_encode_verify(const char *address, struct buffer *message);
void request_encode_sender(const char *address, struct buffer *message);

/* The kind of an encoded message, or -1. */
int request_kind_of(struct span message);
/* Of an inquiry and an examination, too. */
int request_decode_relay(struct span message, struct request_relay *relay, struct error *error);
int request_decode_attempt(
    struct span message, struct request_attempt *attempt, struct error *error);
/* *address is the caller's. */
int request_decode_verify(struct span message, char **address, struct error *error);
int request_decode_sender(struct span message, char **address, struct error *error);

void request_finish_relay(struct request_relay *relay);
void request_finish_attempt(struct request_attempt *attempt);

#endif
