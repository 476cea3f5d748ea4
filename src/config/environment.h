/* SPDX-License-Identifier: MIT */

/*
 * environment - MAILCHUTE_* variables and /run/secrets
 *
 * An empty variable counts as unset: compose files set empty ones all the time.
 */

#ifndef CONFIG_ENVIRONMENT_H
#define CONFIG_ENVIRONMENT_H

#include <stdbool.h>

/* The variable's value, or NULL when unset or empty. */
const char *environment_get(const char *name);

/* MAILCHUTE_URL, _CONFIG or _CAPTURE (or their _FILE) is set: the caller brings its own settings. */
bool environment_has_own_settings(void);

#endif
