/* SPDX-License-Identifier: MIT */

/*
 * quoted_printable - RFC 2045, section 6.7, in a stream
 *
 * CRLF stays a line end; a bare CR or LF is encoded.  No line of the result
 * begins with "--", so that none can be taken for the delimiter of a multipart.
 */

#ifndef MESSAGE_QUOTED_PRINTABLE_H
#define MESSAGE_QUOTED_PRINTABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"
#include "base/span.h"

enum { QUOTED_PRINTABLE_LOOKAHEAD = 3 };

/* Zeroed: at the start of a line. */
struct quoted_printable {
	size_t column;
};

/*
 * Appends the encoding of octets and returns how many it took: all when
 * is_last, else all but the last QUOTED_PRINTABLE_LOOKAHEAD - 1, to be given
 * again with what follows them.
 */
size_t quoted_printable_encode(
    struct quoted_printable *state, struct span octets, bool is_last, struct buffer *output);

/* Whether this octet, in the middle of a line, is three in the encoding. */
bool quoted_printable_must_encode(char octet);

#endif
