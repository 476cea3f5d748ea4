/* SPDX-License-Identifier: MIT */

/*
 * hash - FNV-1a: for telling apart where nobody gains by two that collide
 */

#ifndef BASE_HASH_H
#define BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

/* What a hash begins with, of no octets. */
#define HASH_EMPTY UINT64_C(0xcbf29ce484222325)

/* With these octets, too. */
uint64_t hash_add(uint64_t hash, const void *octets, size_t count);

#endif
