/* SPDX-License-Identifier: MIT */

#include "delivery/request.h"

#include <assert.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "delivery/counted.h"
#include "message/address.h"

static enum request_kind kind_of(const struct request_relay *relay)
{
	assert(!relay->is_inquiry || !relay->is_examination);
	if (relay->is_examination)
		return REQUEST_EXAMINATION;
	return relay->is_inquiry ? REQUEST_INQUIRY : REQUEST_RELAY;
}

void request_encode_relay(const struct request_relay *relay, struct buffer *message)
{
	const struct smarthost *smarthost = &relay->smarthost;

	buffer_append_byte(message, (char)kind_of(relay));
	counted_put_string(message, relay->hello);
	counted_put_string(message, smarthost->name);
	counted_put_string(message, smarthost->url);
	counted_put_string(message, smarthost->host);
	counted_put_number(message, smarthost->port);
	counted_put_string(message, smarthost->path);
	counted_put_number(message, smarthost->is_lmtp);
	counted_put_number(message, smarthost->is_loopback);
	counted_put_number(message, smarthost->tls);
	counted_put_string(message, smarthost->user);
	counted_put_string(message, smarthost->password);
	counted_put_string(message, smarthost->from);
	counted_put_string(message, smarthost->ca_file);
	counted_put_number(message, (uint64_t)smarthost->connect_timeout);
	counted_put_number(message, smarthost->auth);
	counted_put_string(message, smarthost->token);
	counted_put_string(message, smarthost->token_command);
	counted_put_string(message, smarthost->tls_name);
	counted_put_string(message, smarthost->tls_fingerprint);
	counted_put_string(message, smarthost->client_certificate);
	counted_put_string(message, smarthost->client_key);
	counted_put_number(message, smarthost->tls_min_is_1_3);
	counted_put_number(message, (uint64_t)smarthost->family);
	counted_put_string(message, smarthost->source);
	counted_put_number(message, smarthost->window);
	counted_put_span(message, span_from_bytes(relay->session, relay->session_length));
	counted_put_number(message, relay->is_step_by_step);
	counted_put_number(message, relay->trace_limit);
}

static void encode_envelope(const struct envelope *envelope, struct buffer *message)
{
	counted_put_string(message, envelope->sender);
	counted_put_string(message, envelope->envid);
	counted_put_number(message, envelope->return_content);
	counted_put_number(message, envelope->recipient_count);
	for (size_t i = 0; i < envelope->recipient_count; i++) {
		counted_put_string(message, envelope->recipients[i].address);
		counted_put_string(message, envelope->recipients[i].original);
		counted_put_number(message, envelope->recipients[i].notify);
	}
}

void request_encode_attempt(const struct request_attempt *attempt, struct buffer *message)
{
	assert(attempt->envelope.sender != NULL && attempt->envelope.recipient_count != 0);
	buffer_append_byte(message, REQUEST_ATTEMPT);
	counted_put_number(message, attempt->number);
	encode_envelope(&attempt->envelope, message);
	counted_put_span(message, span_from_bytes(attempt->header, attempt->header_length));
	counted_put_number(message, attempt->body_offset);
	counted_put_number(message, attempt->body_length);
	counted_put_number(message, attempt->has_8bit);
	counted_put_number(message, attempt->longest_line);
}

static void encode_address(enum request_kind kind, const char *address, struct buffer *message)
{
	assert(address[0] != '\0');
	buffer_append_byte(message, (char)kind);
	counted_put_string(message, address);
}

void request_encode_verify(const char *address, struct buffer *message)
{
	encode_address(REQUEST_VERIFY, address, message);
}

void request_encode_sender(const char *address, struct buffer *message)
{
	encode_address(REQUEST_SENDER, address, message);
}

