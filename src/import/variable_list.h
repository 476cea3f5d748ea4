/* SPDX-License-Identifier: MIT */

/*
 * variable_list - variables: of this process, or of files in the form of .env
 *
 * In a file "export " is passed over; quotes and comments are those of dotenv
 * and compose: '...' is literal, in "..." a backslash quotes, without quotes a
 * blank and '#' begin a comment, and ${NAME} is what stands above.
 *
 * Does not know: what a variable means.
 */

#ifndef IMPORT_VARIABLE_LIST_H
#define IMPORT_VARIABLE_LIST_H

#include "import/source.h"

struct variable {
	char *name;
	char *value; /* may be a secret */
	int line;
};

struct variable_list {
	struct variable *items;
	size_t count;
};

/* Safe on a zeroed one; wipes values; zeroes. */
void variable_list_finish(struct variable_list *list);

void variable_list_read_environment(struct variable_list *list);

/* -1: it is not there, or cannot be read. */
int variable_list_read_file(struct variable_list *list, const struct source_room *room,
    const char *path, struct error *error);

/* The last one of a name counts; an empty one is unset: NULL. */
const struct variable *variable_list_find(const struct variable_list *list, struct span name);

/* Of names that are separated by blanks the first that is set. */
const struct variable *variable_list_find_any(const struct variable_list *list, const char *names);

/* The same for NAME_FILE. */
const struct variable *variable_list_find_file(const struct variable_list *list, const char *names);

#endif
