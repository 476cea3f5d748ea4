/* SPDX-License-Identifier: MIT */

/*
 * successor - the next service hears of a message that was taken behind its back
 *
 * A receive process outlives its service: cron writes for hours, and programs
 * keep sendmail -bs open.  What it commits when the next service has looked
 * through the queue already would lie there until the one after it.
 */

#ifndef SERVICE_SUCCESSOR_H
#define SERVICE_SUCCESSOR_H

#include <stdbool.h>

/*
 * Tells the service that listens in this spool of a queue file.  One that is
 * just starting is waited for, not long; where there is none, the next finds
 * the file by itself.  -1: nobody was told.
 */
int successor_tell(const char *spool, const char *id, bool is_later);

#endif
