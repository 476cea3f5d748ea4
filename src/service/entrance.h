/* SPDX-License-Identifier: MIT */

/*
 * entrance - where clients of the service come in, and how each gets its receive process
 */

#ifndef SERVICE_ENTRANCE_H
#define SERVICE_ENTRANCE_H

#include "service/service.h"

/* The usual socket, unless systemd has passed one; and the one in the spool. */
int entrance_open(struct service *service, struct error *error);

/* For callers of our own uid and root, who look there when they bring their own settings. */
int entrance_open_in_spool(struct service *service, struct error *error);

/*
 * Lets in who comes, as far as there are places, and who has waited for one
 * (admission.h).  Not more than a few at once: those who come without an end
 * leave room for other work.
 */
void entrance_accept(struct service *service);

/* The same for all who hold the socket already, before it is closed. */
void entrance_drain(struct service *service);

/* Who still waits comes again, to the next service. */
void entrance_dismiss(struct service *service);

/* Receive processes are shown what has changed for them (board.h). */
void entrance_show(struct service *service);

#endif
