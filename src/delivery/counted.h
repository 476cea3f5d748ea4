/* SPDX-License-Identifier: MIT */

/*
 * counted - numbers and counted octets, one after the other
 *
 * A number is eight octets in network order; octets follow their count; a
 * string that is absent has the count 2^64 - 1.  Reading trusts nothing: what
 * does not fit marks the reader as wrong, that sticks, and from then on it
 * gives zeros; so a decoder checks once, at the end.
 *
 * Does not know: what the values mean.
 */

#ifndef DELIVERY_COUNTED_H
#define DELIVERY_COUNTED_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/span.h"

void counted_put_number(struct buffer *buffer, uint64_t number);
void counted_put_span(struct buffer *buffer, struct span octets);

/* string may be NULL. */
void counted_put_string(struct buffer *buffer, const char *string);

struct counted {
	struct span rest;
	bool is_wrong;
};

/* At most limit. */
uint64_t counted_take_number(struct counted *counted, uint64_t limit);
bool counted_take_flag(struct counted *counted);

/* Points into what is read. */
struct span counted_take_span(struct counted *counted);

/* Without NUL; NULL when absent or wrong.  The caller frees it. */
char *counted_take_string(struct counted *counted);

/* Into size octets with a NUL; absent is "". */
void counted_take_text(struct counted *counted, char *text, size_t size);

/* All of it was read, and nothing was wrong. */
bool counted_is_complete(const struct counted *counted);

#endif
