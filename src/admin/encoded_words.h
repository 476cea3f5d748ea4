/* SPDX-License-Identifier: MIT */

/*
 * encoded_words - a field's value as people write it (RFC 2047), for display
 *
 * Words in UTF-8, US-ASCII and ISO-8859-1 are decoded; what is in another
 * charset, or is malformed, stays as it is.
 */

#ifndef ADMIN_ENCODED_WORDS_H
#define ADMIN_ENCODED_WORDS_H

#include "base/buffer.h"
#include "base/span.h"

/* Appends the value; what comes may hold any octets. */
void encoded_words_decode(struct span value, struct buffer *output);

#endif
