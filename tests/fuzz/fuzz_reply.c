/* SPDX-License-Identifier: MIT */

/*
 * Replies of a server, one after the other, in pieces.  First octet: how they are cut.
 *
 * A prefix that is judged is judged alike when more is there; what is taken is
 * fit to be shown; what the server's end writes, the client's end reads.
 */

#include "smtp/reply.h"

#include "tests/fuzz/fuzz.h"

static bool is_same(const struct reply *a, const struct reply *b)
{
	return a->code == b->code && strcmp(a->status, b->status) == 0 &&
	       strcmp(a->text, b->text) == 0;
}

/* What comes out when input arrives in pieces: judged after each. */
static ssize_t parse_in_pieces(
    struct span input, struct fuzz_pieces *pieces, struct reply *reply, struct error *error)
{
	size_t given = 0;

	while (given < input.length) {
		given += fuzz_next_piece(pieces, input.length - given);
		char *copy = fuzz_copy(span_first(input, given));
		ssize_t taken = reply_parse(span_from_bytes(copy, given), reply, error);
		free(copy);
		if (taken != 0)
			return taken;
	}
	return 0;
}

static void check_text(const struct reply *reply)
{
	assert(reply->code >= 200 && reply->code <= 599);
	assert(reply->status[0] == '\0' || reply->status[0] == '0' + reply_class(reply));
	if (reply_class(reply) != 3)
		assert(reply_status(reply)[0] == '0' + reply_class(reply));
	for (const char *p = reply->text; *p != '\0'; p++)
		assert(*p == '\n' || *p == '\t' || ((unsigned char)*p >= 0x20 && *p != 0x7f));
	for (size_t size = 4; size < 40; size += 5) {
		char line[40];

		reply_line(reply, line, size);
		assert(strlen(line) < size);
		assert(!span_has_control(span_from_string(line)));
	}
}

static void check_round_trip(const struct reply *reply)
{
	CLEANUP(buffer_finish) struct buffer output = { 0 };
	struct reply again;
	struct error error;

	buffer_init(&output, 1 << 20);
	reply_write(&output, reply->code, reply->status, reply->text);
	assert(reply_parse(buffer_span(&output), &again, &error) == (ssize_t)output.length);
	assert(again.code == reply->code);
	if (reply->status[0] != '\0')
		assert(strcmp(again.status, reply->status) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span input = fuzz_input(data, size);
	struct fuzz_pieces pieces = { fuzz_take(&input) };

	while (input.length != 0) {
		struct reply whole = { .code = -1 };
		struct reply reply = { .code = -1 };
		struct error error = { 0 };
		ssize_t taken = reply_parse(input, &whole, &error);

		assert(parse_in_pieces(input, &pieces, &reply, &error) == taken);
		if (taken < 0)
			fuzz_check_error(&error);
		if (taken <= 0) {
			assert(whole.code == -1 && reply.code == -1);
			return 0;
		}
		assert((size_t)taken <= input.length && is_same(&whole, &reply));
		check_text(&whole);
		check_round_trip(&whole);
		input = span_after(input, (size_t)taken);
	}
	return 0;
}
