/* SPDX-License-Identifier: MIT */

/*
 * view - a long text, a piece of it in sight at a time
 *
 * Reads on from any offset, and back again: what has just been seen is not
 * read twice while it still stands in the view.
 *
 * Does not know: where the text lies.
 */

#ifndef MESSAGE_VIEW_H
#define MESSAGE_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/span.h"

enum {
	VIEW_SIZE = 16384,
	/* A line up to here is always seen whole. */
	VIEW_LINE = 4096,
};

struct view_source {
	/* Reads exactly size octets, which lie inside the length; 0, or -1 with error. */
	int (*read)(void *context, uint64_t offset, char *bytes, size_t size, struct error *error);
	void *context;
	uint64_t length;
};

struct view {
	struct view_source source;
	uint64_t base; /* offset of the first octet that stands in bytes */
	size_t length; /* of what stands there */
	size_t taken;  /* of it */
	char bytes[VIEW_SIZE];
};

void view_init(struct view *view, const struct view_source *source);

/* The offset of the next octet; how many are left from there. */
uint64_t view_offset(const struct view *view);
uint64_t view_left(const struct view *view);

/*
 * What can be seen from the next octet on: at least wanted octets (at most
 * VIEW_LINE may be wanted), or all that is left.  Takes none.
 */
int view_look(struct view *view, size_t wanted, struct span *seen, struct error *error);

/*
 * The rest of the line at the next octet, with its CRLF, or as much of a long
 * one as can be seen (never ending between CR and LF).  *is_whole: nothing of
 * the line is missing at its end.  Empty at the end of the text.  Takes none.
 */
int view_line(struct view *view, struct span *line, bool *is_whole, struct error *error);

/* Takes octets that were seen; goes to an offset. */
void view_take(struct view *view, size_t count);
void view_seek(struct view *view, uint64_t offset);

#endif
