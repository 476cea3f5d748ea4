/* SPDX-License-Identifier: MIT */

/*
 * What a worker is asked: what is decoded is encoded and decoded to the same.
 *
 * An input that begins with '+' is no message: the rest, cut at NULs, fills a
 * request of each kind, which must arrive.
 */

#include "delivery/request.h"

#include "message/address.h"
#include "tests/fuzz/fuzz.h"

enum { LIMIT = 1 << 20 };

/* Whether it could be decoded. */
static bool check_relay(struct span message)
{
	CLEANUP(request_finish_relay) struct request_relay relay = { 0 };
	CLEANUP(request_finish_relay) struct request_relay again = { 0 };
	CLEANUP(buffer_finish) struct buffer first = { 0 };
	CLEANUP(buffer_finish) struct buffer second = { 0 };
	struct error error = { 0 };

	if (request_decode_relay(message, &relay, &error) < 0) {
		fuzz_check_error(&error);
		return false;
	}
	assert(relay.hello != NULL);
	assert(relay.smarthost.host != NULL || relay.smarthost.path != NULL);
	buffer_init(&first, LIMIT);
	buffer_init(&second, LIMIT);
	request_encode_relay(&relay, &first);
	assert(request_decode_relay(buffer_span(&first), &again, &error) == 0);
	request_encode_relay(&again, &second);
	assert(span_equals(buffer_span(&first), buffer_span(&second)));
	return true;
}

static bool check_attempt(struct span message)
{
	CLEANUP(request_finish_attempt) struct request_attempt attempt = { 0 };
	CLEANUP(request_finish_attempt) struct request_attempt again = { 0 };
	CLEANUP(buffer_finish) struct buffer first = { 0 };
	CLEANUP(buffer_finish) struct buffer second = { 0 };
	struct error error = { 0 };

	if (request_decode_attempt(message, &attempt, &error) < 0) {
		fuzz_check_error(&error);
		return false;
	}
	assert(attempt.envelope.sender != NULL && attempt.envelope.recipient_count != 0);
	assert(address_check(span_from_string(attempt.envelope.sender), &error) == 0);
	for (size_t i = 0; i < attempt.envelope.recipient_count; i++)
		assert(address_check(
			   span_from_string(attempt.envelope.recipients[i].address), &error) == 0);
	assert(attempt.body_offset + attempt.body_length <= INT64_MAX);
	buffer_init(&first, LIMIT);
	buffer_init(&second, LIMIT);
	request_encode_attempt(&attempt, &first);
	assert(request_decode_attempt(buffer_span(&first), &again, &error) == 0);
	request_encode_attempt(&again, &second);
	assert(span_equals(buffer_span(&first), buffer_span(&second)));
	return true;
}

static char *take_string(struct span *input)
{
	struct span part = fuzz_part(input);

	return part.length != 0 ? span_copy(part) : NULL;
}

static void send_relay(struct span input)
{
	CLEANUP(request_finish_relay) struct request_relay relay = { 0 };
	CLEANUP(buffer_finish) struct buffer message = { 0 };
	struct smarthost *smarthost = &relay.smarthost;

	smarthost_init(smarthost);
	smarthost->tls = (enum smarthost_tls)(fuzz_take(&input) % 4);
	smarthost->auth = (enum smarthost_auth)(fuzz_take(&input) % (SMARTHOST_AUTH_NONE + 1));
	smarthost->port = (uint16_t)(fuzz_take(&input) << 8 | fuzz_take(&input));
	relay.hello = take_string(&input);
	smarthost->host = take_string(&input);
	smarthost->path = take_string(&input);
	smarthost->name = take_string(&input);
	smarthost->user = take_string(&input);
	smarthost->password = take_string(&input);
	smarthost->token = take_string(&input);
	smarthost->tls_name = take_string(&input);
	smarthost->source = take_string(&input);
	buffer_init(&message, LIMIT);
	bool is_right = relay.hello != NULL && (smarthost->host != NULL || smarthost->path != NULL);
	if (relay.hello == NULL)
		relay.hello = memory_copy_string("");
	request_encode_relay(&relay, &message);
	if (is_right)
		assert(check_relay(buffer_span(&message)));
}

static void send_attempt(struct span input)
{
	CLEANUP(request_finish_attempt) struct request_attempt attempt = { 0 };
	CLEANUP(buffer_finish) struct buffer message = { 0 };
	struct error error;

	attempt.number = fuzz_take(&input);
	attempt.body_offset = fuzz_take(&input);
	attempt.has_8bit = attempt.number % 2 != 0;
	attempt.envelope.return_content = (enum envelope_return)(attempt.number % 3);
	if (envelope_set_sender(&attempt.envelope, fuzz_part(&input), &error) < 0)
		return;
	(void)envelope_set_envid(&attempt.envelope, fuzz_part(&input), &error);
	struct span header = fuzz_part(&input);
	attempt.header = memory_copy(header.start, header.length);
	attempt.header_length = header.length;
	while (input.length != 0) {
		struct span address = fuzz_part(&input);

		(void)envelope_add_recipient(
		    &attempt.envelope, address, fuzz_part(&input), fuzz_take(&input) % 16, &error);
	}
	if (attempt.envelope.recipient_count == 0)
		return;
	buffer_init(&message, LIMIT);
	request_encode_attempt(&attempt, &message);
	assert(check_attempt(buffer_span(&message)));
}

static void check_sender(struct span message)
{
	CLEANUP(memory_free_string) char *address = NULL;
	CLEANUP(buffer_finish) struct buffer again = { 0 };
	struct error error = { 0 };

	if (request_decode_sender(message, &address, &error) < 0) {
		fuzz_check_error(&error);
		return;
	}
	assert(address[0] != '\0' && address_check(span_from_string(address), &error) == 0);
	buffer_init(&again, LIMIT);
	request_encode_sender(address, &again);
	assert(span_equals(buffer_span(&again), message));
}

static void check_verify(struct span message)
{
	CLEANUP(memory_free_string) char *address = NULL;
	CLEANUP(buffer_finish) struct buffer again = { 0 };
	struct error error = { 0 };

	if (request_decode_verify(message, &address, &error) < 0) {
		fuzz_check_error(&error);
		return;
	}
	assert(address[0] != '\0' && address_check(span_from_string(address), &error) == 0);
	buffer_init(&again, LIMIT);
	request_encode_verify(address, &again);
	assert(span_equals(buffer_span(&again), message));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span message = fuzz_input(data, size);

	if (span_starts_with(message, "+")) {
		send_relay(span_after(message, 1));
		send_attempt(span_after(message, 1));
		return 0;
	}
	(void)request_kind_of(message);
	(void)check_relay(message);
	(void)check_attempt(message);
	check_verify(message);
	check_sender(message);
	return 0;
}
