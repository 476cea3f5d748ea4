/* SPDX-License-Identifier: MIT */

/*
 * postfix_parameters - main.cf: NAME = VALUE, continued by lines that begin with a blank
 *
 * The last setting of a name counts.  $name, ${name}, $(name), ${name?text},
 * ${name:text} and $$ are put in; what a parameter is without main.cf is known
 * of the few that others are made of.
 *
 * Does not know: what a parameter does.
 */

#ifndef IMPORT_POSTFIX_PARAMETERS_H
#define IMPORT_POSTFIX_PARAMETERS_H

#include "import/source.h"

struct postfix_parameter {
	char *name;
	char *value; /* as written, its lines joined by blanks */
	int line;
};

struct postfix_parameters {
	struct postfix_parameter *items;
	size_t count;
	char *directory; /* of main.cf */
};

void postfix_parameters_read(
    struct postfix_parameters *parameters, struct source *source, struct plan *plan);

/* NULL: it is not set in main.cf. */
const struct postfix_parameter *postfix_parameters_find(
    const struct postfix_parameters *parameters, const char *name);

/* The value with everything put in, trimmed; "" when it is not set.  The caller frees it. */
char *postfix_parameters_value(const struct postfix_parameters *parameters, const char *name);

/* The same for a text. */
char *postfix_parameters_expand(const struct postfix_parameters *parameters, struct span text);

/* 0 when it is not set there. */
int postfix_parameters_line(const struct postfix_parameters *parameters, const char *name);

/* Safe on a zeroed one. */
void postfix_parameters_finish(struct postfix_parameters *parameters);

#endif
