/* SPDX-License-Identifier: MIT */

/* Tests delivery/request.c. */

#include "delivery/request.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/memory.h"
#include "tests/support/guarded.h"

/* xorshift: the same mutations in every run. */
static uint64_t next_chance(uint64_t *chance)
{
	*chance ^= *chance << 13;
	*chance ^= *chance >> 7;
	*chance ^= *chance << 17;
	return *chance;
}

static void fill_relay(struct request_relay *relay, struct buffer *message)
{
	struct error error;

	smarthost_init(&relay->smarthost);
	assert_int_equal(smarthost_set_url(&relay->smarthost,
			     span_from_string("smtp+tls://u:p%40ss@mail.example.com:2525"), &error),
	    0);
	relay->smarthost.name = memory_copy_string("provider");
	relay->smarthost.from = memory_copy_string("alerts@example.com");
	relay->smarthost.connect_timeout = 12345;
	relay->smarthost.token_command = memory_copy_string("/bin/token 'a b'");
	relay->hello = memory_copy_string("host.example.com");
	relay->session = memory_copy("\0opaque\xff\r\n", 10);
	relay->session_length = 10;
	relay->trace_limit = 2000;
	buffer_init(message, 1 << 20);
	request_encode_relay(relay, message);
}

static void fill_attempt(struct request_attempt *attempt, struct buffer *message)
{
	static const char header[] = "Subject: a\r\nX: \0\xff\r\n\r\n";
	struct error error;

	attempt->number = UINT32_MAX;
	assert_int_equal(envelope_set_sender(&attempt->envelope, span_from_string(""), &error), 0);
	assert_int_equal(envelope_set_envid(&attempt->envelope, span_from_string("QQ"), &error), 0);
	attempt->envelope.return_content = ENVELOPE_RETURN_FULL;
	assert_int_equal(
	    envelope_add_recipient(&attempt->envelope, span_from_string("bob@example.net"),
		span_from_string("rfc822;bob"), ENVELOPE_NOTIFY_NEVER, &error),
	    0);
	assert_int_equal(
	    envelope_add_recipient(&attempt->envelope, span_from_string("carol@example.net"),
		span_from_string(""), 0, &error),
	    0);
	attempt->header = memory_copy(header, sizeof header - 1);
	attempt->header_length = sizeof header - 1;
	attempt->body_offset = 4711;
	attempt->body_length = UINT64_C(5) << 32;
	attempt->has_8bit = true;
	attempt->longest_line = UINT64_MAX;
	buffer_init(message, 1 << 20);
	request_encode_attempt(attempt, message);
}

