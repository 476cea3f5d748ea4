/* SPDX-License-Identifier: MIT */

/* Decoded, encoded and decoded again; and encoded and decoded. */

#include "smtp/xtext.h"

#include "tests/fuzz/fuzz.h"

static void check_round_trip(struct span text)
{
	CLEANUP(buffer_finish) struct buffer encoded = { 0 };
	CLEANUP(buffer_finish) struct buffer decoded = { 0 };

	buffer_init(&encoded, 3 * text.length + 1);
	buffer_init(&decoded, text.length + 1);
	xtext_encode(text, &encoded);
	assert(!encoded.has_overflowed);
	for (size_t i = 0; i < encoded.length; i++)
		assert(
		    encoded.start[i] > ' ' && encoded.start[i] < 0x7f && encoded.start[i] != '=');
	int outcome = xtext_decode(buffer_span(&encoded), &decoded);
	assert(outcome == (span_has_control(text) ? -1 : 0));
	assert(outcome < 0 || span_equals(buffer_span(&decoded), text));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(buffer_finish) struct buffer decoded = { 0 };
	struct span input = fuzz_input(data, size);

	buffer_init(&decoded, size + 4);
	buffer_append_string(&decoded, "as");
	if (xtext_decode(input, &decoded) == 0) {
		assert(!span_has_control(buffer_span(&decoded)));
		check_round_trip(span_after(buffer_span(&decoded), 2));
	} else {
		assert(decoded.length == 2);
	}
	check_round_trip(input);
	return 0;
}
