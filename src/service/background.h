/* SPDX-License-Identifier: MIT */

/*
 * background - a service that is started by somebody who goes on without it
 *
 * It holds nothing of who started it (process_detach) and is waited for until
 * it listens, or says why it cannot (serve_options.ready_fd).
 */

#ifndef SERVICE_BACKGROUND_H
#define SERVICE_BACKGROUND_H

#include <stdint.h>

#include "base/error.h"

enum { BACKGROUND_READY_FD = 3 }; /* where the started program has its end of the pipe */

/*
 * Starts "mailchute serve" with these arguments (argv[0] first, NULL last).
 * 0: it listens, or another service was first, or time is over; -1: it cannot
 * be started, in its own words.
 */
int background_start(const char *const arguments[], int64_t deadline, struct error *error);

#endif