int request_kind_of(struct span message)
{
	static const char kinds[] = { REQUEST_RELAY, REQUEST_INQUIRY, REQUEST_ATTEMPT,
		REQUEST_VERIFY, REQUEST_EXAMINATION, REQUEST_SENDER };

	if (message.length == 0 || memchr(kinds, message.start[0], sizeof kinds) == NULL)
		return -1;
	return message.start[0];
}

static void decode_smarthost(struct counted *counted, struct smarthost *smarthost)
{
	smarthost->name = counted_take_string(counted);
	smarthost->url = counted_take_string(counted);
	smarthost->host = counted_take_string(counted);
	smarthost->port = (uint16_t)counted_take_number(counted, UINT16_MAX);
	smarthost->path = counted_take_string(counted);
	smarthost->is_lmtp = counted_take_flag(counted);
	smarthost->is_loopback = counted_take_flag(counted);
	smarthost->tls = (enum smarthost_tls)counted_take_number(counted, SMARTHOST_TLS_IMPLICIT);
	smarthost->user = counted_take_string(counted);
	smarthost->password = counted_take_string(counted);
	smarthost->from = counted_take_string(counted);
	smarthost->ca_file = counted_take_string(counted);
	smarthost->connect_timeout = (int64_t)counted_take_number(counted, INT64_MAX);
	smarthost->auth = (enum smarthost_auth)counted_take_number(counted, SMARTHOST_AUTH_NONE);
	smarthost->token = counted_take_string(counted);
	smarthost->token_command = counted_take_string(counted);
	smarthost->tls_name = counted_take_string(counted);
	smarthost->tls_fingerprint = counted_take_string(counted);
	smarthost->client_certificate = counted_take_string(counted);
	smarthost->client_key = counted_take_string(counted);
	smarthost->tls_min_is_1_3 = counted_take_flag(counted);
	smarthost->family = (int)counted_take_number(counted, 6);
	smarthost->source = counted_take_string(counted);
	smarthost->window = (unsigned)counted_take_number(counted, 1000);
}

static void decode_session(struct counted *counted, struct request_relay *relay)
{
	struct span session = counted_take_span(counted);

	if (session.length == 0)
		return;
	relay->session = memory_copy(session.start, session.length);
	relay->session_length = session.length;
}

int request_decode_relay(struct span message, struct request_relay *relay, struct error *error)
{
	CLEANUP(request_finish_relay) struct request_relay found = { 0 };
	struct counted counted = { span_after(message, 1), false };

	if (request_kind_of(message) != REQUEST_RELAY &&
	    request_kind_of(message) != REQUEST_INQUIRY &&
	    request_kind_of(message) != REQUEST_EXAMINATION)
		return error_set(error, ERROR_SOFTWARE, "4.3.0", "not a relay request");
	found.is_inquiry = request_kind_of(message) == REQUEST_INQUIRY;
	found.is_examination = request_kind_of(message) == REQUEST_EXAMINATION;
	smarthost_init(&found.smarthost);
	found.hello = counted_take_string(&counted);
	decode_smarthost(&counted, &found.smarthost);
	decode_session(&counted, &found);
	found.is_step_by_step = counted_take_flag(&counted);
	found.trace_limit = (uint32_t)counted_take_number(&counted, UINT32_MAX);
	if (!counted_is_complete(&counted) || found.hello == NULL ||
	    (found.smarthost.host == NULL && found.smarthost.path == NULL))
		return error_set(error, ERROR_SOFTWARE, "4.3.0", "a relay request is malformed");
	*relay = found;
	found = (struct request_relay){ 0 };
	return 0;
}

static bool decode_recipient(
    struct counted *counted, struct envelope *envelope, struct error *error)
{
	CLEANUP(memory_free_string) char *address = counted_take_string(counted);
	CLEANUP(memory_free_string) char *original = counted_take_string(counted);
	unsigned notify = (unsigned)counted_take_number(counted, 15);

	if (counted->is_wrong || address == NULL)
		return false;
	return envelope_add_recipient(envelope, span_from_string(address),
		   span_from_string(original != NULL ? original : ""), notify, error) == 0;
}

