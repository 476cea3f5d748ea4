/* SPDX-License-Identifier: MIT */

/*
 * finding - one line of what a check found: good, doubtful or broken
 *
 * The id ("files.secrets") is for programs and stays what it is; the text is
 * for people; next is the line to write or the command to run.  Nothing in
 * them is ever a secret.
 */

#ifndef DOCTOR_FINDING_H
#define DOCTOR_FINDING_H

#include <stddef.h>

#include "base/error.h"

enum finding_level { FINDING_GREEN, FINDING_YELLOW, FINDING_RED };

struct finding {
	enum finding_level level;
	const char *id; /* not owned: a literal */
	char *text;	/* owned, as those below; without control characters */
	char *means;	/* what it means, in plain words, or NULL */
	char *next;	/* NULL: nothing is to be done */
	char *code;	/* "MC-CONF-15", or NULL */
};

struct findings {
	struct finding *items; /* owned; in the order in which they were found */
	size_t count;
};

void finding_add(struct findings *findings, enum finding_level level, const char *id,
    const char *format, ...) __attribute__((format(printf, 4, 5)));

/* The next step of the one that was added last. */
void finding_next(struct findings *findings, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The same where it has none yet. */
void finding_suggest(struct findings *findings, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* An error with its text, meaning, next step and code. */
void finding_add_error(
    struct findings *findings, enum finding_level level, const char *id, const struct error *error);

/* The first with this id, or NULL. */
const struct finding *finding_find(const struct findings *findings, const char *id);

/* The worst level of all; green without any. */
enum finding_level finding_worst(const struct findings *findings);

/* "green", "yellow", "red". */
const char *finding_level_name(enum finding_level level);

/* Safe on a zeroed one; zeroes. */
void finding_finish_all(struct findings *findings);

#endif
