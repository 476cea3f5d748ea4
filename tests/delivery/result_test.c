/* SPDX-License-Identifier: MIT */

/* Tests delivery/result.c. */

#include "delivery/result.h"

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

static const struct result results[] = {
	{ .kind = RESULT_READY, .text = "x:25 [192.0.2.1]", .security = "TLSv1.3 A" },
	{ .kind = RESULT_RECIPIENT,
	    .number = UINT32_MAX,
	    .recipient = 9999,
	    .outcome = RESULT_IN_DOUBT,
	    .code = 0,
	    .text = "connection lost" },
	{ .kind = RESULT_RECIPIENT,
	    .number = 1,
	    .outcome = RESULT_FAILED,
	    .code = 550,
	    .status = "5.1.1",
	    .text = "no such user",
	    .refuses_sender = true,
	    .blame = 3 },
	{ .kind = RESULT_TRACE, .direction = '<', .elapsed = 132, .text = "250-PIPELINING" },
	{ .kind = RESULT_TRACE, .direction = '*', .elapsed = INT64_MAX },
	{ .kind = RESULT_VERIFIED, .code = 550, .status = "5.1.1", .text = "550 5.1.1 nobody" },
	{ .kind = RESULT_VERIFIED, .code = 252, .text = "252 send and see" },
	{ .kind = RESULT_FACT, .fact = "chain", .text = "a <- b" },
	{ .kind = RESULT_FACT,
	    .fact = "mail",
	    .code = 550,
	    .status = "5.7.60",
	    .text = "550 5.7.60 no" },
	{ .kind = RESULT_DONE, .number = 7 },
	{ .kind = RESULT_LOST,
	    .step = 3,
	    .code = 421,
	    .error = { .kind = ERROR_UNAVAILABLE,
		.status = "4.4.1",
		.text = "connect to x: refused",
		.code = "MC-NET-04",
		.means = "nobody listens there",
		.next = "is it running?" } },
	{ .kind = RESULT_LOST },
};

enum { RESULT_COUNT = sizeof results / sizeof results[0] };

static void encode(const struct result *result, struct buffer *message)
{
	buffer_init(message, 1 << 16);
	result_encode(result, message);
}

static void results_come_back(void **state)
{
	(void)state;
	for (size_t i = 0; i < RESULT_COUNT; i++) {
		CLEANUP(buffer_finish) struct buffer message = { 0 };
		struct result found;
		struct error error;

		encode(&results[i], &message);
		assert_int_equal(
		    result_decode(guarded(message.start, message.length), &found, &error), 0);
		assert_memory_equal(&found, &results[i], sizeof found);
	}
}

static void the_longest_text_fits(void **state)
{
	CLEANUP(buffer_finish) struct buffer message = { 0 };
	struct result result = { .kind = RESULT_READY };
	struct result found;
	struct error error;

	(void)state;
	memset(result.text, 'x', sizeof result.text - 1);
	encode(&result, &message);
	assert_int_equal(result_decode(buffer_span(&message), &found, &error), 0);
	assert_string_equal(found.text, result.text);
	/* One more does not. */
	message.start[1 + 6] = (char)(RESULT_TEXT_SIZE >> 8);
	message.start[1 + 7] = (char)(RESULT_TEXT_SIZE & 0xff);
	buffer_append_byte(&message, '\0');
	message.start[1 + 8 + RESULT_TEXT_SIZE - 1] = 'x';
	assert_int_equal(result_decode(buffer_span(&message), &found, &error), -1);
}

static void a_session_comes_back(void **state)
{
	CLEANUP(buffer_finish) struct buffer message = { 0 };
	static const char octets[] = "\0opaque\xff\r\n";
	const struct result result = {
		.kind = RESULT_READY, .text = "peer", .session = { octets, sizeof octets }
	};
	struct result found;
	struct error error;

	(void)state;
	encode(&result, &message);
	assert_int_equal(result_decode(guarded(message.start, message.length), &found, &error), 0);
	assert_string_equal(found.text, "peer");
	assert_true(span_equals(found.session, result.session));
	for (size_t length = 0; length < message.length; length++)
		assert_int_equal(result_decode(guarded(message.start, length), &found, &error), -1);
}