/* Through the envelope's door, as everything from outside. */
static bool decode_envelope(struct counted *counted, struct envelope *envelope, struct error *error)
{
	CLEANUP(memory_free_string) char *sender = counted_take_string(counted);
	CLEANUP(memory_free_string) char *envid = counted_take_string(counted);

	envelope->return_content = (enum envelope_return)counted_take_number(
	    counted, ENVELOPE_RETURN_HEADER);
	uint64_t count = counted_take_number(counted, ENVELOPE_RECIPIENT_LIMIT);
	if (counted->is_wrong || sender == NULL || count == 0 ||
	    envelope_set_sender(envelope, span_from_string(sender), error) < 0)
		return false;
	if (envid != NULL && envelope_set_envid(envelope, span_from_string(envid), error) < 0)
		return false;
	for (uint64_t i = 0; i < count; i++)
		if (!decode_recipient(counted, envelope, error))
			return false;
	return true;
}

/* body_offset and body_length must stay what an off_t can hold, also together. */
static bool decode_content(struct counted *counted, struct request_attempt *attempt)
{
	struct span header = counted_take_span(counted);

	attempt->body_offset = counted_take_number(counted, INT64_MAX);
	attempt->body_length = counted_take_number(counted, INT64_MAX - attempt->body_offset);
	attempt->has_8bit = counted_take_flag(counted);
	attempt->longest_line = counted_take_number(counted, UINT64_MAX);
	if (!counted_is_complete(counted))
		return false;
	attempt->header = memory_copy(header.start, header.length);
	attempt->header_length = header.length;
	return true;
}

int request_decode_attempt(
    struct span message, struct request_attempt *attempt, struct error *error)
{
	CLEANUP(request_finish_attempt) struct request_attempt found = { 0 };
	struct counted counted = { span_after(message, 1), false };

	if (request_kind_of(message) != REQUEST_ATTEMPT)
		return error_set(error, ERROR_SOFTWARE, "4.3.0", "not an attempt request");
	found.number = (uint32_t)counted_take_number(&counted, UINT32_MAX);
	if (!decode_envelope(&counted, &found.envelope, error) || !decode_content(&counted, &found))
		return error_set(error, ERROR_SOFTWARE, "4.3.0", "an attempt request is malformed");
	*attempt = found;
	found = (struct request_attempt){ 0 };
	return 0;
}

static int decode_address(
    struct span message, enum request_kind kind, char **address, struct error *error)
{
	struct counted counted = { span_after(message, 1), false };

	if (request_kind_of(message) != (int)kind)
		return error_set(error, ERROR_SOFTWARE, "4.3.0", "not the request for an address");
	char *found CLEANUP(memory_free_string) = counted_take_string(&counted);
	if (!counted_is_complete(&counted) || found == NULL || found[0] == '\0' ||
	    address_check(span_from_string(found), error) < 0)
		return error_set(
		    error, ERROR_SOFTWARE, "4.3.0", "the request for an address is malformed");
	*address = found;
	found = NULL;
	return 0;
}

int request_decode_verify(struct span message, char **address, struct error *error)
{
	return decode_address(message, REQUEST_VERIFY, address, error);
}

int request_decode_sender(struct span message, char **address, struct error *error)
{
	return decode_address(message, REQUEST_SENDER, address, error);
}

void request_finish_relay(struct request_relay *relay)
{
	smarthost_finish(&relay->smarthost);
	memory_free_string(&relay->hello);
	if (relay->session != NULL)
		explicit_bzero(relay->session, relay->session_length);
	free(relay->session);
	*relay = (struct request_relay){ 0 };
}

void request_finish_attempt(struct request_attempt *attempt)
{
	envelope_finish(&attempt->envelope);
	free(attempt->header);
	*attempt = (struct request_attempt){ 0 };
}
