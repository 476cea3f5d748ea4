/* SPDX-License-Identifier: MIT */

/*
 * secrets - logins and passwords; the only file that sees iniparser
 *
 * Read anew at each login, so that rotation needs no restart.
 */

#ifndef CONFIG_SECRETS_H
#define CONFIG_SECRETS_H

#include <stdbool.h>

#include "base/error.h"
#include "smtp/smarthost.h"

/*
 * Puts user and password, or user and token, of [section] into smarthost,
 * unless the URL carried them.  password_file and token_file name a file whose
 * first line is the secret; token_command is put there as it stands, for whoever
 * logs in to run.  A missing file or section is no error: then there
 * is no login, nor is there one with SMARTHOST_AUTH_NONE.  A login by
 * certificate has a user, be it "".  Under /etc a
 * file that others may read is refused with the command that mends it (78);
 * unreadable is 78 with owner, mode and the command.
 */
int secrets_read(
    const char *path, const char *section, struct smarthost *smarthost, struct error *error);

/* A smarthost without a from sends as its login, where that is an address. */
void secrets_default_from(struct smarthost *smarthost);

/*
 * What a key of [section] gives: "user", "token_command" ..., and for "password"
 * and "token" also what their files hold.  *value is freed as a secret; it
 * stays untouched where there is none.
 */
int secrets_value(
    const char *path, const char *section, const char *key, char **value, struct error *error);

/*
 * Tells every fault of the file and of the files that it names, in their
 * order.  Returns -1 with the first; 0 also when there is no file.
 */
int secrets_check(const char *path, void (*tell)(void *context, const struct error *fault),
    void *context, struct error *error);

/* A container's runtime or systemd, not an administrator's chmod, decides who reads it. */
bool secrets_are_of_runtime(const char *path);

/*
 * What a human should know of a file with a secret that is taken nevertheless:
 * others may read it, where a runtime and not an administrator has put it.  The
 * caller frees it; NULL: nothing.
 */
char *secrets_warning(const char *path);

#endif
