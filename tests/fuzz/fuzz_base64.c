/* SPDX-License-Identifier: MIT */

/* Decoded, encoded and decoded again; and encoded and decoded. */

#include "base/base64.h"

#include "tests/fuzz/fuzz.h"

static void check_round_trip(struct span bytes)
{
	CLEANUP(buffer_finish) struct buffer text = { 0 };
	CLEANUP(buffer_finish) struct buffer again = { 0 };

	buffer_init(&text, 2 * bytes.length + 8);
	buffer_init(&again, bytes.length + 1);
	base64_encode(bytes, &text);
	assert(text.length == (bytes.length + 2) / 3 * 4);
	assert(base64_decode(buffer_span(&text), &again) == 0);
	assert(span_equals(buffer_span(&again), bytes));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(buffer_finish) struct buffer bytes = { 0 };
	struct span input = fuzz_input(data, size);

	buffer_init(&bytes, size + 1);
	if (base64_decode(input, &bytes) == 0) {
		assert(bytes.length <= size / 4 * 3 && !bytes.has_overflowed);
		check_round_trip(buffer_span(&bytes));
	}
	check_round_trip(input);
	return 0;
}
