/* SPDX-License-Identifier: MIT */

/*
 * capturing - an attempt at a queue file while capture is on
 *
 * In place of a worker: each leg's letter is kept in the Maildir (capture.h)
 * before the service goes on, and its recipients are marked as delivered.
 * What cannot be kept there waits in the queue as it would for a smarthost.
 */

#ifndef SERVICE_CAPTURING_H
#define SERVICE_CAPTURING_H

#include "service/runner.h"

/* Opened; it is concluded, and gone. */
void capturing_run(struct runner *runner, struct attempt *attempt);

#endif
