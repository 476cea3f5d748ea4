/* SPDX-License-Identifier: MIT */

/*
 * rates - the bucket of each smarthost that has a rate, and who waits for a
 * token, or for room at a smarthost whose connections have all they take
 *
 * Kept by the service, so that it holds across workers and connections.
 * Messages wait here by their queue IDs, their files closed, and each
 * smarthost's by themselves: none waits for the rate of another.
 */

#ifndef SERVICE_RATES_H
#define SERVICE_RATES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "service/schedule.h"
#include "smtp/smarthost.h"
#include "spool/queue_file.h"

struct rates_entry;

/* Zeroed before the first use.  now is clock_monotonic everywhere. */
struct rates {
	struct rates_entry *list; /* owned */
	size_t count;
	size_t turn; /* whose it is among those who wait */
};

/*
 * Reserves a token; a smarthost without a rate needs none.  True: a message
 * may go to it, and *has_token says whether one was reserved, which is then
 * taken when the message goes, or released when it does not.
 */
bool rates_reserve(
    struct rates *rates, const struct smarthost *smarthost, int64_t now, bool *has_token);
void rates_take(struct rates *rates, const char *smarthost, int64_t now);
void rates_release(struct rates *rates, const char *smarthost);

/* The name as it is kept here, as long as rates are; of one that has had a token. */
const char *rates_name(const struct rates *rates, const char *smarthost);

/* This message waits for a token of a smarthost that has refused it one, or for room there. */
void rates_wait(struct rates *rates, const struct smarthost *smarthost,
    const struct queue_file *file, int64_t now);
bool rates_has(const struct rates *rates, const char *id);
size_t rates_waiting(const struct rates *rates);
size_t rates_waiting_at(const struct rates *rates, const char *smarthost);

/* Whether a smarthost has room for another attempt; NULL: each has. */
typedef bool rates_has_room(const void *context, const char *smarthost);

/*
 * Takes the first that waits where there are room and a token; the smarthosts
 * take turns.  The one that it has waited for, whose name is rates'; NULL when
 * nobody may go.
 */
const char *rates_next(struct rates *rates, int64_t now, rates_has_room *has_room,
    const void *context, char id[static QUEUE_ID_SIZE]);

/* When rates_next has one; INT64_MAX when nobody waits, or not for the time. */
int64_t rates_due(
    const struct rates *rates, int64_t now, rates_has_room *has_room, const void *context);

/* When there is a token of this smarthost, be it without a rate. */
int64_t rates_ready(const struct rates *rates, const char *smarthost, int64_t now);

/* When all buckets are full and may be forgotten; INT64_MAX when they are. */
int64_t rates_full(const struct rates *rates, int64_t now);

/* The settings have changed: whoever waits, does so in schedule again. */
void rates_forget(struct rates *rates, struct schedule *schedule);

void rates_finish(struct rates *rates);

#endif
