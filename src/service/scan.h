/* SPDX-License-Identifier: MIT */

/*
 * scan - what lies in the spool, found out in small steps
 *
 * The names are read at once: that a message is there, and how old it is.
 * When it is due, whether it is held and whose it is, its file says, and tens
 * of thousands of those are read a few at a time, so that nobody who comes
 * meanwhile has to wait.  The newest few come first: the older ones have been
 * tried, as a rule, and wait for their time anyway.
 *
 * Does not know: schedules, what is in memory already.
 */

#ifndef SERVICE_SCAN_H
#define SERVICE_SCAN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "spool/listing.h"
#include "spool/queue_file.h"

enum { SCAN_STEP = 256 }; /* files, some milliseconds */

/* Zeroed it is over. */
struct scan {
	struct listing names;
	size_t left;   /* of names, from the first on, which nobody has looked at */
	bool is_hasty; /* what is found is due now (scan_hasten) */
	int queue;     /* the directory; borrowed */
};

/* Reads all names, in place of those that were left. */
int scan_begin(struct scan *scan, int queue_directory, struct error *error);

size_t scan_left(const struct scan *scan);

/* It is one of those that are left. */
bool scan_has(const struct scan *scan, const char *id);

/* Whatever is left is due now. */
void scan_hasten(struct scan *scan);

/* What the file says is NULL when that cannot be read. */
typedef bool scan_is_known(const void *context, const char *id);
typedef void scan_found(void *context, const char *id, const struct queue_summary *summary);

/* Looks at this one now. */
void scan_look(const struct scan *scan, const char *id, scan_found *found, void *context);

/*
 * Looks at so many of them, SIZE_MAX: at all.  found is called for each that
 * is a file, unless is_known says that there is no need.
 */
void scan_step(
    struct scan *scan, size_t count, scan_is_known *is_known, scan_found *found, void *context);

void scan_finish(struct scan *scan);

#endif
