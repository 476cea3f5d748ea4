/* SPDX-License-Identifier: MIT */

/*
 * program - where "mailchute" is, and how it is started
 *
 * By the compiled path, else beside our own program; never by PATH.
 */

#ifndef SENDMAIL_PROGRAM_H
#define SENDMAIL_PROGRAM_H

#include <sys/types.h>

#include "base/error.h"

/*
 * Starts it with these arguments (argv[0] first, NULL last), socket as its
 * descriptors 0 and 1.  Returns its pid.
 */
pid_t program_start(const char *const arguments[], int socket, struct error *error);

/* Becomes it.  Returns only to fail. */
int program_become(const char *const arguments[], struct error *error);

#endif
