/* SPDX-License-Identifier: MIT */

/*
 * origins - which settings are in force, and where each came from
 *
 * A row for every option outside of blocks and of the blocks without a title,
 * and for every option of each smarthost, route and alias.
 */

#ifndef CONFIG_ORIGINS_H
#define CONFIG_ORIGINS_H

#include <stdbool.h>

#include "config/config.h"
#include "config/entries.h"

struct config_origin {
	const char *block; /* "smarthost"; NULL: outside of blocks */
	char *title;	   /* NULL: the block has none */
	char *option;	   /* "from"; also "user" and "password", which variables set */
	char *value;	   /* as text, a list's elements between ", "; NULL: none */
	char *where;	   /* "FILE line 3", "MAILCHUTE_FROM", "built-in" */
	bool is_list;
	bool is_secret; /* its value is not shown: "***" */
	bool is_set;	/* by somebody, so not built-in */
};

/* What the files say, and what they leave to the defaults; the smarthosts are all there. */
void origins_fill(struct config *config, const struct entries *entries);

/* A block that no file has, with its defaults; it comes behind the others of its kind. */
void origins_add_block(struct config *config, const char *block, const char *title);

/* All blocks of this kind, or the one of this title, in any case. */
void origins_drop(struct config *config, const char *block, const char *title);

/* value NULL: a secret. */
void origins_put(struct config *config, const char *block, const char *title, const char *option,
    const char *value, const char *where);

/* The same for what nobody set, and is found out. */
void origins_explain(struct config *config, const char *block, const char *title,
    const char *option, const char *value, const char *where);

void origins_finish(struct config *config);

#endif
