/* SPDX-License-Identifier: MIT */

/*
 * owner - whose spool it is
 *
 * Root that meets a spool of another uid becomes that uid, groups too, before
 * it opens anything in the spool or on the network (DESIGN 6).
 */

#ifndef SERVICE_OWNER_H
#define SERVICE_OWNER_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/error.h"

/* We are root, and the spool at path belongs to another uid. */
bool owner_is_another(const char *path, uid_t *uid, gid_t *gid);

/* Nothing is done for others than root, or while there is no spool at path. */
int owner_become(const char *path, struct error *error);

#endif
