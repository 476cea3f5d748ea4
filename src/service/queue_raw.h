/* SPDX-License-Identifier: MIT */

/*
 * queue_raw - octets of a message in a line that passes for text
 *
 * A reply of SMTP has no control characters, so what is not printable ASCII
 * stands as "=HH", and '=' itself too.
 */

#ifndef SERVICE_QUEUE_RAW_H
#define SERVICE_QUEUE_RAW_H

#include "base/buffer.h"
#include "base/span.h"

void queue_raw_encode(struct span octets, struct buffer *text);

/* False: it is not what the other writes; what came before is there. */
bool queue_raw_decode(struct span text, struct buffer *octets);

#endif
