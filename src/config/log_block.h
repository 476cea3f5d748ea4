/* SPDX-License-Identifier: MIT */

/*
 * log_block - where the log goes and what it says, as its block describes it
 */

#ifndef CONFIG_LOG_BLOCK_H
#define CONFIG_LOG_BLOCK_H

#include "config/block.h"
#include "config/config.h"

void log_block_read(const struct block *block, struct config *config);

#endif
