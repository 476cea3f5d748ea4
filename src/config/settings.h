/* SPDX-License-Identifier: MIT */

/*
 * settings - a file of settings, block by block; the only file that sees libConfuse
 *
 * The raw text goes through lint first.  Here is the table of all options;
 * their values stay texts.
 *
 * Does not know: what an option means.
 */

#ifndef CONFIG_SETTINGS_H
#define CONFIG_SETTINGS_H

#include <stdbool.h>

#include "base/error.h"
#include "base/span.h"

/* The file being read. */
struct settings {
	const char *path;
	struct span text;
	bool is_public; /* others may read it */
	struct error *error;
};

struct cfg_t;

/* One block of it; name NULL: the options outside of blocks. */
struct block {
	const struct settings *settings;
	struct cfg_t *section;
	const char *name;
	const char *title; /* NULL for blocks without one */
};

/* 0, or -1 with the settings' error. */
typedef int settings_visit(void *context, const struct block *block);

/*
 * Reads the file and visits what stands outside of blocks, then all blocks,
 * those of a kind together.  Returns 0, 1 when the file is missing, or -1 with
 * file, line, the fault and the corrected line.
 */
int settings_read(
    const char *path, bool may_expand, settings_visit *visit, void *context, struct error *error);

/* NULL when the option is not set; a value that came out empty, by an unset variable, is none. */
const char *settings_text(const struct block *block, const char *option);

/* It is set to "", which a few options take for a value. */
bool settings_is_empty(const struct block *block, const char *option);

/* Of a list. */
unsigned settings_count(const struct block *block, const char *option);
const char *settings_item(const struct block *block, const char *option, unsigned index);

#endif
