/* SPDX-License-Identifier: MIT */

/*
 * options - every option there is, in one table
 *
 * The names that are known, the defaults, and one line on each: settings,
 * `mailchute config`, etc/mailchute.conf and the manual are made from it or
 * held against it.
 */

#ifndef CONFIG_OPTIONS_H
#define CONFIG_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/span.h"

struct option {
	const char *block; /* NULL: outside of blocks */
	const char *name;
	bool is_list;
	const char *value;   /* the default as one writes it, a list's between commas; NULL: none */
	const char *example; /* where there is no default; NULL elsewhere */
	const char *purpose; /* one line */
};

struct option_block {
	const char *name;
	const char *title; /* an example; NULL: it stands without a title */
	const char *purpose;
};

/* In the order in which they are shown: a block's beside each other, those outside last. */
size_t options_count(void);
const struct option *options_at(size_t index);

/* block of no length: outside.  NULL: there is none. */
const struct option *options_find(struct span block, struct span name);

/* The known one that was probably meant, or NULL. */
const struct option *options_nearest(struct span block, struct span name);

/* One of this name in another block, or outside, or NULL. */
const struct option *options_elsewhere(struct span block, struct span name);

size_t options_block_count(void);
const struct option_block *options_block_at(size_t index);
const struct option_block *options_find_block(struct span name);
const struct option_block *options_nearest_block(struct span name);

#endif