static void every_truncation_is_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < RESULT_COUNT; i++) {
		CLEANUP(buffer_finish) struct buffer message = { 0 };
		struct result found = { .number = 42 };
		struct error error;

		encode(&results[i], &message);
		for (size_t length = 0; length < message.length; length++)
			assert_int_equal(
			    result_decode(guarded(message.start, length), &found, &error), -1);
		buffer_append_byte(&message, '\0');
		assert_int_equal(result_decode(buffer_span(&message), &found, &error), -1);
		assert_int_equal(found.number, 42);
	}
}

/* Whatever a worker sends: one line, values within their bounds. */
static void check(const char *octets, size_t length)
{
	CLEANUP(memory_free_string) char *copy = memory_copy(octets, length);
	struct result found;
	struct error error;

	if (result_decode(span_from_bytes(copy, length), &found, &error) < 0)
		return;
	assert_true(memchr(found.text, '\0', sizeof found.text) != NULL);
	assert_false(span_has_control(span_from_string(found.text)));
	assert_false(span_has_control(span_from_string(found.error.text)));
	assert_false(span_has_control(span_from_string(found.error.next)));
	assert_false(span_has_control(span_from_string(found.error.code)));
	assert_false(span_has_control(span_from_string(found.error.means)));
	assert_true(found.outcome <= RESULT_IN_DOUBT);
	assert_true(found.code >= 0 && found.code <= 999 && found.step >= 0);
	assert_true(found.status[0] == '\0' || strchr("245", found.status[0]) != NULL);
}

static void mutations_never_crash(void **state)
{
	uint64_t chance = 3;

	(void)state;
	for (size_t i = 0; i < RESULT_COUNT; i++) {
		CLEANUP(buffer_finish) struct buffer message = { 0 };

		encode(&results[i], &message);
		CLEANUP(memory_free_string) char *octets = memory_allocate(message.length);
		for (size_t place = 0; place < message.length; place++)
			for (int octet = 0; octet < 256; octet++) {
				memcpy(octets, message.start, message.length);
				octets[place] = (char)octet;
				check(octets, message.length);
			}
		for (int j = 0; j < 20000; j++) {
			memcpy(octets, message.start, message.length);
			octets[next_chance(&chance) % message.length] = (char)next_chance(&chance);
			octets[next_chance(&chance) % message.length] = (char)next_chance(&chance);
			check(octets, message.length);
		}
	}
}

/* A number that is no enum error_kind would become an exit status. */
static void kinds_of_error_are_checked(void **state)
{
	(void)state;
	for (int kind = 0; kind < 256; kind++) {
		CLEANUP(buffer_finish) struct buffer message = { 0 };
		struct result result = { .kind = RESULT_LOST };
		struct result found;
		struct error error;

		result.error.kind = (enum error_kind)kind;
		encode(&result, &message);
		assert_int_equal(result_decode(buffer_span(&message), &found, &error),
		    kind == ERROR_NONE || (kind >= ERROR_USAGE && kind <= ERROR_CONFIG) ? 0 : -1);
	}
}

static void controls_are_masked_and_bad_status_refused(void **state)
{
	static const struct row {
		const char *status;
		int want;
	} rows[] = {
		{ "", 0 },
		{ "2.0.0", 0 },
		{ "5.7.999", 0 },
		{ "3.0.0", -1 },
		{ "5.1", -1 },
		{ "5.1.1 ", -1 },
		{ "5.1.1\n", -1 },
		{ "ok", -1 },
	};
	struct error error;

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		CLEANUP(buffer_finish) struct buffer message = { 0 };
		struct result result = { .kind = RESULT_RECIPIENT, .text = "a\r\nb\033[2J\177" };
		struct result found;

		memcpy(result.status, rows[i].status, strlen(rows[i].status) + 1);
		encode(&result, &message);
		assert_int_equal(
		    result_decode(buffer_span(&message), &found, &error), rows[i].want);
		if (rows[i].want == 0)
			assert_string_equal(found.text, "a??b?[2J?");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(results_come_back),
		cmocka_unit_test(the_longest_text_fits),
		cmocka_unit_test(a_session_comes_back),
		cmocka_unit_test(every_truncation_is_refused),
		cmocka_unit_test(mutations_never_crash),
		cmocka_unit_test(kinds_of_error_are_checked),
		cmocka_unit_test(controls_are_masked_and_bad_status_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
