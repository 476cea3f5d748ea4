/* SPDX-License-Identifier: MIT */

/*
 * unreadable - a file with a secret that this process may not read
 *
 * Says who wanted it, whose it is and with which mode, and the command that
 * mends it (users.md, failure 14).
 */

#ifndef CONFIG_UNREADABLE_H
#define CONFIG_UNREADABLE_H

#include <stdbool.h>
#include <sys/stat.h>

#include "base/error.h"

/*
 * Fills error (78, 4.3.5) for this errno and returns -1.  is_of_runtime: the
 * file was put there by who runs a container, and is no business of the
 * group mailchute.
 */
int unreadable_refuse(const char *path, int number, bool is_of_runtime, struct error *error);

/* "0600 root:root", which the caller frees. */
char *unreadable_mode(const struct stat *status);

#endif
