/* SPDX-License-Identifier: MIT */

/*
 * header - the fields of a message, in order, octet for octet
 *
 * What nobody changes goes out as it came in, order and folding included, so
 * that signatures survive.  The header is in wire form (CRLF).
 *
 * Its end (compat.md, "header, body border"): the first empty line, which is
 * no part of either side, or the first line that is no field, which begins
 * the body.
 *
 * Does not know: what a field means.
 */

#ifndef MESSAGE_HEADER_H
#define MESSAGE_HEADER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"
#include "base/span.h"
#include "message/field.h"

enum { HEADER_LIMIT = 1 << 20 };

struct header_entry {
	char *text; /* the whole field with its CRLF, owned */
	size_t length;
};

struct header {
	struct header_entry *entries;
	size_t count;
	size_t capacity;
	struct buffer pending; /* bytes fed that are not yet a whole field */
	size_t total;	       /* bytes of all fields */
	bool is_complete;      /* the border was seen: what follows is body */
	bool has_overflowed;   /* past HEADER_LIMIT; nothing more is taken */
};

void header_init(struct header *header);
void header_finish(struct header *header);

/*
 * Takes bytes of the message in wire form, in pieces of any size, until the
 * border.  When is_complete turns true, *body is the part of the bytes that
 * begins the body: it may point into content or into header->pending, and is
 * valid until the next call.  Before that *body is empty.
 */
void header_feed(struct header *header, struct span content, struct span *body);

/* The message ended: what is pending is a last field, or else *body.  Sets is_complete. */
void header_end(struct header *header, struct span *body);

/* The index of the first field of this name (any case) from index from on, or -1. */
ssize_t header_find(const struct header *header, const char *name, size_t from);

bool header_has(const struct header *header, const char *name);

/* There is a field whose name begins so, in any case: "Resent-". */
bool header_has_prefix(const struct header *header, const char *prefix);

/* The field at index, which must exist; spans into the header, valid until it changes. */
struct field header_field(const struct header *header, size_t index);

/*
 * Add "name: value" before all fields, or after all; replace the value at
 * index.  The value must hold no CR or LF but proper folds (CRLF, blank): a
 * value that does is a fault of the caller, and asserted.  A blank is put
 * before a value without one, but where one is replaced that had none.
 */
void header_prepend(struct header *header, const char *name, struct span value);
void header_append(struct header *header, const char *name, struct span value);
void header_set_value(struct header *header, size_t index, struct span value);

/* Removes one; removes all of this name and says how many. */
void header_remove(struct header *header, size_t index);
size_t header_remove_all(struct header *header, const char *name);

/* NUL becomes "?": half of the world's readers would see no more of the field than before it. */
void header_mask_nul(struct header *header);

/* Breaks lines that are too long at white space, where there is any (fold.h). */
void header_fold(struct header *header);

/* Appends all fields and the empty line that ends them. */
void header_write(const struct header *header, struct buffer *output);

#endif
