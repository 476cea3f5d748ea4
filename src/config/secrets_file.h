/* SPDX-License-Identifier: MIT */

/*
 * secrets_file - secrets.ini written right
 *
 * Whole or not at all: a new file takes the old one's place, synced, with its
 * owner, group, mode and access list.  A new one belongs to root and the group
 * mailchute (0640), or to who makes it alone (0600).  What secrets.ini cannot
 * hold (secrets_text_line) stands in NAME.password or NAME.token beside it.
 * No symbolic link is followed.  What was written is read back before it
 * counts.
 */

#ifndef CONFIG_SECRETS_FILE_H
#define CONFIG_SECRETS_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

struct secrets_change {
	const char *section;
	const char *key;   /* "user", "password", "token", "password_file", "token_file",
			      "token_command" */
	const char *value; /* not empty; NULL: the key goes */
};

/* What whoever asked for the changes is told. */
struct secrets_written {
	bool is_created; /* there was no secrets.ini */
	bool was_open;	 /* others could read it; no more */
	char *own_file;	 /* where secrets stand that did not fit, ", " between; owned; NULL: none */
	char *gave_way;	 /* keys that a section cannot have as well, "token, token_file"; owned */
	char mode[16];	 /* "0640" */
	char owner[70];	 /* "root:mailchute" */
	size_t fault_count; /* other faults of the file, which keep it from being used */
};

/*
 * Makes all changes or none.  The secret itself takes the place of whatever
 * else gave the section's secret.  A file with faults is refused, unless the
 * changes mend some of them.  written may be NULL, need not be
 * initialised, and is the caller's to finish.  -1: names the file, why, and
 * who may; never a value.
 */
int secrets_file_change(const char *path, const struct secrets_change *changes, size_t count,
    struct secrets_written *written, struct error *error);

/* Safe on a zeroed one. */
void secrets_file_finish_written(struct secrets_written *written);

#endif
