/* SPDX-License-Identifier: MIT */

/*
 * text - NUL-terminated text in a place of fixed size
 */

#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stddef.h>

/* Copies source to target of size bytes (at least 4); what does not fit is cut with "...". */
void text_copy(char *target, size_t size, const char *source);

/* Adds source behind what is there, likewise. */
void text_append(char *target, size_t size, const char *source);

#endif
