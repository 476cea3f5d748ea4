/* SPDX-License-Identifier: MIT */

/*
 * smarthost_block - a smarthost block as a checked value
 */

#ifndef CONFIG_SMARTHOST_BLOCK_H
#define CONFIG_SMARTHOST_BLOCK_H

#include "config/block.h"
#include "config/config.h"

/* Adds it to config, whatever is wrong with it: the faults are told. */
void smarthost_block_read(const struct block *block, struct config *config);

#endif
