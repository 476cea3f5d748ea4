/* SPDX-License-Identifier: MIT */

/*
 * mime - what a header says about its body, and where parts begin and end
 *
 * RFC 2045 and 2046.  Whatever is malformed becomes something that is left as
 * it is: nobody here repairs.
 *
 * Does not know: what becomes of a part.
 */

#ifndef MESSAGE_MIME_H
#define MESSAGE_MIME_H

#include <stdbool.h>
#include <stddef.h>

#include "base/span.h"
#include "message/header.h"

enum {
	MIME_DEPTH_LIMIT = 100,	    /* multiparts in multiparts */
	MIME_BOUNDARY_LIMIT = 1000, /* octets; RFC 2046 has 70 */
};

enum mime_kind {
	MIME_TEXT,	/* text, or without any usable type */
	MIME_OTHER,	/* some other leaf */
	MIME_MULTIPART, /* with a boundary */
	/*
	 * multipart/signed (RFC 1847, section 2.1: not one octet may change) and
	 * message (RFC 2046, section 5.2.1: no encoding but 7bit, 8bit, binary),
	 * with all that is in them; a multipart without a usable boundary; a type
	 * that is said twice and differently.
	 */
	MIME_KEPT,
};

enum mime_encoding {
	MIME_IDENTITY, /* 7bit, none said, or a word that is none */
	MIME_8BIT,     /* 8bit or binary, identity too */
	MIME_ENCODED,  /* quoted-printable, base64, a private one, or contradictory */
};

struct mime_part {
	enum mime_kind kind;
	enum mime_encoding encoding;
	bool has_type;	/* a Content-Type field is there */
	bool is_digest; /* multipart/digest: its parts are messages by default */
	char *boundary; /* owned; NULL unless MIME_MULTIPART */
};

/* in_digest: the part stands directly in a multipart/digest. */
void mime_read_part(const struct header *header, bool in_digest, struct mime_part *part);
void mime_finish_part(struct mime_part *part);

/* The multiparts that are open at one place of a message.  Zeroed: none. */
struct mime_nesting {
	struct mime_level {
		char *boundary; /* owned */
		bool is_digest;
	} levels[MIME_DEPTH_LIMIT];
	size_t count;
};

bool mime_is_full(const struct mime_nesting *nesting);
bool mime_in_digest(const struct mime_nesting *nesting);

/* Takes the boundary over from part, a multipart.  The nesting must not be full. */
void mime_enter(struct mime_nesting *nesting, struct mime_part *part);
void mime_finish(struct mime_nesting *nesting);

struct mime_delimiter {
	size_t level;
	bool is_close; /* the last one of its multipart */
};

/*
 * Whether the whole line, with or without its CRLF, is a delimiter of an open
 * multipart.  Where two have the same boundary, the outer one is meant.
 */
bool mime_find_delimiter(
    const struct mime_nesting *nesting, struct span line, struct mime_delimiter *delimiter);

/* Leaves the multiparts that the delimiter ends. */
void mime_pass_delimiter(struct mime_nesting *nesting, const struct mime_delimiter *delimiter);

#endif
