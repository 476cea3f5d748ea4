/* SPDX-License-Identifier: MIT */

/*
 * limits_block - what protects the machine from floods, as its block describes it
 */

#ifndef CONFIG_LIMITS_BLOCK_H
#define CONFIG_LIMITS_BLOCK_H

#include "config/block.h"
#include "config/config.h"

void limits_block_read(const struct block *block, struct config *config);

#endif
