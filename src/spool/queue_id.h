/* SPDX-License-Identifier: MIT */

/*
 * queue_id - the name of a message in the spool
 *
 * 9 characters of time (milliseconds), 16 of chance (80 bits), in an alphabet
 * that sorts as it counts: names sort by time and never come from a pid.
 */

#ifndef SPOOL_QUEUE_ID_H
#define SPOOL_QUEUE_ID_H

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"

enum { QUEUE_ID_LENGTH = 25, QUEUE_ID_SIZE = QUEUE_ID_LENGTH + 1, QUEUE_ID_PACKED = 16 };

/* Letters and digits only. */
void queue_id_generate(char id[static QUEUE_ID_SIZE]);

/* Another one of the same time: for the same id and number always the same.  number is below 2^60.
 */
void queue_id_derive(const char *id, uint64_t number, char derived[static QUEUE_ID_SIZE]);

/* Has exactly the form of one; anything else in the spool is not ours. */
bool queue_id_is_valid(struct span text);

/* The time within, as clock_wall counts. */
int64_t queue_id_time(const char *id);

/* The same in few octets, for memory that holds many; memcmp orders these as strcmp the IDs. */
void queue_id_pack(const char *id, unsigned char packed[static QUEUE_ID_PACKED]);
void queue_id_unpack(
    const unsigned char packed[static QUEUE_ID_PACKED], char id[static QUEUE_ID_SIZE]);

#endif
