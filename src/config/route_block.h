/* SPDX-License-Identifier: MIT */

/*
 * route_block - a route block as a checked value
 *
 * route "TITLE" { from = {} to = {} user = {} via = { "first", "second" } }
 */

#ifndef CONFIG_ROUTE_BLOCK_H
#define CONFIG_ROUTE_BLOCK_H

#include "config/config.h"
#include "config/settings.h"

/* Adds it to config, whose smarthosts are all there; -1: the settings' error says why not. */
int route_block_read(const struct block *block, struct config *config);

void route_block_finish(struct config_route *route);

#endif
