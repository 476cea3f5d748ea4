/* SPDX-License-Identifier: MIT */

/*
 * quota - how much of one submitter may wait in the queue; pure
 *
 * A message that waits alone may be of any size: there is no limit for one
 * message but the room on the disk (space.h).
 *
 * Does not know: who counts, who has no quota.
 */

#ifndef SERVICE_QUOTA_H
#define SERVICE_QUOTA_H

#include <stdint.h>

#include "base/error.h"
#include "config/config.h"
#include "service/usage.h"

/*
 * May a message of so many octets (0: not known yet) come to what waits of this
 * uid?  -1: error names the limit, what waits, and the setting (452 4.2.2).
 */
int quota_check(const struct config_limits *limits, const struct usage_figures *waiting,
    int64_t uid, uint64_t octets, struct error *error);

#endif
