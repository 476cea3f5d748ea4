/* SPDX-License-Identifier: MIT */

/*
 * medium - what a spool lies on, as far as mail could be lost by it
 *
 * A disk keeps what was synced.  Memory does not outlast a reboot, a network
 * file system syncs and locks as its server does, and some mounts leave syncs
 * out.  Whoever runs the service is told so once.
 */

#ifndef SPOOL_MEDIUM_H
#define SPOOL_MEDIUM_H

#include <stdbool.h>

#include "base/span.h"

/* What is to be said of this directory, in words; NULL when there is nothing. */
const char *medium_doubt(int directory);

/*
 * Finds the overlay with this device number in the text of /proc/self/mountinfo
 * (proc(5)).  upper: where what is written goes, as the options name it, for the
 * caller to free; is_volatile: nothing of it is ever synced.  False: there is none.
 */
bool medium_find_overlay(
    struct span mounts, unsigned major, unsigned minor, char **upper, bool *is_volatile);

#endif
