/* SPDX-License-Identifier: MIT */

/*
 * field - one header field as it stands in the message
 *
 * Does not know: the other fields.
 */

#ifndef MESSAGE_FIELD_H
#define MESSAGE_FIELD_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/span.h"

struct field {
	struct span name;  /* without the blanks that some put before the colon */
	struct span value; /* after the colon, folds and all, without the last line end */
	struct span whole; /* name to last line end */
};

/*
 * Reads the field at the start of text, which is in wire form (CRLF), with
 * its continuation lines.  Returns its length, 0 when text may end in the
 * middle of it (give is_complete when nothing will follow: then the end of
 * text ends the field), -1 when this line is no field (RFC 5322, 2.2: printable
 * ASCII without colon and blank, blanks, colon; "//" behind the colon makes it a URL).
 */
ssize_t field_parse(struct span text, bool is_complete, struct field *field);

bool field_is(const struct field *field, const char *name);

/* The value on one line, folds replaced by one blank, trimmed.  The caller frees it. */
char *field_unfold(struct span value);

#endif
