/* SPDX-License-Identifier: MIT */

/*
 * for_caller - "mailchute serve --for-caller": no service answered a sendmail
 *
 * Reads the configuration and decides: where the spool belongs to this uid, or
 * can be made, a service is started on demand and the caller joined to its
 * socket; else the message is relayed while the caller waits.  The caller is
 * at descriptors 0 and 1.  One that only asks (XEXPLAIN) is answered here.
 */

#ifndef SERVICE_FOR_CALLER_H
#define SERVICE_FOR_CALLER_H

#include <stdbool.h>

#include "config/config.h"

/* Serves one caller; an exit status. */
int for_caller_run(const struct config_sources *sources, bool is_question);

/* Where no service answers, a caller's mail goes by the spool, and not directly. */
bool for_caller_has_spool(const struct config *config);

#endif
