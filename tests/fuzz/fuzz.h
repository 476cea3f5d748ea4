/* SPDX-License-Identifier: MIT */

/*
 * fuzz - what the fuzz targets share
 *
 * A target is one file, fuzz_NAME.c, with LLVMFuzzerTestOneInput: it must
 * return 0 whatever the octets are; what must hold is asserted.  Built by
 * clang with libFuzzer (preset "fuzz") it looks for octets of its own; built
 * otherwise it replays corpus/NAME (replay.c) as a test.
 *
 * The first octets of an input steer (how it is cut, which settings), the rest
 * is what the parser gets; each target says so at its top.
 */

#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#undef NDEBUG
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/memory.h"
#include "base/span.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static inline struct span fuzz_input(const uint8_t *data, size_t size)
{
	return span_from_bytes((const char *)data, size);
}

/* Takes one octet off input; 0 at its end. */
static inline unsigned fuzz_take(struct span *input)
{
	unsigned char octet = input->length != 0 ? (unsigned char)input->start[0] : 0;

	*input = span_after(*input, 1);
	return octet;
}

/* Takes all up to the next NUL, or all; what one writes by hand holds line ends, but no NUL. */
static inline struct span fuzz_part(struct span *input)
{
	struct span part = { .start = "" };

	span_take_until(input, '\0', &part);
	return part;
}

/* A copy of exactly these octets: one past them is somebody else's memory.  free() it. */
static inline char *fuzz_copy(struct span span)
{
	char *copy = malloc(span.length);

	if (copy == NULL && span.length != 0)
		abort();
	if (span.length != 0)
		memcpy(copy, span.start, span.length);
	return copy;
}

/* How octets arrive: the seed 0 gives them one by one, any other in pieces of chance. */
struct fuzz_pieces {
	uint32_t state;
};

static inline size_t fuzz_next_piece(struct fuzz_pieces *pieces, size_t left)
{
	size_t limit = left < 64 ? left : 64;

	if (pieces->state == 0 || left == 0)
		return left != 0 ? 1 : 0;
	/* xorshift32 */
	pieces->state ^= pieces->state << 13;
	pieces->state ^= pieces->state >> 17;
	pieces->state ^= pieces->state << 5;
	return 1 + pieces->state % limit;
}

/* An error that was set says of what kind it is, and says it on one line. */
static inline void fuzz_check_error(const struct error *error)
{
	assert(error->kind != ERROR_NONE && error->text[0] != '\0');
	assert(!span_has_control(span_from_string(error->text)));
	assert(!span_has_control(span_from_string(error->next)));
	assert(strlen(error->text) < sizeof error->text);
	assert(strlen(error->status) < sizeof error->status);
}

static inline bool fuzz_is_same_string(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

#endif
