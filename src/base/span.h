/* SPDX-License-Identifier: MIT */

/*
 * span - bytes that one looks at: a start and a length, never a NUL
 *
 * Bytes from outside travel as spans, so that a NUL, a missing terminator or
 * a length off by one cannot change what they mean.  A span owns nothing.
 */

#ifndef BASE_SPAN_H
#define BASE_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct span {
	const char *start;
	size_t length;
};

/* The length as printf wants it: printf("%.*s", span_int(s), s.start). */
int span_int(struct span span);

struct span span_from_string(const char *string);
struct span span_from_bytes(const char *start, size_t length);

bool span_equals(struct span a, struct span b);
bool span_equals_string(struct span span, const char *string);

/* Only ASCII letters are folded, whatever the locale. */
bool span_equals_ignoring_case(struct span a, struct span b);
bool span_equals_string_ignoring_case(struct span span, const char *string);
bool span_starts_with(struct span span, const char *prefix);
bool span_starts_with_ignoring_case(struct span span, const char *prefix);
bool span_ends_with_ignoring_case(struct span span, const char *suffix);

/* The index of the first such byte, or -1. */
ssize_t span_find_byte(struct span span, char byte);
ssize_t span_find_last_byte(struct span span, char byte);

/* The first count bytes; what comes after them.  count may exceed the length. */
struct span span_first(struct span span, size_t count);
struct span span_after(struct span span, size_t count);

/* Without blanks (space, tab, CR, LF) at both ends. */
struct span span_trim(struct span span);

/*
 * Takes the bytes before the next separator off rest, and the separator.
 * Without one it takes all.  Returns false when rest was empty.
 */
bool span_take_until(struct span *rest, char separator, struct span *part);

/* Takes the next word, words being separated by runs of spaces and tabs. */
bool span_take_word(struct span *rest, struct span *word);

/* Takes a line with its LF off rest; line comes without CR and LF.  False at the end. */
bool span_take_line(struct span *rest, struct span *line);

/* All of span as a decimal number without sign.  False when it is none or too large. */
bool span_to_number(struct span span, uint64_t *number);

/* A byte below 0x20, or 0x7f. */
bool span_has_control(struct span span);

/* A byte above 0x7f. */
bool span_has_8bit(struct span span);

/* A NUL-terminated copy that the caller frees; a NUL inside would cut it, so check before. */
char *span_copy(struct span span) __attribute__((malloc, returns_nonnull));

#endif
