/* SPDX-License-Identifier: MIT */

/*
 * written - what import and setup do with a plan: show it, write it, have it examined
 */

#ifndef ADMIN_WRITTEN_H
#define ADMIN_WRITTEN_H

#include <stdbool.h>

#include "base/error.h"
#include "import/plan.h"

/* into: the directory; NULL: the compiled one. */
void written_show(const struct plan *plan, const char *about, const char *into);

/* Writes both files and says so. */
int written_write(const struct plan *plan, const char *about, const char *into, bool is_forced,
    struct error *error);

/* Whether written_write would be refused for what is there. */
int written_may(const struct plan *plan, const char *into, bool is_forced, struct error *error);

/* The doctor's report, and its exit status. */
int written_examine(bool is_online);

#endif
