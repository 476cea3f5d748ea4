/* SPDX-License-Identifier: MIT */

/*
 * log_block - where the log goes and what it says, as its block describes it
 */

#ifndef CONFIG_LOG_BLOCK_H
#define CONFIG_LOG_BLOCK_H

#include "config/config.h"
#include "config/settings.h"

/* -1 with the settings' error. */
int log_block_read(const struct block *block, struct config *config);

#endif
