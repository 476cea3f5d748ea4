/* SPDX-License-Identifier: MIT */

/*
 * memory - allocation that cannot fail
 *
 * Out of memory ends the process with EX_OSERR: the disk holds the truth,
 * so dying is safe, and nobody has to write the path that is never tested.
 */

#ifndef BASE_MEMORY_H
#define BASE_MEMORY_H

#include <stddef.h>

/* Calls finish on the variable's address when it goes out of scope. */
#define CLEANUP(finish) __attribute__((cleanup(finish)))

/* Zeroed.  The caller frees it with free(). */
void *memory_allocate(size_t size) __attribute__((malloc, returns_nonnull));

/* The old block may have moved; what is new is not zeroed.  Refuses overflow. */
void *memory_resize_array(void *old, size_t count, size_t size) __attribute__((returns_nonnull));

/* A NUL-terminated copy. */
char *memory_copy(const char *bytes, size_t length) __attribute__((malloc, returns_nonnull));
char *memory_copy_string(const char *string) __attribute__((malloc, returns_nonnull));

/* A string by printf's rules. */
char *memory_format(const char *format, ...)
    __attribute__((malloc, returns_nonnull, format(printf, 1, 2)));

/* Frees *string and leaves NULL there; for CLEANUP. */
void memory_free_string(char **string);

/* Overwrites a secret so that the compiler cannot drop it, then frees it. */
void memory_free_secret(char **secret);

#endif
