/* SPDX-License-Identifier: MIT */

/*
 * limits_block - what protects the machine from floods, as its block describes it
 */

#ifndef CONFIG_LIMITS_BLOCK_H
#define CONFIG_LIMITS_BLOCK_H

#include "config/config.h"
#include "config/settings.h"

/* -1 with the settings' error. */
int limits_block_read(const struct block *block, struct config *config);

#endif
