/* SPDX-License-Identifier: MIT */

/*
 * environment - MAILCHUTE_* variables and /run/secrets
 *
 * An empty variable counts as unset: compose files set empty ones all the time.
 *
 * Whoever starts a process chooses its environment, and with it where mail and
 * password go.  So no variable counts in a set-id process (AT_SECURE), nor for
 * uid 0 on a machine where a mailchute.conf is installed.
 */

#ifndef CONFIG_ENVIRONMENT_H
#define CONFIG_ENVIRONMENT_H

#include <stdbool.h>

#include "base/error.h"

/* The variables of this process may say what is sent where. */
bool environment_counts(void);

/* The environment may be read into values: the process acts for whoever started it. */
bool environment_may_expand(void);

/* The variable's value, or NULL when unset or empty, or when the environment does not count. */
const char *environment_get(const char *name);

/* MAILCHUTE_URL, _CONFIG or _CAPTURE (or their _FILE) is set: the caller brings its own settings.
 */
bool environment_has_own_settings(void);

/*
 * The variable's value without a line end behind it, or the first line of the
 * file that NAME_FILE names.
 * *value stays untouched where neither is set; the caller frees it as a secret.
 * Both set, or a file that cannot be read, is ERROR_CONFIG.
 */
int environment_read_secret(const char *name, char **value, struct error *error);

/*
 * The first line of a file that holds one secret.  Returns 0 with *value,
 * which the caller frees as a secret, 1 when the file is missing, or -1.
 */
int environment_read_secret_file(const char *path, char **value, struct error *error);

/*
 * The variable has a value in the environment of process 1, as far as this
 * process may look: PHP-FPM and cron take it away from their children.
 */
bool environment_is_set_for_init(const char *name);

/* Which of the programs that started us takes variables away: "PHP-FPM", "cron"; NULL: none. */
const char *environment_cleared_by(void);

#endif
