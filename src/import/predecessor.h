/* SPDX-License-Identifier: MIT */

/*
 * predecessor - the programs whose configuration can be taken over
 *
 * Each has one reader, in a file of its name, that fills a plan.
 */

#ifndef IMPORT_PREDECESSOR_H
#define IMPORT_PREDECESSOR_H

#include "import/source.h"

/*
 * files: as given on the command line; count 0: those where the program looks.
 * Returns 0, or -1: a file is missing or unreadable, or the program was set up
 * for what cannot be had here at all.
 */
typedef int predecessor_read(
    const struct source_room *room, char *const *files, size_t count, struct error *error);

predecessor_read ssmtp_read;
predecessor_read msmtp_read;
predecessor_read nullmailer_read;
predecessor_read dma_read;
predecessor_read postfix_read;
predecessor_read variables_read;

struct predecessor {
	const char *name; /* on the command line */
	predecessor_read *read;
	const char *sign;	/* the file that shows that it was set up; NULL: none does */
	const char *file_names; /* how its files are called, separated by blanks */
};

/* The last one has the name NULL. */
extern const struct predecessor predecessors[];

const struct predecessor *predecessor_find(const char *name);

/* By how a file is called: "main.cf"; NULL: not clear. */
const struct predecessor *predecessor_of_file(const char *path);

/*
 * Which one was set up here.  -1: none, or several, and the error says what to
 * type.
 */
int predecessor_detect(
    const struct source_room *room, const struct predecessor **found, struct error *error);

#endif
