/* SPDX-License-Identifier: MIT */

/*
 * transparency - dot-stuffing of DATA, both ways (RFC 5321, 4.5.2)
 *
 * Streams in wire form.  Only CRLF.CRLF ends the content; a bare LF or CR
 * never counts as a line end here, so nothing can be smuggled.
 */

#ifndef SMTP_TRANSPARENCY_H
#define SMTP_TRANSPARENCY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"
#include "base/span.h"

struct transparency {
	int state; /* how much of CRLF . CRLF stands at the end of what was seen */
};

/* At the start of a content, which counts as the start of a line. */
void transparency_init(struct transparency *transparency);

/* The client's end: appends content, a dot doubled at the start of each line. */
void transparency_stuff(
    struct transparency *transparency, struct span content, struct buffer *output);

/* Appends what ends the content: CRLF when the last line lacks it, then ". CRLF". */
void transparency_end(struct transparency *transparency, struct buffer *output);

/*
 * The server's end: appends the content without the doubled dots.  Returns
 * the bytes taken; *is_ended tells that the final dot was among them (the
 * CRLF before it belongs to the content), and what follows is the next command.
 */
size_t transparency_unstuff(
    struct transparency *transparency, struct span input, struct buffer *output, bool *is_ended);

#endif
