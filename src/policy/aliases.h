/* SPDX-License-Identifier: MIT */

/*
 * aliases - what a bare name stands for
 *
 * Exact names from the configuration, then the aliases file (aliases(5):
 * continuation lines, comments, quoted names, lists), then "*".  Programs and
 * files are passed over with a reason: a relay has nowhere to do that.  Lists
 * in files (:include:) are targets, and read where they are asked for.
 */

#ifndef POLICY_ALIASES_H
#define POLICY_ALIASES_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/error.h"
#include "base/span.h"
#include "config/config.h"

struct alias {
	char *name;	/* lower case */
	char **targets; /* as targets.h has them */
	size_t target_count;
	char *source; /* "/etc/aliases line 12" */
};

/* Who asks for this name shall know of it; the entry may be gone for it. */
struct alias_fault {
	char *name;  /* lower case */
	char *words; /* "/etc/aliases line 12: "|/bin/x" is passed over: programs are not run" */
	bool is_local;
};

struct aliases {
	struct alias *entries; /* owned; in order of precedence */
	size_t count;
	size_t capacity;
	uid_t owner;		    /* of the aliases file, who may own the lists that it names */
	char *fault;		    /* the first line that is no entry at all, or NULL */
	struct alias_fault *faults; /* owned; what is passed over of entries */
	size_t fault_count;
};

/* A missing aliases file is no error; what is malformed is passed over and kept among the faults.
 */
int aliases_load(struct aliases *aliases, const struct config *config, struct error *error);

enum aliases_fault_kind {
	ALIASES_LOCAL,	    /* a target that is no address but something to be done here */
	ALIASES_NO_ADDRESS, /* a target that is nothing at all */
	ALIASES_NO_ENTRY,   /* a line that is not "name: targets" */
	ALIASES_NOBODY,	    /* an entry without a target that counts */
	ALIASES_TWICE,	    /* an earlier entry has the name; no fault for the service */
};

struct aliases_fault {
	enum aliases_fault_kind kind;
	const char *path;
	int line;	    /* where the entry begins */
	const char *name;   /* of the entry, or NULL */
	struct span text;   /* what is passed over */
	const char *reason; /* in words; for ALIASES_TWICE where the earlier entry stands */
};

typedef void aliases_visit(void *context, const struct aliases_fault *fault);

/* The same, and tells each fault in its order. */
int aliases_load_telling(struct aliases *aliases, const struct config *config, aliases_visit *visit,
    void *context, struct error *error);

void aliases_finish(struct aliases *aliases);

/* The entry of exactly this name (any case), and of no other; NULL without one. */
const struct alias *aliases_find_exact(const struct aliases *aliases, struct span name);

/* The entry for a bare name: its own, that of name for name+detail, "*"; NULL without one. */
const struct alias *aliases_find(const struct aliases *aliases, struct span name);

#endif
