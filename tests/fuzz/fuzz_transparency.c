/* SPDX-License-Identifier: MIT */

/*
 * Dots, stuffed and undone at every cut.  First octet: how the pieces are cut.
 *
 * The end of a content is where CRLF . CRLF first stands, and nowhere else.
 */

#include "smtp/transparency.h"

#include "tests/fuzz/fuzz.h"

enum { EVERY_CUT_LIMIT = 400 };

static void stuff(struct span content, struct fuzz_pieces pieces, struct buffer *output)
{
	struct transparency transparency;

	transparency_init(&transparency);
	while (content.length != 0) {
		size_t piece = fuzz_next_piece(&pieces, content.length);

		transparency_stuff(&transparency, span_first(content, piece), output);
		content = span_after(content, piece);
	}
	transparency_end(&transparency, output);
}

/* Undoes input in two pieces; the octets taken, *is_ended as the last call said. */
static size_t undo(struct span input, size_t cut, struct buffer *output, bool *is_ended)
{
	struct transparency transparency;
	size_t taken;

	transparency_init(&transparency);
	taken = transparency_unstuff(&transparency, span_first(input, cut), output, is_ended);
	assert(*is_ended || taken == cut);
	if (*is_ended)
		return taken;
	return taken +
	       transparency_unstuff(&transparency, span_after(input, cut), output, is_ended);
}

/* Octets up to the end of the first CRLF . CRLF, the start being one of a line; 0 without. */
static size_t find_end(struct span input)
{
	if (span_starts_with(input, ".\r\n"))
		return 3;
	for (size_t i = 0; i + 5 <= input.length; i++)
		if (memcmp(input.start + i, "\r\n.\r\n", 5) == 0)
			return i + 5;
	return 0;
}

static void check_undone(struct span input)
{
	CLEANUP(buffer_finish) struct buffer whole = { 0 };
	CLEANUP(buffer_finish) struct buffer cut = { 0 };
	size_t end = find_end(input);
	bool is_ended;

	buffer_init(&whole, input.length + 1);
	buffer_init(&cut, input.length + 1);
	size_t taken = undo(input, input.length, &whole, &is_ended);
	assert(is_ended == (end != 0) && taken == (end != 0 ? end : input.length));
	for (size_t i = 0; i < input.length && input.length <= EVERY_CUT_LIMIT; i++) {
		buffer_clear(&cut);
		assert(undo(input, i, &cut, &is_ended) == taken && is_ended == (end != 0));
		assert(span_equals(buffer_span(&cut), buffer_span(&whole)));
	}
}

static void check_round_trip(struct span content, struct fuzz_pieces pieces)
{
	CLEANUP(buffer_finish) struct buffer stuffed = { 0 };
	CLEANUP(buffer_finish) struct buffer at_once = { 0 };
	CLEANUP(buffer_finish) struct buffer undone = { 0 };
	bool ends_line = content.length == 0 || span_ends_with_ignoring_case(content, "\r\n");
	bool is_ended;

	buffer_init(&stuffed, 2 * content.length + 32);
	buffer_init(&at_once, 2 * content.length + 32);
	buffer_init(&undone, content.length + 32);
	stuff(content, pieces, &stuffed);
	struct transparency transparency;
	transparency_init(&transparency);
	transparency_stuff(&transparency, content, &at_once);
	transparency_end(&transparency, &at_once);
	assert(span_equals(buffer_span(&stuffed), buffer_span(&at_once)));

	size_t length = stuffed.length;
	buffer_append_string(&stuffed, ".\r\nQUIT\r\n");
	for (size_t i = 0; i <= length && length <= EVERY_CUT_LIMIT; i++) {
		buffer_clear(&undone);
		assert(undo(buffer_span(&stuffed), i, &undone, &is_ended) == length && is_ended);
		assert(undone.length == content.length + (ends_line ? 0 : 2));
		assert(span_equals(span_first(buffer_span(&undone), content.length), content));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span input = fuzz_input(data, size);
	struct fuzz_pieces pieces = { fuzz_take(&input) };

	check_undone(input);
	check_round_trip(input, pieces);
	return 0;
}
