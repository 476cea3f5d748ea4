/* SPDX-License-Identifier: MIT */

/*
 * buffer - bytes that one builds, born with a limit
 *
 * What would pass the limit is not added and marks the buffer as overflowed;
 * that sticks, so a builder checks once, at the end.  Memory grows with what
 * is in it, never past the limit.
 */

#ifndef BASE_BUFFER_H
#define BASE_BUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"

struct buffer {
	char *start; /* owned */
	size_t length;
	size_t capacity;
	size_t limit;
	bool has_overflowed;
};

void buffer_init(struct buffer *buffer, size_t limit);

/* Safe on a zeroed or finished buffer; leaves it zeroed. */
void buffer_finish(struct buffer *buffer);

/* The same for octets that were a secret: overwrites them first. */
void buffer_finish_secret(struct buffer *buffer);

void buffer_append(struct buffer *buffer, const char *bytes, size_t length);
void buffer_append_span(struct buffer *buffer, struct span span);
void buffer_append_string(struct buffer *buffer, const char *string);
void buffer_append_byte(struct buffer *buffer, char byte);
/* In decimal.  What sendmail says on its way does without printf, which costs it memory. */
void buffer_append_number(struct buffer *buffer, uint64_t number);
void buffer_format(struct buffer *buffer, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/*
 * Room for at least size bytes after what is there, or NULL when the limit
 * does not allow it.  Follow with buffer_extend by what was written.
 */
char *buffer_reserve(struct buffer *buffer, size_t size);
void buffer_extend(struct buffer *buffer, size_t size);

/* Drops bytes from the front. */
void buffer_consume(struct buffer *buffer, size_t size);

/* Empties it and forgets an overflow; keeps the memory. */
void buffer_clear(struct buffer *buffer);

struct span buffer_span(const struct buffer *buffer);

/* The content with a NUL behind it, valid until the next change. */
const char *buffer_string(struct buffer *buffer);

/* Hands the memory over as a NUL-terminated string that the caller frees; finishes the buffer. */
char *buffer_take_string(struct buffer *buffer);

#endif
