/* SPDX-License-Identifier: MIT */

#include "message/quoted_printable.h"

enum { LINE_LENGTH = 76 };

static bool is_blank(char octet)
{
	return octet == ' ' || octet == '\t';
}

bool quoted_printable_must_encode(char octet)
{
	return octet == '=' || ((octet < ' ' || octet > '~') && octet != '\t');
}

static bool is_line_end(struct span rest)
{
	return rest.length == 0 || span_starts_with(rest, "\r\n");
}

static bool is_literal(struct span rest, size_t column)
{
	char octet = rest.start[0];

	if (is_blank(octet))
		return !is_line_end(span_after(rest, 1));
	if (octet == '-' && column == 0)
		return !span_starts_with(rest, "--");
	return !quoted_printable_must_encode(octet);
}

static void put_octet(struct quoted_printable *state, struct span rest, struct buffer *output)
{
	static const char digits[] = "0123456789ABCDEF";
	unsigned char octet = (unsigned char)rest.start[0];
	size_t width = is_literal(rest, state->column) ? 1 : 3;
	/* The last column belongs to the '=' that joins the next line. */
	size_t room = is_line_end(span_after(rest, 1)) ? LINE_LENGTH : LINE_LENGTH - 1;

	if (state->column + width > room) {
		buffer_append_string(output, "=\r\n");
		state->column = 0;
		width = is_literal(rest, 0) ? 1 : 3;
	}
	if (width == 1) {
		buffer_append_byte(output, rest.start[0]);
	} else {
		const char three[] = { '=', digits[octet >> 4], digits[octet & 15] };
		buffer_append(output, three, sizeof three);
	}
	state->column += width;
}

size_t quoted_printable_encode(
    struct quoted_printable *state, struct span octets, bool is_last, struct buffer *output)
{
	struct span rest = octets;

	while (rest.length >= QUOTED_PRINTABLE_LOOKAHEAD || (is_last && rest.length != 0)) {
		if (span_starts_with(rest, "\r\n")) {
			buffer_append_string(output, "\r\n");
			state->column = 0;
			rest = span_after(rest, 2);
			continue;
		}
		put_octet(state, rest, output);
		rest = span_after(rest, 1);
	}
	return octets.length - rest.length;
}
