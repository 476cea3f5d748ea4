/* SPDX-License-Identifier: MIT */

/*
 * overrides - what /run/secrets and the environment put over the file
 *
 * MAILCHUTE_URL is a setup of its own: it replaces every smarthost of the file.
 */

#ifndef CONFIG_OVERRIDES_H
#define CONFIG_OVERRIDES_H

#include <stdbool.h>

#include "config/config.h"
#include "config/faults.h"

/* What is wrong with them is in the faults. */
void overrides_apply(
    const char *run_secrets, bool uses_environment, struct config *config, struct faults *faults);

/* "MAILCHUTE_ROOTS is set, which is no variable of ours; ..."; NULL without; the caller frees it.
 */
char *overrides_unknown(void);

/* "/run/secrets/mailchute_url (missing), MAILCHUTE_URL (unset here)"; the caller frees it. */
char *overrides_looked(const char *run_secrets, bool uses_environment);

#endif
