/* SPDX-License-Identifier: MIT */

/*
 * included - a list of recipients in a file of its own (:include:)
 *
 * Whoever may write the list says who gets the mail, so it is read only where
 * none but root and the owner of the file that names it could have changed it:
 * itself, its directories, and the links on the way.
 *
 * Does not know: what the names in it stand for.
 */

#ifndef POLICY_INCLUDED_H
#define POLICY_INCLUDED_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/error.h"
#include "base/span.h"

struct included {
	char **targets; /* owned; as targets.h has them */
	size_t count;
	uid_t owner; /* of the file: whom its own lists may belong to */
};

/* What is passed over: text in this line, and why. */
typedef void included_fault(
    void *context, int line, bool is_local, struct span text, const char *reason);

/*
 * Reads the list at path for a file of this owner.  -1: ERROR_CONFIG, 4.3.5,
 * with what is wrong and the command that mends it.  list is zeroed before.
 */
int included_read(const char *path, uid_t owner, included_fault *tell, void *context,
    struct included *list, struct error *error);

void included_finish(struct included *list);

#endif
