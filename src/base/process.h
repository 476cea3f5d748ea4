/* SPDX-License-Identifier: MIT */

/*
 * process - what a process inherits, and how it leaves it behind
 *
 * Callers hand over closed descriptors, ignored signals, running timers and
 * strange environments (callers.md, 1 to 3 and 20).  Nothing here assumes
 * that any of it is sane.
 */

#ifndef BASE_PROCESS_H
#define BASE_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/error.h"

/* Opens /dev/null on those of descriptors 0, 1, 2 that are closed. */
void process_open_standard_descriptors(void);

/* Closes every descriptor from first on. */
void process_close_from(int first);

/* Closes every descriptor above 2 but these; negative ones are passed over. */
void process_close_all_but(const int *kept, size_t count);

/*
 * Default dispositions for all signals but SIGPIPE and SIGXFSZ, which are
 * ignored so that the calls say what happened; empty mask; timers off.
 */
void process_reset_signals(void);

/*
 * The same for a process that ends with its work, and not by these signals:
 * one that was sent already, and is blocked, goes by as well.
 */
void process_reset_signals_ignoring(const int *ignored, size_t count);

/* Removes from the environment what steers libc or a library: LD_*, OPENSSL_CONF, TZ and the like.
 */
void process_clean_environment(void);

/* Overwrites the values of the variables whose names begin so: they may be secrets. */
void process_wipe_environment(const char *prefix);

/*
 * Raises each soft limit to its hard one, and tells whether what is left is
 * enough for a process that serves others than the one who set them: false
 * with the first that is too small, in words.
 */
bool process_raise_limits(const char **too_small);

/* No core files and no ptrace by the same uid: the process may hold a secret. */
void process_protect_memory(void);

/*
 * Lets go of the caller: a new session by double fork, cwd "/", umask 077,
 * descriptors 0 to 2 on /dev/null, every other one closed but keep (-1: none).
 * keep becomes descriptor 3.  Returns 0 in the caller when the grandchild is
 * running, -1 with errno set when not; 1 in the grandchild.
 */
int process_detach(int keep);

/* The path of the running program, NUL-terminated; -1 with errno set. */
int process_own_path(char *path, size_t size);

#endif
