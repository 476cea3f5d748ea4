/* SPDX-License-Identifier: MIT */

/*
 * entrance - where clients of the service come in, and how each gets its receive process
 */

#ifndef SERVICE_ENTRANCE_H
#define SERVICE_ENTRANCE_H

#include "service/service.h"

/* What systemd passed, or the usual socket; and the one in the spool. */
int entrance_open(struct service *service, struct error *error);

/* For callers of our own uid and root, who look there when they bring their own settings. */
int entrance_open_in_spool(struct service *service, struct error *error);

/* Lets in all who wait. */
void entrance_accept(struct service *service);

#endif
