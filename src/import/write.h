/* SPDX-License-Identifier: MIT */

/*
 * write - a plan as mailchute.conf and secrets.ini
 *
 * What is written was loaded first, as mailchute itself loads it.  Each file
 * changes whole or not at all; one that was there is kept under another name.
 *
 * Does not know: where a plan comes from.
 */

#ifndef IMPORT_WRITE_H
#define IMPORT_WRITE_H

#include <stdbool.h>

#include "base/buffer.h"
#include "base/error.h"
#include "import/plan.h"

/* The whole text of mailchute.conf; about stands in its first line. */
void write_settings(const struct plan *plan, const char *about, struct buffer *text);

/* secrets.ini for people to see: with "..." for what is secret. */
void write_shown_secrets(const struct plan *plan, struct buffer *text);

/* Would it load?  The error is that of config_load. */
int write_check(const struct plan *plan, const char *about, struct error *error);

struct write_request {
	const char *settings; /* path of mailchute.conf */
	const char *secrets;  /* path of secrets.ini */
	const char *about;
	bool is_forced; /* what is there gives way */
};

struct write_outcome {
	char *backup;  /* of mailchute.conf; owned; NULL: there was none */
	char *answers; /* given to debconf, where they are now; owned; NULL: there were none */
	char mode[16]; /* of secrets.ini; "": not written */
	char owner[70];
	char *own_files; /* with secrets that secrets.ini cannot hold; owned; NULL: none */
};

void write_finish(struct write_outcome *outcome);

/*
 * Nothing stands in the way: no mailchute.conf that says something, no login
 * of the same name, or it is forced.  -1: ERROR_CANNOT_CREATE with what to do.
 */
int write_may(const struct plan *plan, const struct write_request *request, struct error *error);

/* write_may, write_check, and both files. */
int write_files(const struct plan *plan, const struct write_request *request,
    struct write_outcome *outcome, struct error *error);

#endif
