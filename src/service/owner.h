/* SPDX-License-Identifier: MIT */

/*
 * owner - whose spool it is
 *
 * Root that meets a spool of another uid becomes that uid, groups too, before
 * it opens anything in the spool or on the network (DESIGN 6).
 */

#ifndef SERVICE_OWNER_H
#define SERVICE_OWNER_H

#include "base/error.h"

/* Nothing is done for others than root, or while there is no spool at path. */
int owner_become(const char *path, struct error *error);

#endif
