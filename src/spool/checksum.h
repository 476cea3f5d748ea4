/* SPDX-License-Identifier: MIT */

/*
 * checksum - CRC-32C (RFC 3385), piece by piece
 *
 * Finds what a disk or a torn write did.  It is no defence against somebody
 * who may write the spool.
 */

#ifndef SPOOL_CHECKSUM_H
#define SPOOL_CHECKSUM_H

#include <stdint.h>

#include "base/span.h"

/* The checksum of what gave "checksum" (0 for nothing) followed by bytes. */
uint32_t checksum_extend(uint32_t checksum, struct span bytes);

/* The same without the help of the processor, which not every one gives. */
uint32_t checksum_extend_by_table(uint32_t checksum, struct span bytes);

#endif
