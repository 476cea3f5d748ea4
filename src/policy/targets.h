/* SPDX-License-Identifier: MIT */

/*
 * targets - the right-hand side of an alias, target by target
 *
 * Addresses and names in their normal form, "\name" (no alias is asked for
 * it), and lists in files, ":include:/path".  Programs and files to write to
 * are passed over with a reason: a relay has nowhere to do that.
 *
 * Does not know: which alias it is, what stands in a list.
 */

#ifndef POLICY_TARGETS_H
#define POLICY_TARGETS_H

#include <stdbool.h>

#include "base/span.h"

struct targets_reader {
	bool allows_lists; /* ":include:/path" is a target */
	void (*take)(void *context, struct span target);
	/* is_local: it is something to be done here, and no mistake. */
	void (*pass_over)(void *context, bool is_local, struct span text, const char *reason);
	void *context;
};

void targets_read(const struct targets_reader *reader, struct span text);

/* The path of a target that is a list; NULL when it is none. */
const char *targets_list_path(const char *target);

#endif
