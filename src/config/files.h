/* SPDX-License-Identifier: MIT */

/*
 * files - which files of settings there are, and in what order they count
 *
 * mailchute.conf, then conf.d/ beside it, sorted by name; each file that
 * includes another has it read in that place.  Only a file called
 * mailchute.conf has a conf.d: beside MAILCHUTE_CONFIG=/etc/my.conf there may
 * be a conf.d that is another program's.
 *
 * Whoever may write a drop-in says where all mail goes: so one that everybody
 * may write, or that is neither root's, nor ours, nor the main file's owner's,
 * is refused; but for a file system that is read-only.
 */

#ifndef CONFIG_FILES_H
#define CONFIG_FILES_H

#include <stdbool.h>

#include "config/entries.h"
#include "config/faults.h"

enum { FILES_LIMIT = 256, FILES_DEPTH = 8 };

/* false: the main file is missing.  What is wrong with any of them is in the faults. */
bool files_read(
    const char *main_file, bool may_expand, struct entries *entries, struct faults *faults);

#endif
