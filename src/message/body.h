/* SPDX-License-Identifier: MIT */

/*
 * body - line ends and the lone dot, in a stream
 *
 * Turns what callers give into wire form: LF, CRLF and CR CR LF become CRLF,
 * a bare CR becomes a blank, the last line gets its end (DESIGN 6,
 * "Message").  Everything else passes octet for octet, NUL included.  On wire
 * form it changes nothing.  Used for whole messages, header and all.
 *
 * Does not know: dot-stuffing (smtp/transparency).
 */

#ifndef MESSAGE_BODY_H
#define MESSAGE_BODY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"
#include "base/span.h"

struct body {
	bool dot_ends; /* a line of one dot ends the message */
	bool is_ended; /* that line was seen */
	bool has_8bit;
	bool has_nul;
	size_t longest_line; /* octets without CRLF */
	size_t line_length;  /* of the line being read */
	size_t held_returns; /* CRs seen and not yet decided */
	bool holds_dot;	     /* a dot at the start of a line, not yet decided */
};

void body_init(struct body *body, bool dot_ends);

/*
 * Appends the wire form of input to output, whose limit must allow twice the
 * length of input and a few octets.  Returns how much of input it took: all,
 * unless the lone dot ended the message.
 */
size_t body_convert(struct body *body, struct span input, struct buffer *output);

/* The input ended: decides what is held, and ends the last line. */
void body_finish(struct body *body, struct buffer *output);

#endif
