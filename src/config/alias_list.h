/* SPDX-License-Identifier: MIT */

/*
 * alias_list - the alias blocks while the configuration is being put together
 */

#ifndef CONFIG_ALIAS_LIST_H
#define CONFIG_ALIAS_LIST_H

#include "base/error.h"
#include "config/check.h"
#include "config/config.h"

/* Adds what the text lists between commas; empty elements are left out. */
void alias_list_add_targets(struct config_alias *alias, const char *text);

/* There are targets, and each is an address or a bare name: no program, no file. */
int alias_list_check(
    const struct check_place *place, const struct config_alias *alias, struct error *error);

/* Moves alias into config, in place of one of this name (any case). */
void alias_list_put(struct config *config, struct config_alias *alias);

const struct config_alias *alias_list_find(const struct config *config, const char *name);

void alias_list_finish(struct config_alias *alias);

#endif
