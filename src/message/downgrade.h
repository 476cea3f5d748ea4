/* SPDX-License-Identifier: MIT */

/*
 * downgrade - a message for a server that cannot take it as it is
 *
 * Leaf parts with 8-bit octets (where the server has no 8BITMIME, RFC 6152,
 * section 3) or with lines of more than 998 octets (RFC 5321, 4.5.3.1.6, any
 * server) become quoted-printable or base64.  Decoded they are the same,
 * octet for octet; all other octets of the message stay.
 *
 * What stays as it is, 8-bit or not:
 *
 *	multipart/signed, message/...	with all that is in them
 *	parts in an encoding already	whatever octets they hold
 *	what is malformed		a multipart without boundary or without any
 *					delimiter, contradictory fields, nesting
 *					beyond MIME_DEPTH_LIMIT
 *	header fields			RFC 2047 is for who writes them
 *	preamble and epilogue		nobody reads them
 *
 * The body is gone through beforehand, for what there is and how long it gets,
 * and once more to give the octets; an octet is read at most twice each time.
 * Memory does not grow with the message; the largest thing held is one header.
 */

#ifndef MESSAGE_DOWNGRADE_H
#define MESSAGE_DOWNGRADE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/span.h"
#include "message/mime.h"
#include "message/quoted_printable.h"
#include "message/view.h"

enum { DOWNGRADE_LINE_LIMIT = 998 };

/* What the reading of the body is doing. */
enum downgrade_state {
	DOWNGRADE_SKIM,		    /* lines pass until a delimiter */
	DOWNGRADE_HEADER,	    /* at the header of a part */
	DOWNGRADE_COPY,		    /* octets pass up to an offset, then SKIM */
	DOWNGRADE_QUOTED_PRINTABLE, /* octets are encoded up to an offset, then SKIM */
	DOWNGRADE_BASE64,
};

struct downgrade {
	struct span original; /* header, borrowed */
	bool allows_8bit;
	struct buffer header; /* as it is to be sent, with its empty line */
	uint64_t body_length; /* likewise */

	struct view view;
	struct mime_nesting nesting;
	enum downgrade_state state;
	bool at_line_start;
	uint64_t until;
	struct quoted_printable quoted_printable;
	struct buffer output; /* not yet given out */

	bool is_relabelling; /* what says 8bit and is not says 7bit from now on */
	bool has_converted;
	bool has_left_8bit;
};

/*
 * Looks at all of a message: its header, in wire form with the empty line,
 * which stays where it is, and its body.  Returns 1 when it must be converted;
 * then header and body_length are what is to be sent, and downgrade_read gives
 * the body.  0: it goes as it is.  -1: it could not be read.
 */
int downgrade_start(struct downgrade *downgrade, struct span header, const struct view_source *body,
    bool allows_8bit, struct error *error);

/* The next octets of the converted body, at most size; 0 at the end; -1 with error. */
ssize_t downgrade_read(struct downgrade *downgrade, char *bytes, size_t size, struct error *error);

/* Safe on a zeroed or finished one. */
void downgrade_finish(struct downgrade *downgrade);

#endif
