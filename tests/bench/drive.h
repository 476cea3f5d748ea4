/* SPDX-License-Identifier: MIT */

/*
 * drive - one run of the engine, as board->plan has it
 *
 * Parameters in, figures out: no spool, no configuration, no service.
 */

#ifndef BENCH_DRIVE_H
#define BENCH_DRIVE_H

#include "base/error.h"
#include "base/span.h"
#include "board.h"
#include "message/envelope.h"
#include "smtp/smarthost.h"

/* Fills board->figures, the failure too. */
void drive_run(struct board *board);

/* By worker_start and delivery/request.  -1 with error; the figures hold what was reached. */
int drive_worker(struct board *board, struct error *error);

/*
 * The yardstick for large messages: OpenSSL bare, blocking, 16 KiB a call, on
 * a connected socket; then waits for one octet.  Fills open, first and end.
 */
int drive_copy(struct board *board, int socket, int message, struct error *error);

/* What the ways share. */
int drive_make_message(uint64_t size, struct error *error); /* a descriptor */
struct span drive_header(void);
void drive_envelope(struct envelope *envelope);
int drive_smarthost(
    const struct board_plan *plan, struct smarthost *smarthost, struct error *error);
long drive_status(long pid, const char *name); /* "VmHWM" in KiB; pid 0: our own */
uint64_t drive_cpu(int who);		       /* RUSAGE_SELF..., in microseconds */

/* No further message may be begun. */
bool drive_is_late(const struct board *board);

#endif
