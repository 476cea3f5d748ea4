/* SPDX-License-Identifier: MIT */

/*
 * text - NUL-terminated text in a place of fixed size
 */

#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stddef.h>
#include <stdint.h>

#include "base/span.h"

/* Copies source to target of size bytes (at least 4); what does not fit is cut with "...". */
void text_copy(char *target, size_t size, const char *source);

/* The same for a span that holds no NUL. */
void text_copy_span(char *target, size_t size, struct span source);

/* Adds source behind what is there, likewise. */
void text_append(char *target, size_t size, const char *source);

/* So many octets for people, in the largest unit that they fill: "17 octets", "64 MiB", "1.5 GiB".
 */
enum { TEXT_SIZE_SIZE = 32 };
void text_size(uint64_t octets, char text[static TEXT_SIZE_SIZE]);

#endif
