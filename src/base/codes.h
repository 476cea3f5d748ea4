/* SPDX-License-Identifier: MIT */

/*
 * codes - the failures that have a name, "MC-AUTH-01", and a page each
 *
 * One list: errors carry the name, mailchute help prints the page, and the
 * manual (mailchute-errors.7) has the same pages, as a test sees to.
 *
 * Does not know: how a failure is recognised.
 */

#ifndef BASE_CODES_H
#define BASE_CODES_H

#include <stddef.h>

struct code {
	const char *name;  /* "MC-AUTH-01"; never used for anything else again */
	const char *title; /* "login refused" */
	const char *what;  /* what has happened */
	const char *fix;   /* what to do; lines to write stand in it as they are */
};

extern const struct code codes_list[];
extern const size_t codes_count;

/* By its name, in letters of any case, without "MC-" or the zero, too; NULL: there is none. */
const struct code *codes_find(const char *name);

#endif
