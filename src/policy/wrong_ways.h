/* SPDX-License-Identifier: MIT */

/*
 * wrong_ways - what is wrong where the names of the aliases lead
 *
 * Each name is looked up as if mail came for it (expand.h): loops, lists that
 * cannot be read, what is passed over in them.  What is wrong with the lines of
 * the aliases file itself is told by aliases_load_telling.
 */

#ifndef POLICY_WRONG_WAYS_H
#define POLICY_WRONG_WAYS_H

#include <stdbool.h>

#include "config/config.h"
#include "policy/aliases.h"

struct wrong_way {
	const char *words;
	const char *next; /* what to do about it; "" when nobody knows */
	bool is_local;	  /* no mistake, but what a relay does not do */
};

typedef void wrong_ways_visit(void *context, const struct wrong_way *way);

/* Tells each once. */
void wrong_ways_tell(const struct config *config, const struct aliases *aliases,
    wrong_ways_visit *visit, void *context);

#endif
