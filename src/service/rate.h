/* SPDX-License-Identifier: MIT */

/*
 * rate - a bucket of tokens: how many messages may go now; pure
 *
 * It begins full, holds at most burst tokens, and gets count of them in each
 * period, evenly.  Whoever wants to send reserves one, and takes it when the
 * message really goes, so that what was saved up while a connection is made
 * does not come on top of it.  From any moment on, however it is used, no more
 * than burst tokens and what the time has brought are taken.
 *
 * Times are milliseconds on a clock that the caller reads.  One that stands
 * still or goes back brings nothing; one that jumps fills the bucket at most.
 */

#ifndef SERVICE_RATE_H
#define SERVICE_RATE_H

#include <stdbool.h>
#include <stdint.h>

struct rate {
	int64_t count;	   /* tokens in a period */
	int64_t period;	   /* milliseconds, and the parts of one token */
	int64_t burst;	   /* tokens at most */
	int64_t parts;	   /* in the bucket: count of them come each millisecond */
	int64_t filled_at; /* up to here */
	int64_t reserved;  /* tokens in the bucket that are spoken for */
};

/* A full bucket.  None of count, period and burst is 0; their product is less than 2^62. */
void rate_init(struct rate *rate, int64_t count, int64_t period, int64_t burst, int64_t now);

/* Other numbers, and no token more than there was: what has come of the next one is lost. */
void rate_change(struct rate *rate, int64_t count, int64_t period, int64_t burst, int64_t now);

/* False when there is none that is not reserved. */
bool rate_reserve(struct rate *rate, int64_t now);

/* A reserved one is used, or is not. */
void rate_take(struct rate *rate, int64_t now);
void rate_release(struct rate *rate);

/*
 * When rate_reserve succeeds, if nothing else happens; now when it does at
 * once, INT64_MAX when all that the bucket holds is reserved.
 */
int64_t rate_due(const struct rate *rate, int64_t now);

/* When it is full, so that forgetting it makes no difference; now when it is. */
int64_t rate_full(const struct rate *rate, int64_t now);

#endif
