/* SPDX-License-Identifier: MIT */

/*
 * doctor - is mailchute set up right, here and for whoever runs this?
 *
 * Each check looks at one thing, in the order in which mail meets them:
 * program, settings, identity, files, aliases, service, queue, container, PHP,
 * other callers, and the smarthosts themselves where that is wanted.  Looks,
 * and changes nothing; sends nothing.
 */

#ifndef DOCTOR_DOCTOR_H
#define DOCTOR_DOCTOR_H

#include <stdbool.h>
#include <stdio.h>

#include "doctor/finding.h"

struct doctor_request {
	const char *smarthost; /* a title: this one alone is asked; NULL: all */
	bool is_online;	       /* the smarthosts are spoken to */
	bool is_quick;	       /* not PHP, other callers and other programs: for probes */
	const char *root;      /* where the machine's files begin; NULL: "/" (tests) */
};

struct doctor_report {
	struct findings findings;
};

enum { DOCTOR_GREEN = 0, DOCTOR_YELLOW = 1, DOCTOR_RED = 2 };

/* Returns the exit status: DOCTOR_GREEN, _YELLOW or _RED.  report need not be initialised. */
int doctor_run(const struct doctor_request *request, struct doctor_report *report);

enum doctor_form {
	DOCTOR_FORM_LINES,  /* a line a finding, and below it what it means and how to mend it */
	DOCTOR_FORM_COLOUR, /* the same for a terminal */
	DOCTOR_FORM_JSON,
};

/* DOCTOR_FORM_COLOUR where the file is a terminal that takes it (NO_COLOR, TERM). */
enum doctor_form doctor_form_for(FILE *file);

void doctor_print(const struct doctor_report *report, enum doctor_form form, FILE *file);
void doctor_finish(struct doctor_report *report);

#endif
