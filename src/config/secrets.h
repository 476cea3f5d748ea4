/* SPDX-License-Identifier: MIT */

/*
 * secrets - logins and passwords; the only file that sees iniparser
 *
 * Read anew at each login, so that rotation needs no restart.
 */

#ifndef CONFIG_SECRETS_H
#define CONFIG_SECRETS_H

#include "base/error.h"
#include "smtp/smarthost.h"

/*
 * Puts user and password, or user and token, of [section] into smarthost,
 * unless the URL carried them.  password_file and token_file name a file whose
 * first line is the secret.  A missing file or section is no error: then there
 * is no login, nor is there one with SMARTHOST_AUTH_NONE.  A login by
 * certificate has a user, be it "".  Under /etc a
 * file that others may read is refused with the command that mends it (78);
 * unreadable is 78 with owner, mode and the command.
 */
int secrets_read(
    const char *path, const char *section, struct smarthost *smarthost, struct error *error);

/* A smarthost without a from sends as its login, where that is an address. */
void secrets_default_from(struct smarthost *smarthost);

#endif
