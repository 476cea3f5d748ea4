/* SPDX-License-Identifier: MIT */

/*
 * xtext - RFC 3461, section 4
 */

#ifndef SMTP_XTEXT_H
#define SMTP_XTEXT_H

#include "base/buffer.h"
#include "base/span.h"

/* Appends text encoded: printable ASCII but '+' and '=' as it is, the rest as "+HH". */
void xtext_encode(struct span text, struct buffer *output);

/* Appends the decoded octets.  -1 when it is not xtext, or stands for a control (NUL, CR, LF...).
 */
int xtext_decode(struct span text, struct buffer *output);

#endif
