/* SPDX-License-Identifier: MIT */

/*
 * board - what the service and its receive processes show each other
 *
 * A row for each session, in memory that all of them share.  So a receive
 * process learns how much of the queue is its client's, and whether others wait
 * for its place, without a word to the service, which may be busy.
 *
 * What of a uid waits is what the service has counted, plus what sessions of
 * this uid have taken and the service has not yet counted.  A session says what
 * it takes before it keeps it, so all of them together pass a limit by no more
 * than one message each.
 *
 * Does not know: limits, files, why a place is wanted.
 */

#ifndef SERVICE_BOARD_H
#define SERVICE_BOARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "service/usage.h"

struct board; /* shared memory */

/* All rows free. */
struct board *board_new(size_t rows);
void board_free(struct board *board);

/* ---- the service ---- */

/*
 * A session of this uid begins in a free row; usage: what the service has
 * counted, which its process may look at before the next board_show; NULL: nothing.
 */
void board_enter(struct board *board, size_t row, int64_t uid, const struct usage *usage);

/* It has ended. */
void board_leave(struct board *board, size_t row);

/* The service has counted a message of this session: from the next board_show on. */
void board_count(struct board *board, size_t row, uint64_t octets);

/* So much is the uid's of each row; others wait for its place. */
void board_show(struct board *board, const struct usage *usage,
    bool (*is_wanted)(void *context, int64_t uid), void *context);

/* ---- a receive process, of its row ---- */

/* What of this uid waits in the queue. */
struct usage_figures board_waiting(const struct board *board, size_t row);

/* It is about to keep a message; or has not kept it. */
void board_take(struct board *board, size_t row, uint64_t octets);
void board_drop(struct board *board, size_t row, uint64_t octets);

bool board_is_wanted(const struct board *board, size_t row);

#endif
