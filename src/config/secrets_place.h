/* SPDX-License-Identifier: MIT */

/*
 * secrets_place - the folder of secrets.ini, and files in it that replace others
 *
 *	draft (secrets_place_draft) -> in force (secrets_place_commit)
 *				    -> gone (secrets_place_drop)
 *
 * A draft has a name of its own, the owner, group, mode and access list of the
 * secrets.ini that is there, and is synced.  What is left of one who was killed
 * goes when the next one opens the place.
 */

#ifndef CONFIG_SECRETS_PLACE_H
#define CONFIG_SECRETS_PLACE_H

#include <stdbool.h>
#include <sys/stat.h>

#include "base/buffer.h"
#include "base/error.h"

struct secrets_place {
	char *path;	 /* of secrets.ini; all strings are owned */
	char *directory; /* "/etc/mailchute" */
	char *name;	 /* "secrets.ini" */
	int directory_fd;
	bool exists;
	struct stat status;   /* when it was read; of the file to come where there is none */
	struct buffer access; /* its access list as the kernel has it; empty: none */
};

/*
 * Opens the folder (the last of the path is made where it is missing) and
 * appends the file to text, if there is one.  A symbolic link, or somebody
 * else's file, is refused.  secrets_place_finish is safe on a zeroed one.
 */
int secrets_place_open(
    struct secrets_place *place, const char *path, struct buffer *text, struct error *error);
void secrets_place_finish(struct secrets_place *place);

/* *draft is its name, which the caller frees. */
int secrets_place_draft(const struct secrets_place *place, const char *name, struct span content,
    char **draft, struct error *error);

/* The draft becomes name. */
int secrets_place_commit(
    const struct secrets_place *place, const char *draft, const char *name, struct error *error);

/* Removes a file of the folder, if it is there. */
void secrets_place_drop(const struct secrets_place *place, const char *name);

bool secrets_place_has(const struct secrets_place *place, const char *name);

/* Nobody else has written secrets.ini since it was read. */
int secrets_place_check(const struct secrets_place *place, struct error *error);

#endif
