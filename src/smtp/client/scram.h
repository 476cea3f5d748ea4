/* SPDX-License-Identifier: MIT */

/*
 * scram - what a server may ask of us in SCRAM (RFC 5802)
 *
 * GNU SASL does the mechanism and sets no limit on the work that a server may
 * demand: i=4294967295 would keep a worker busy for an hour.
 */

#ifndef SMTP_CLIENT_SCRAM_H
#define SMTP_CLIENT_SCRAM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"

enum { SCRAM_ROUNDS_LIMIT = 1000000 };

/* The server's first message asks for no more rounds of hashing than the limit. */
bool scram_is_bearable(struct span server_first);

/* The server's message is a refusal ("e=invalid-proof"); reason is the word. */
bool scram_is_refusal(struct span message, struct span *reason);

#endif
