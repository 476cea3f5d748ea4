/* SPDX-License-Identifier: MIT */

/*
 * fold - a field whose lines are too long, broken at its own white space
 *
 * RFC 5322, 2.2.3: a line end before a blank means nothing, so the field
 * unfolded is the same, octet for octet.  What holds no blank stays whole.
 *
 * Does not know: what a field means, but for the commas of an address list.
 */

#ifndef MESSAGE_FOLD_H
#define MESSAGE_FOLD_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"
#include "message/field.h"

enum { FOLD_LINE_LIMIT = 998 }; /* octets without CRLF (RFC 5322, 2.1.1) */

bool fold_is_needed(const struct field *field);

/* Appends all of the field; room for one and a half times its length is enough. */
void fold_field(const struct field *field, struct buffer *output);

/*
 * Appends the value of an address field with a blank behind each comma that
 * stands outside of quotes and comments, so that it can be folded there; it
 * means the same (RFC 5322, 3.4).  Room for twice its length is enough.
 */
void fold_part_addresses(struct span value, struct buffer *output);

#endif
