/* SPDX-License-Identifier: MIT */

/*
 * queue_error - what is said about a queue file that fails us
 */

#ifndef SPOOL_QUEUE_ERROR_H
#define SPOOL_QUEUE_ERROR_H

#include "base/error.h"

/* How opening ends (queue_file.h); -1 is an error of the system. */
enum queue_outcome {
	QUEUE_OPENED = 0,
	QUEUE_LOCKED = 1,
	QUEUE_MISSING = 2,
	QUEUE_DAMAGED = 3,
};

/* For a call that failed: "cannot sync" becomes "cannot sync queue file ID: why".  Returns -1. */
int queue_error_system(struct error *error, const char *what, const char *id);

/* The file does not check out.  Returns QUEUE_DAMAGED. */
int queue_error_damaged(struct error *error, const char *id, const char *why);

#endif
