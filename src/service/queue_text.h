/* SPDX-License-Identifier: MIT */

/*
 * queue_text - octets of strangers as text for a terminal, or for JSON
 *
 * Addresses and replies may hold what a terminal or a parser would stumble
 * over: control characters (C1 too) and what is no UTF-8 become '?'.
 */

#ifndef SERVICE_QUEUE_TEXT_H
#define SERVICE_QUEUE_TEXT_H

#include "base/buffer.h"
#include "base/span.h"

void queue_text_append(struct buffer *buffer, struct span text);

/* The same as a string of JSON (RFC 8259), quotes included. */
void queue_text_append_json(struct buffer *buffer, struct span text);

#endif
