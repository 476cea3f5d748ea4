/* SPDX-License-Identifier: MIT */

/*
 * blocks - every block of a file, put into the settings as a whole
 */

#ifndef CONFIG_BLOCKS_H
#define CONFIG_BLOCKS_H

#include "config/config.h"
#include "config/settings.h"

/* What this block says goes into config.  -1 with the settings' error. */
int blocks_read(const struct block *block, struct config *config);

#endif
