/* SPDX-License-Identifier: MIT */

/*
 * openness - secrets that more people can read than need to
 *
 * Under /etc such a file is refused at the login.  Where a container's runtime
 * or an operator's _FILE variable has put it, its mode is often nobody's to
 * change: it is taken, and said once.
 */

#ifndef SERVICE_OPENNESS_H
#define SERVICE_OPENNESS_H

#include "config/config.h"

/* A warning in the log for each of them. */
void openness_tell(const struct config *config);

#endif
