/* SPDX-License-Identifier: MIT */

#include "smtp/transparency.h"

#include <string.h>

/* What the last octets were; together they spell CRLF . CRLF. */
enum { LINE_START, WITHIN_LINE, RETURN, DOT, DOT_RETURN };

void transparency_init(struct transparency *transparency)
{
	transparency->state = LINE_START;
}

/* Where a piece that is passed on as it is leaves us. */
static int state_after(int state, struct span piece)
{
	char last = piece.start[piece.length - 1];
	bool follows_return = piece.length > 1 ? piece.start[piece.length - 2] == '\r'
					       : state == RETURN;

	if (last == '\n' && follows_return)
		return LINE_START;
	return last == '\r' ? RETURN : WITHIN_LINE;
}

/* All up to the next dot behind an LF, or all: dots are fewer than lines. */
static struct span take_piece(struct span *rest)
{
	struct span piece = *rest;
	size_t from = 1; /* the first octet has been looked at */

	while (from < rest->length) {
		ssize_t dot = span_find_byte(span_after(*rest, from), '.');

		if (dot < 0)
			break;
		from += (size_t)dot;
		if (rest->start[from - 1] == '\n') {
			piece = span_first(*rest, from);
			break;
		}
		from++;
	}
	*rest = span_after(*rest, piece.length);
	return piece;
}

void transparency_stuff(
    struct transparency *transparency, struct span content, struct buffer *output)
{
	while (content.length != 0) {
		if (transparency->state == LINE_START && content.start[0] == '.')
			buffer_append_byte(output, '.');
		struct span piece = take_piece(&content);
		transparency->state = state_after(transparency->state, piece);
		buffer_append_span(output, piece);
	}
}

void transparency_end(struct transparency *transparency, struct buffer *output)
{
	if (transparency->state != LINE_START)
		buffer_append_string(output, "\r\n");
	buffer_append_string(output, ".\r\n");
	transparency->state = LINE_START;
}

/* The octet after a dot that began a line: the dot was stuffed, or it begins the end. */
static size_t after_dot(struct transparency *transparency, char byte)
{
	if (byte == '\r') {
		transparency->state = DOT_RETURN;
		return 1;
	}
	/* The dot goes, and what is left is passed on like any other; a second dot as well. */
	transparency->state = WITHIN_LINE;
	return 0;
}

/* Takes what may be the final dot, octet by octet; 0 when the next octet is plain content. */
static size_t take_mark(
    struct transparency *transparency, char byte, struct buffer *output, bool *is_ended)
{
	switch (transparency->state) {
	case LINE_START:
		if (byte != '.')
			return 0;
		transparency->state = DOT;
		return 1;
	case DOT:
		return after_dot(transparency, byte);
	case DOT_RETURN:
		if (byte == '\n') {
			transparency->state = LINE_START;
			*is_ended = true;
			return 1;
		}
		/* It was a stuffed line that begins with a bare CR. */
		buffer_append_byte(output, '\r');
		transparency->state = RETURN;
		return 0;
	default:
		return 0;
	}
}

size_t transparency_unstuff(
    struct transparency *transparency, struct span input, struct buffer *output, bool *is_ended)
{
	struct span rest = input;

	*is_ended = false;
	while (rest.length != 0 && !*is_ended) {
		size_t taken = take_mark(transparency, rest.start[0], output, is_ended);

		if (taken != 0) {
			rest = span_after(rest, taken);
			continue;
		}
		struct span piece = take_piece(&rest);
		transparency->state = state_after(transparency->state, piece);
		buffer_append_span(output, piece);
	}
	return input.length - rest.length;
}
