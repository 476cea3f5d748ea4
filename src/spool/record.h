/* SPDX-License-Identifier: MIT */

/*
 * record - one named value in a queue file
 *
 *	record	= name [SP mark] SP length ":" octets LF
 *	name	= 1*32 of a-z and "-"
 *	mark	= one printable character that is no digit, overwritten in place
 *	length	= decimal without leading zeros: the number of octets
 *
 * The octets are counted, so none of them, LF included, can end the record
 * or begin another (Exim's CVE-2020-28021 was a line end in a parameter).
 *
 * Does not know: which records there are.
 */

#ifndef SPOOL_RECORD_H
#define SPOOL_RECORD_H

#include <sys/types.h>

#include "base/buffer.h"
#include "base/span.h"

enum { RECORD_NAME_LIMIT = 32 };

struct record {
	struct span name;
	char mark;	    /* '\0' without one */
	size_t mark_offset; /* from the start of the record */
	struct span value;
};

/* Appends a record; mark '\0' writes none. */
void record_append(struct buffer *buffer, const char *name, char mark, struct span value);

/*
 * Reads the record at the start of text.  Returns the bytes taken, 0 when
 * text ends before it does, -1 when it is none.  Fills record in whole, and
 * only when the answer is above 0; its spans point into text.
 */
ssize_t record_parse(struct span text, struct record *record);

#endif
