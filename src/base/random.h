/* SPDX-License-Identifier: MIT */

/*
 * random - bytes that nobody can guess, from the kernel
 */

#ifndef BASE_RANDOM_H
#define BASE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

/* Fills size bytes; ends the process when the kernel has none to give. */
void random_fill(void *bytes, size_t size);

/* Below limit, evenly.  limit must not be 0. */
uint64_t random_below(uint64_t limit);

#endif
