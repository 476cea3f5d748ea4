/* SPDX-License-Identifier: MIT */

/*
 * mailq - what waits, and having it tried now
 *
 * A service is asked; it decides what its caller may see.  Where none listens,
 * the list is made by "mailchute queue", which knows where the spool is and
 * whose: a list starts no service.
 *
 * Does not know: queue files, who may see what.
 */

#ifndef SENDMAIL_MAILQ_H
#define SENDMAIL_MAILQ_H

#include "base/error.h"
#include "sendmail/options.h"

/* Prints the list.  -1: error is the line for the caller; some of the list may be out already. */
int mailq_list(const struct options *options, struct error *error);

/*
 * Has the caller's mail tried now, silently; a service on demand is started
 * where that is his way.  That it was tried a moment ago is no error.
 */
int mailq_run(struct error *error);

#endif
