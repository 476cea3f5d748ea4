/* SPDX-License-Identifier: MIT */

/*
 * window - a long text seen through a window of fixed size
 *
 * Reads on from any offset, and back again: what has just been seen is not
 * read twice while it still stands in the window.
 *
 * Does not know: where the text lies.
 */

#ifndef MESSAGE_WINDOW_H
#define MESSAGE_WINDOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/span.h"

enum {
	WINDOW_SIZE = 16384,
	/* A line up to here is always seen whole. */
	WINDOW_LINE = 4096,
};

struct window_source {
	/* Reads exactly size octets, which lie inside the length; 0, or -1 with error. */
	int (*read)(void *context, uint64_t offset, char *bytes, size_t size, struct error *error);
	void *context;
	uint64_t length;
};

struct window {
	struct window_source source;
	uint64_t base; /* offset of the first octet that stands in bytes */
	size_t length; /* of what stands there */
	size_t taken;  /* of it */
	char bytes[WINDOW_SIZE];
};

void window_init(struct window *window, const struct window_source *source);

/* The offset of the next octet; how many are left from there. */
uint64_t window_offset(const struct window *window);
uint64_t window_left(const struct window *window);

/*
 * What can be seen from the next octet on: at least wanted octets (at most
 * WINDOW_LINE may be wanted), or all that is left.  Takes none.
 */
int window_look(struct window *window, size_t wanted, struct span *seen, struct error *error);

/*
 * The rest of the line at the next octet, with its CRLF, or as much of a long
 * one as can be seen (never ending between CR and LF).  *is_whole: nothing of
 * the line is missing at its end.  Empty at the end of the text.  Takes none.
 */
int window_line(struct window *window, struct span *line, bool *is_whole, struct error *error);

/* Takes octets that were seen; goes to an offset. */
void window_take(struct window *window, size_t count);
void window_seek(struct window *window, uint64_t offset);

#endif
