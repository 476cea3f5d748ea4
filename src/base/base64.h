/* SPDX-License-Identifier: MIT */

/*
 * base64 - RFC 4648, section 4
 */

#ifndef BASE_BASE64_H
#define BASE_BASE64_H

#include "base/buffer.h"
#include "base/span.h"

/* Appends the encoding of bytes, without line breaks. */
void base64_encode(struct span bytes, struct buffer *text);

/*
 * Appends what text stands for.  Returns 0, or -1 when text is not base64 in
 * full groups of four with right padding; bytes may then hold a part.
 */
int base64_decode(struct span text, struct buffer *bytes);

#endif
