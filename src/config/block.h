/* SPDX-License-Identifier: MIT */

/*
 * block - options of one block as checked values
 *
 * Each block_take_... leaves the target as it is where the option is not set;
 * -1 says in the settings' error where it stands and what is wrong.
 */

#ifndef CONFIG_BLOCK_H
#define CONFIG_BLOCK_H

#include <stdint.h>

#include "base/error.h"
#include "config/check.h"
#include "config/settings.h"

/* "FILE line 7", where the option stands, or where the block begins (NULL); the caller frees it. */
char *block_where(const struct block *block, const char *option);

typedef int block_check(const struct check_place *place, const char *text, struct error *error);

int block_take_string(
    const struct block *block, const char *option, block_check *check, char **target);
int block_take_duration(const struct block *block, const char *option, int64_t *target);
int block_take_size(const struct block *block, const char *option, uint64_t *target);
int block_take_switch(const struct block *block, const char *option, bool *target);
int block_take_count(
    const struct block *block, const char *option, unsigned limit, unsigned *target);

/* What the list holds, its elements split at commas; an empty one counts as not set. */
int block_take_list(
    const struct block *block, const char *option, block_check *check, struct config_list *target);

/* Two options that do not go together.  -1. */
int block_refuse_pair(
    const struct block *block, const char *option, const char *why, const char *next);

#endif
