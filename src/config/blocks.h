/* SPDX-License-Identifier: MIT */

/*
 * blocks - all blocks as checked values
 */

#ifndef CONFIG_BLOCKS_H
#define CONFIG_BLOCKS_H

#include "config/config.h"
#include "config/entries.h"
#include "config/faults.h"

/* Fills config, in which what no file sets gets its default.  What is wrong is in the faults. */
void blocks_read(const struct entries *entries, struct faults *faults, struct config *config);

#endif
