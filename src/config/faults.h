/* SPDX-License-Identifier: MIT */

/*
 * faults - all that is wrong with the settings, in the order of files and lines
 */

#ifndef CONFIG_FAULTS_H
#define CONFIG_FAULTS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

enum { FAULTS_LIMIT = 100, FAULTS_OF_ENVIRONMENT = 1 << 20 };

struct fault {
	int file; /* the how-manyth that was read, or FAULTS_OF_ENVIRONMENT */
	int line;
	struct error error;
};

struct faults {
	struct fault *items;
	size_t count;
	size_t left_out; /* beyond FAULTS_LIMIT */
};

void faults_add(struct faults *faults, int file, int line, const struct error *error);

void faults_finish(struct faults *faults);

#endif
