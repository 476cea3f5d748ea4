/* SPDX-License-Identifier: MIT */

/*
 * secret - what the halves of `mailchute secret` share
 */

#ifndef ADMIN_SECRET_H
#define ADMIN_SECRET_H

#include <stdbool.h>

#include "base/error.h"
#include "config/config.h"

struct secret_paths {
	struct config config;
	bool has_config;
	char *path; /* of secrets.ini; owned */
};

/* With a file named, what the configuration says is nobody's business. */
int secret_find_paths(struct secret_paths *paths, const char *file, struct error *error);
void secret_finish_paths(struct secret_paths *paths);

/* Exit status, or -1. */
int secret_list(int argc, char **argv, struct error *error);

#endif
