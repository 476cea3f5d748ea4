/* SPDX-License-Identifier: MIT */

/*
 * utf8 - characters that may be shown (RFC 3629), one at a time
 */

#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/span.h"

/*
 * The length of the character that text, which is not empty, begins with, and
 * its code; 0: it is none, or one that steers what shows it: a control
 * character, a line end, or a mark of the direction of writing.
 */
size_t utf8_decode(struct span text, uint32_t *code);

/*
 * Makes text fit for a terminal and a log: "?" for each octet that begins no
 * such character and is not among the allowed ones.
 */
void utf8_mask(char *text, const char *allowed);

/* Appends text, and "?" for each octet that begins no such character. */
void utf8_append_shown(struct buffer *buffer, struct span text);

#endif
