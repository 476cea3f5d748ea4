/* SPDX-License-Identifier: MIT */

/*
 * json - the members of a JSON object, one after the other (RFC 8259)
 *
 * The buffer holds what stands between the braces; a comma is put before
 * every member but the first.  What comes out is valid UTF-8 on one line,
 * whatever octets come in: what may not be shown becomes '?'.
 *
 * Names are ours and need no escape.
 */

#ifndef BASE_JSON_H
#define BASE_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/span.h"

/* A string with its quotes, member or not. */
void json_append_string(struct buffer *buffer, struct span text);

void json_string(struct buffer *members, const char *name, struct span value);
void json_number(struct buffer *members, const char *name, int64_t value);
void json_bool(struct buffer *members, const char *name, bool value);

/* Milliseconds as seconds: 0.125. */
void json_seconds(struct buffer *members, const char *name, int64_t milliseconds);

#endif
