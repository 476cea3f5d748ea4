/* SPDX-License-Identifier: MIT */

/*
 * block - the options of one block as checked values
 *
 * An option that no file sets has its default from the table of options.
 * Each block_take_... leaves the target as it is where there is neither, and
 * where the value is at fault, which is told.
 */

#ifndef CONFIG_BLOCK_H
#define CONFIG_BLOCK_H

#include <stdint.h>

#include "base/error.h"
#include "config/check.h"
#include "config/entries.h"
#include "config/faults.h"

struct block {
	const struct entries *entries;
	const struct entry_block *found; /* NULL: no file has it */
	const char *name;		 /* "": what stands outside of blocks */
	const char *title;		 /* NULL for blocks without one */
	struct faults *faults;
	bool is_whole; /* all files were understood: what is missing was not written */
};

/* The value, or its default; NULL: there is neither, or it was set to "". */
const char *block_text(const struct block *block, const char *option);

/* A file sets it, be it to "". */
bool block_is_set(const struct block *block, const char *option);

/* It is set to "", which a few options take for a value. */
bool block_is_empty(const struct block *block, const char *option);

/* The file it stands in may be read by others. */
bool block_is_public(const struct block *block, const char *option);

/* "FILE line 7", where the option stands, or where the block begins (NULL); the caller frees it. */
char *block_where(const struct block *block, const char *option);

/* Something is wrong in that place. */
void block_fault(const struct block *block, const char *option, const struct error *error);

typedef int block_check(const struct check_place *place, const char *text, struct error *error);
typedef int block_visit(
    const struct check_place *place, const char *text, void *target, struct error *error);

void block_take_string(
    const struct block *block, const char *option, block_check *check, char **target);

/* Whatever else a text may become. */
void block_take(const struct block *block, const char *option, block_visit *visit, void *target);

/* The same for each element of a list, to the first one at fault. */
void block_take_each(
    const struct block *block, const char *option, block_visit *visit, void *target);

void block_take_list(
    const struct block *block, const char *option, block_check *check, struct config_list *target);
void block_take_duration(const struct block *block, const char *option, int64_t *target);
void block_take_size(const struct block *block, const char *option, uint64_t *target);
void block_take_switch(const struct block *block, const char *option, bool *target);
void block_take_count(
    const struct block *block, const char *option, unsigned limit, unsigned *target);

/* Two options of a titled block that do not go together. */
void block_refuse_pair(
    const struct block *block, const char *option, const char *why, const char *next);

#endif
