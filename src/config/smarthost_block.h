/* SPDX-License-Identifier: MIT */

/*
 * smarthost_block - a smarthost as its block describes it
 */

#ifndef CONFIG_SMARTHOST_BLOCK_H
#define CONFIG_SMARTHOST_BLOCK_H

#include "config/config.h"
#include "config/settings.h"

/* Adds one to config->smarthosts.  -1 with the settings' error. */
int smarthost_block_read(const struct block *block, struct config *config);

#endif
