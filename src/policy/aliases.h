/* SPDX-License-Identifier: MIT */

/*
 * aliases - what a bare name stands for
 *
 * Exact names from the configuration, then the aliases file (aliases(5):
 * continuation lines, comments, quoted names, lists), then "*".  Programs,
 * files and :include: are refused with a reason (their issue comes later).
 */

#ifndef POLICY_ALIASES_H
#define POLICY_ALIASES_H

#include <stddef.h>

#include "base/error.h"
#include "base/span.h"
#include "config/config.h"

struct alias {
	char *name; /* lower case */
	char **targets;
	size_t target_count;
	char *source; /* "/etc/aliases line 12" */
};

struct aliases {
	struct alias *entries; /* owned; in order of precedence */
	size_t count;
	size_t capacity;
	char *fault; /* the first line of the aliases file that was passed over, or NULL */
};

/* A missing aliases file is no error; a malformed line is passed over and kept in fault. */
int aliases_load(struct aliases *aliases, const struct config *config, struct error *error);
void aliases_finish(struct aliases *aliases);

/* The entry for a bare name (any case), "*" included; NULL without one. */
const struct alias *aliases_find(const struct aliases *aliases, struct span name);

#endif
