/* SPDX-License-Identifier: MIT */

/*
 * nearest - the known name that a mistyped one was probably meant to be
 */

#ifndef BASE_NEAREST_H
#define BASE_NEAREST_H

#include <stddef.h>

#include "base/span.h"

/* The nearest of names by edits, case aside, or NULL when none is near enough to be meant. */
const char *nearest_name(struct span given, const char *const *names, size_t count);

/* The same with at most so many edits; two letters that changed places are two. */
const char *nearest_name_within(
    struct span given, const char *const *names, size_t count, size_t most);

#endif
