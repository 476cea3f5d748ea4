/* SPDX-License-Identifier: MIT */

/*
 * source - a predecessor's file, line by line
 *
 * Forgiving where the outer form is concerned: a byte order mark and CRs at
 * line ends are dropped, a NUL ends its line.  Files are looked for under a
 * root, so that another system's can be read.
 *
 * Does not know: what stands in a line.
 */

#ifndef IMPORT_SOURCE_H
#define IMPORT_SOURCE_H

#include <stdbool.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/span.h"
#include "import/plan.h"

struct source {
	char *path;	    /* as it is named in notes: without the root */
	struct buffer text; /* wiped at the end: it may hold passwords */
	struct span rest;
	int line; /* of what source_next gave last */
};

/* What is being read, for whom. */
struct source_room {
	const char *root; /* put before every path; "": this system */
	struct plan *plan;
};

bool source_exists(const struct source_room *room, const char *path);

/* 0, 1 when there is no such file, -1 when it cannot be read.  The plan notes that it was. */
int source_open(
    const struct source_room *room, const char *path, struct source *source, struct error *error);

/* From text that is at hand already. */
void source_open_text(struct source *source, const char *path, struct span text);

/* The next line, whole; false at the end. */
bool source_next(struct source *source, struct span *line);

/* The first line that says something, trimmed; NULL without one.  The caller frees it. */
char *source_first_line(const struct source_room *room, const char *path);

/* Safe on a zeroed one. */
void source_finish(struct source *source);

#endif
