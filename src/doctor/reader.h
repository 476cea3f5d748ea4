/* SPDX-License-Identifier: MIT */

/*
 * reader - the user who reads settings' files for all mail: the service's
 *
 * Root reads everything, and so does not see what its service cannot.
 */

#ifndef DOCTOR_READER_H
#define DOCTOR_READER_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/error.h"

/*
 * We are root, and the service is not: the owner of the spool, or, as long as
 * there is none, the package's user.  With the group of that account.
 */
bool reader_is_another(const char *spool, uid_t *uid, gid_t *gid);

/*
 * -1: that user cannot read this file, which root can; error names the user,
 * the file or the folder that is closed to him, and the command that mends it.
 * is_secret: not for everybody.
 */
int reader_check(uid_t uid, gid_t gid, const char *path, bool is_secret, struct error *error);

#endif
