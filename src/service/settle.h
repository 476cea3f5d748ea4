/* SPDX-License-Identifier: MIT */

/*
 * settle - what becomes of a queue file when its attempt is over
 *
 * Whoever is to be told is told, and the file goes; or it is kept in failed/,
 * where nobody can be told; or what is owed is tried again later.
 *
 * Does not know: workers, smarthosts, who waits for the outcome.
 */

#ifndef SERVICE_SETTLE_H
#define SERVICE_SETTLE_H

#include "config/config.h"
#include "service/attempt.h"
#include "service/jumps.h"
#include "service/schedule.h"
#include "service/usage.h"
#include "spool/spool.h"

enum { SETTLE_TROUBLE_RETRY = 30000 }; /* milliseconds: our own trouble, a disk, a setting */

/* All borrowed; reports, and what is to be tried again, go to the schedule. */
struct settle {
	const struct config *config;
	struct spool *spool;
	struct schedule *schedule;
	struct usage *usage; /* what goes, goes from it, too */
	const struct jumps *jumps;
};

/* Nobody is to be told. */
void settle_remove(const struct settle *settle, struct attempt *attempt);

/* No recipient waits in it any more. */
void settle_close(const struct settle *settle, struct attempt *attempt);

/* Some still wait; of those that have failed already, and of a long delay, is told now. */
void settle_report(const struct settle *settle, struct attempt *attempt);

/* It did not check out, and was put aside. */
void settle_put_aside(const struct settle *settle, const char *id);

/* What a crash has left owed, before anything is tried again. */
void settle_owed(const struct settle *settle, struct attempt *attempt);

/* failed/ is kept within its limits: of age, and of a tenth of the file system. */
void settle_trim_failed(const struct settle *settle);

#endif
