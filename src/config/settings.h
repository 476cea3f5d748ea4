/* SPDX-License-Identifier: MIT */

/*
 * settings - one file of settings as entries; the only file that sees libConfuse
 *
 * The raw text goes through lint first, and its names are held against the
 * table of options.
 *
 * Does not know: what an option means, which files there are.
 */

#ifndef CONFIG_SETTINGS_H
#define CONFIG_SETTINGS_H

#include <stdbool.h>

#include "base/span.h"
#include "config/entries.h"
#include "config/faults.h"

/* Where the file includes another one, whose entries come next. */
typedef void settings_include(void *context, const char *path, int line);

struct settings {
	struct entries *entries;
	struct faults *faults;
	const char *path;
	int file; /* its number in entries */
	bool may_expand;
	settings_include *include;
	void *context;
};

/* Every fault is told, and what is sound put into the entries. */
void settings_parse(const struct settings *settings, struct span text);

#endif
