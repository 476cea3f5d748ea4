/* SPDX-License-Identifier: MIT */

/* Encoded whole and in pieces, and decoded.  First octet: how it is cut. */

#include "message/quoted_printable.h"

#include "tests/fuzz/decode.h"
#include "tests/fuzz/fuzz.h"

/* Gives the octets in pieces; those that are not taken come again. */
static void encode_in_pieces(struct span octets, struct fuzz_pieces *pieces, struct buffer *output)
{
	struct quoted_printable state = { 0 };
	size_t given = 0;
	size_t taken = 0;

	while (given < octets.length) {
		given += fuzz_next_piece(pieces, octets.length - given);
		bool is_last = given == octets.length;
		char *copy = fuzz_copy(span_after(span_first(octets, given), taken));
		size_t count = quoted_printable_encode(
		    &state, span_from_bytes(copy, given - taken), is_last, output);

		free(copy);
		assert(count <= given - taken);
		taken += count;
		assert(is_last ? taken == given : given - taken < QUOTED_PRINTABLE_LOOKAHEAD);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(buffer_finish) struct buffer whole = { 0 };
	CLEANUP(buffer_finish) struct buffer pieced = { 0 };
	CLEANUP(buffer_finish) struct buffer decoded = { 0 };
	struct quoted_printable state = { 0 };
	struct span octets = fuzz_input(data, size);
	struct fuzz_pieces pieces = { fuzz_take(&octets) };
	struct span rest;
	struct span line;

	buffer_init(&whole, 5 * size + 64);
	buffer_init(&pieced, 5 * size + 64);
	buffer_init(&decoded, size + 64);
	assert(quoted_printable_encode(&state, octets, true, &whole) == octets.length);
	encode_in_pieces(octets, &pieces, &pieced);
	assert(span_equals(buffer_span(&whole), buffer_span(&pieced)));
	for (rest = buffer_span(&whole); span_take_line(&rest, &line);)
		assert(line.length <= 76 && !span_starts_with(line, "--"));
	decode_quoted_printable(buffer_span(&whole), &decoded);
	assert(span_equals(buffer_span(&decoded), octets));
	return 0;
}
