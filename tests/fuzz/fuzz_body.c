/* SPDX-License-Identifier: MIT */

/*
 * Line ends, whole and in pieces.  First octet: how it is cut; second odd: a
 * lone dot ends the message.
 */

#include "message/body.h"

#include "tests/fuzz/fuzz.h"

/* Converts input in pieces (NULL: whole); how much of it was taken. */
static size_t convert(
    struct body *body, struct span input, struct fuzz_pieces *pieces, struct buffer *output)
{
	size_t taken = 0;

	while (input.length != 0 && !body->is_ended) {
		size_t size = pieces != NULL ? fuzz_next_piece(pieces, input.length) : input.length;
		char *copy = fuzz_copy(span_first(input, size));
		size_t part = body_convert(body, span_from_bytes(copy, size), output);

		free(copy);
		assert(part == size || body->is_ended);
		taken += part;
		input = span_after(input, size);
	}
	body_finish(body, output);
	return taken;
}

/* Only CRLF, and one at the end. */
static void check_wire_form(const struct body *body, struct span output)
{
	size_t longest = 0;
	size_t start = 0;

	for (size_t i = 0; i < output.length; i++) {
		assert(output.start[i] != '\r' ||
		       (i + 1 < output.length && output.start[i + 1] == '\n'));
		assert(output.start[i] != '\n' || (i > 0 && output.start[i - 1] == '\r'));
		if (output.start[i] != '\n')
			continue;
		if (i - 1 - start > longest)
			longest = i - 1 - start;
		start = i + 1;
	}
	assert(start == output.length && body->longest_line == longest);
	assert(body->has_8bit == span_has_8bit(output));
	assert(body->has_nul == (span_find_byte(output, '\0') >= 0));
}

static void check_idempotent(struct span output)
{
	CLEANUP(buffer_finish) struct buffer again = { 0 };
	struct body body;

	buffer_init(&again, 2 * output.length + 64);
	body_init(&body, false);
	assert(convert(&body, output, NULL, &again) == output.length);
	assert(span_equals(buffer_span(&again), output));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(buffer_finish) struct buffer whole = { 0 };
	CLEANUP(buffer_finish) struct buffer pieced = { 0 };
	struct span input = fuzz_input(data, size);
	struct fuzz_pieces pieces = { fuzz_take(&input) };
	bool dot_ends = fuzz_take(&input) % 2 != 0;
	struct body first;
	struct body second;

	buffer_init(&whole, 3 * size + 64);
	buffer_init(&pieced, 3 * size + 64);
	body_init(&first, dot_ends);
	body_init(&second, dot_ends);
	size_t taken = convert(&first, input, NULL, &whole);
	assert(convert(&second, input, &pieces, &pieced) == taken);
	assert(span_equals(buffer_span(&whole), buffer_span(&pieced)));
	assert(first.is_ended == second.is_ended && (dot_ends || !first.is_ended));
	assert(first.is_ended || taken == input.length);
	check_wire_form(&first, buffer_span(&whole));
	check_wire_form(&second, buffer_span(&pieced));
	check_idempotent(buffer_span(&whole));
	return 0;
}
