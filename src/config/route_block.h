/* SPDX-License-Identifier: MIT */

/*
 * route_block - a route block as a checked value
 *
 * route "TITLE" { from = {} to = {} user = {} via = { "first", "second" } }
 */

#ifndef CONFIG_ROUTE_BLOCK_H
#define CONFIG_ROUTE_BLOCK_H

#include "config/block.h"
#include "config/config.h"

/* Adds it to config, whose smarthosts are all there, unless it is at fault. */
void route_block_read(const struct block *block, struct config *config);

void route_block_finish(struct config_route *route);

#endif