static bool is_same(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static void a_relay_comes_back(void **state)
{
	CLEANUP(request_finish_relay) struct request_relay relay = { 0 };
	CLEANUP(request_finish_relay) struct request_relay found = { 0 };
	CLEANUP(buffer_finish) struct buffer message = { 0 };
	struct error error;

	(void)state;
	fill_relay(&relay, &message);
	struct span input = guarded(message.start, message.length);
	assert_int_equal(request_kind_of(input), REQUEST_RELAY);
	assert_int_equal(request_decode_relay(input, &found, &error), 0);
	assert_string_equal(found.hello, "host.example.com");
	assert_string_equal(found.smarthost.password, "p@ss");
	assert_true(is_same(found.smarthost.name, relay.smarthost.name));
	assert_true(is_same(found.smarthost.token_command, relay.smarthost.token_command));
	assert_int_equal(found.session_length, relay.session_length);
	assert_int_equal(found.trace_limit, relay.trace_limit);
	assert_memory_equal(found.session, relay.session, relay.session_length);
	assert_true(is_same(found.smarthost.url, relay.smarthost.url));
	assert_true(is_same(found.smarthost.host, relay.smarthost.host));
	assert_true(is_same(found.smarthost.path, relay.smarthost.path));
	assert_true(is_same(found.smarthost.user, relay.smarthost.user));
	assert_true(is_same(found.smarthost.from, relay.smarthost.from));
	assert_true(is_same(found.smarthost.ca_file, relay.smarthost.ca_file));
	assert_int_equal(found.smarthost.port, 2525);
	assert_int_equal(found.smarthost.tls, relay.smarthost.tls);
	assert_int_equal(found.smarthost.is_lmtp, relay.smarthost.is_lmtp);
	assert_int_equal(found.smarthost.is_loopback, relay.smarthost.is_loopback);
	assert_int_equal(found.smarthost.connect_timeout, 12345);
}

static void an_attempt_comes_back(void **state)
{
	CLEANUP(request_finish_attempt) struct request_attempt attempt = { 0 };
	CLEANUP(request_finish_attempt) struct request_attempt found = { 0 };
	CLEANUP(buffer_finish) struct buffer message = { 0 };
	struct error error;

	(void)state;
	fill_attempt(&attempt, &message);
	struct span input = guarded(message.start, message.length);
	assert_int_equal(request_kind_of(input), REQUEST_ATTEMPT);
	assert_int_equal(request_decode_attempt(input, &found, &error), 0);
	assert_int_equal(found.number, UINT32_MAX);
	assert_string_equal(found.envelope.sender, "");
	assert_string_equal(found.envelope.envid, "QQ");
	assert_int_equal(found.envelope.return_content, ENVELOPE_RETURN_FULL);
	assert_int_equal(found.envelope.recipient_count, 2);
	assert_string_equal(found.envelope.recipients[0].address, "bob@example.net");
	assert_string_equal(found.envelope.recipients[0].original, "rfc822;bob");
	assert_int_equal(found.envelope.recipients[0].notify, ENVELOPE_NOTIFY_NEVER);
	assert_null(found.envelope.recipients[1].original);
	assert_int_equal(found.header_length, attempt.header_length);
	assert_memory_equal(found.header, attempt.header, attempt.header_length);
	assert_int_equal(found.body_offset, 4711);
	assert_int_equal(found.body_length, UINT64_C(5) << 32);
	assert_true(found.has_8bit);
	assert_int_equal(found.longest_line, UINT64_MAX);
}

/* Both decoders on any octets: 0 or -1, and nothing is left behind. */
static int decode(const char *octets, size_t length)
{
	CLEANUP(request_finish_relay) struct request_relay relay = { 0 };
	CLEANUP(request_finish_attempt) struct request_attempt attempt = { 0 };
	CLEANUP(memory_free_string) char *copy = memory_copy(octets, length);
	struct span input = span_from_bytes(copy, length);
	struct error error;
	int first = request_decode_relay(input, &relay, &error);
	int second = request_decode_attempt(input, &attempt, &error);

	assert_true(first == -1 || second == -1);
	assert_true(first == 0 || relay.hello == NULL);
	assert_true(second == 0 || attempt.header == NULL);
	return first == 0 || second == 0 ? 0 : -1;
}

static void check_truncations(const struct buffer *message)
{
	struct request_relay relay = { 0 };
	struct request_attempt attempt = { 0 };
	struct error error;

	assert_int_equal(decode(message->start, message->length), 0);
	for (size_t length = 0; length < message->length; length++) {
		struct span input = guarded(message->start, length);

		assert_int_equal(request_decode_relay(input, &relay, &error), -1);
		assert_int_equal(request_decode_attempt(input, &attempt, &error), -1);
	}
	CLEANUP(memory_free_string) char *longer = memory_copy(message->start, message->length);
	assert_int_equal(decode(longer, message->length + 1), -1);
}

static void every_truncation_is_refused(void **state)
{
	CLEANUP(request_finish_relay) struct request_relay relay = { 0 };
	CLEANUP(request_finish_attempt) struct request_attempt attempt = { 0 };
	CLEANUP(buffer_finish) struct buffer first = { 0 };
	CLEANUP(buffer_finish) struct buffer second = { 0 };

	(void)state;
	fill_relay(&relay, &first);
	check_truncations(&first);
	fill_attempt(&attempt, &second);
	check_truncations(&second);
}

static void check_mutations(const struct buffer *message, uint64_t chance)
{
	CLEANUP(memory_free_string) char *octets = memory_allocate(message->length);

	for (size_t place = 0; place < message->length; place++)
		for (int octet = 0; octet < 256; octet++) {
			memcpy(octets, message->start, message->length);
			octets[place] = (char)octet;
			(void)decode(octets, message->length);
		}
	for (int i = 0; i < 20000; i++) {
		memcpy(octets, message->start, message->length);
		for (int j = 0; j < 3; j++)
			octets[next_chance(&chance) % message->length] = (char)next_chance(&chance);
		(void)decode(octets, message->length);
	}
}

static void mutations_never_crash(void **state)
{
	CLEANUP(request_finish_relay) struct request_relay relay = { 0 };
	CLEANUP(request_finish_attempt) struct request_attempt attempt = { 0 };
	CLEANUP(buffer_finish) struct buffer first = { 0 };
	CLEANUP(buffer_finish) struct buffer second = { 0 };

	(void)state;
	fill_relay(&relay, &first);
	check_mutations(&first, 1);
	fill_attempt(&attempt, &second);
	check_mutations(&second, 2);
}

/* What an envelope would refuse, a request cannot bring in either. */
static void no_line_end_comes_through(void **state)
{
	CLEANUP(request_finish_attempt) struct request_attempt attempt = { 0 };
	CLEANUP(buffer_finish) struct buffer message = { 0 };

	(void)state;
	fill_attempt(&attempt, &message);
	char *place = memmem(message.start, message.length, "bob@", 4);
	assert_non_null(place);
	for (int octet = 0; octet < 256; octet++) {
		place[1] = (char)octet;
		if (octet < 0x20 || octet == 0x7f || octet == '>' || octet == ' ')
			assert_int_equal(decode(message.start, message.length), -1);
	}
}

/* An offset and a length that together pass what a file can have. */
static void ranges_do_not_wrap(void **state)
{
	CLEANUP(request_finish_attempt) struct request_attempt attempt = { 0 };
	CLEANUP(buffer_finish) struct buffer message = { 0 };

	(void)state;
	fill_attempt(&attempt, &message);
	buffer_clear(&message);
	attempt.body_offset = INT64_MAX;
	attempt.body_length = 1;
	request_encode_attempt(&attempt, &message);
	assert_int_equal(decode(message.start, message.length), -1);
	buffer_clear(&message);
	attempt.body_length = 0;
	request_encode_attempt(&attempt, &message);
	assert_int_equal(decode(message.start, message.length), 0);
}

static void an_inquiry_is_a_relay_of_its_kind(void **state)
{
	CLEANUP(request_finish_relay) struct request_relay relay = { 0 };
	CLEANUP(request_finish_relay) struct request_relay found = { 0 };
	CLEANUP(buffer_finish) struct buffer message = { 0 };
	struct error error;

	(void)state;
	fill_relay(&relay, &message);
	assert_int_equal(request_decode_relay(buffer_span(&message), &found, &error), 0);
	assert_false(found.is_inquiry);
	request_finish_relay(&found);
	buffer_clear(&message);
	relay.is_inquiry = true;
	request_encode_relay(&relay, &message);
	assert_int_equal(request_kind_of(buffer_span(&message)), REQUEST_INQUIRY);
	assert_int_equal(request_decode_relay(buffer_span(&message), &found, &error), 0);
	assert_true(found.is_inquiry);
	assert_string_equal(found.smarthost.password, "p@ss");
	check_truncations(&message);
	request_finish_relay(&found);
	buffer_clear(&message);
	relay.is_inquiry = false;
	relay.is_examination = true;
	request_encode_relay(&relay, &message);
	assert_int_equal(request_kind_of(buffer_span(&message)), REQUEST_EXAMINATION);
	assert_int_equal(request_decode_relay(buffer_span(&message), &found, &error), 0);
	assert_true(found.is_examination);
	assert_false(found.is_inquiry);
	check_truncations(&message);
}

static void a_sender_to_ask_for_comes_through_the_door(void **state)
{
	CLEANUP(buffer_finish) struct buffer message = { 0 };
	CLEANUP(memory_free_string) char *found = NULL;
	char *none = NULL;
	struct error error;

	(void)state;
	buffer_init(&message, 1 << 16);
	request_encode_sender("a@b.example", &message);
	assert_int_equal(request_kind_of(buffer_span(&message)), REQUEST_SENDER);
	assert_int_equal(request_decode_sender(buffer_span(&message), &found, &error), 0);
	assert_string_equal(found, "a@b.example");
	for (size_t length = 0; length < message.length; length++)
		assert_int_equal(
		    request_decode_sender(guarded(message.start, length), &none, &error), -1);
	/* One kind is not taken for the other. */
	assert_int_equal(request_decode_verify(buffer_span(&message), &none, &error), -1);
	buffer_clear(&message);
	request_encode_sender("a@b.example\r\nRCPT TO:<x>", &message);
	assert_int_equal(request_decode_sender(buffer_span(&message), &none, &error), -1);
	assert_null(none);
}

static void an_address_to_verify_comes_through_the_door(void **state)
{
	static const struct row {
		const char *address;
		int outcome;
	} rows[] = {
		{ "a@b.example", 0 },
		{ "root", 0 },
		{ "\"a b\"@b.example", 0 },
		{ "\xc3\xa4@b.example", 0 },
		{ "a b@b.example", -1 },
		{ "a@b.example\r\nMAIL FROM:<x>", -1 },
		{ "a>", -1 },
		{ "@b.example", -1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		CLEANUP(buffer_finish) struct buffer message = { 0 };
		CLEANUP(memory_free_string) char *found = NULL;
		struct error error;

		buffer_init(&message, 1 << 16);
		request_encode_verify(rows[i].address, &message);
		assert_int_equal(request_kind_of(buffer_span(&message)), REQUEST_VERIFY);
		struct span input = guarded(message.start, message.length);
		assert_int_equal(request_decode_verify(input, &found, &error), rows[i].outcome);
		if (rows[i].outcome == 0)
			assert_string_equal(found, rows[i].address);
		else
			assert_null(found);
		char *none = NULL;
		for (size_t length = 0; length < message.length; length++)
			assert_int_equal(
			    request_decode_verify(guarded(message.start, length), &none, &error),
			    -1);
		buffer_append_byte(&message, '\0');
		assert_int_equal(request_decode_verify(buffer_span(&message), &none, &error), -1);
		/* A message of another kind with the same octets. */
		message.start[0] = REQUEST_ATTEMPT;
		assert_int_equal(
		    request_decode_verify(
			span_first(buffer_span(&message), message.length - 1), &none, &error),
		    -1);
		assert_null(none);
	}
}

static void other_kinds_are_none(void **state)
{
	(void)state;
	assert_int_equal(request_kind_of(guarded_string("")), -1);
	assert_int_equal(request_kind_of(guarded_string("Y")), -1);
	assert_int_equal(request_kind_of(guarded_string("A")), 'A');
	assert_int_equal(decode("", 0), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_relay_comes_back),
		cmocka_unit_test(an_attempt_comes_back),
		cmocka_unit_test(every_truncation_is_refused),
		cmocka_unit_test(mutations_never_crash),
		cmocka_unit_test(no_line_end_comes_through),
		cmocka_unit_test(ranges_do_not_wrap),
		cmocka_unit_test(an_inquiry_is_a_relay_of_its_kind),
		cmocka_unit_test(an_address_to_verify_comes_through_the_door),
		cmocka_unit_test(a_sender_to_ask_for_comes_through_the_door),
		cmocka_unit_test(other_kinds_are_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
