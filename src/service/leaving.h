/* SPDX-License-Identifier: MIT */

/*
 * leaving - when a service on demand is no longer needed, and how it goes
 *
 * Nothing is lost between it and the next one: a client that is just coming
 * is served here, or finds nobody and starts a service of its own.
 */

#ifndef SERVICE_LEAVING_H
#define SERVICE_LEAVING_H

#include "service/service.h"

/* Once in each round of the loop: is there anything to do? */
void leaving_note(struct service *service);

/* When it may have been idle for long enough; CLOCK_NEVER while it is busy. */
int64_t leaving_deadline(const struct service *service);

/*
 * A service on demand that has nothing left leaves, but not past a client that
 * is just coming: first the name goes, then those who hold the socket already
 * are served, then the queue is looked through once more.
 */
bool leaving_may(struct service *service);

/*
 * A receive process whose client came while the lock was still held has kept
 * its mail and found nobody to tell.  True: there is such mail, and the spool
 * is ours again.
 */
bool leaving_must_stay(struct service *service);

#endif
