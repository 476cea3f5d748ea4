/* SPDX-License-Identifier: MIT */

/*
 * setup - the settings and the spool of the service: taken, read anew, given back
 *
 * Without settings that can be used it goes on, and tells each client why no
 * mail can be taken; a configuration that is mended is found at the next one.
 */

#ifndef SERVICE_SETUP_H
#define SERVICE_SETUP_H

#include "service/service.h"

/* Nothing is there yet. */
void setup_init(struct service *service);

/* Reads the settings and takes the spool.  1: another service has it. */
int setup_run(struct service *service, struct error *error);

/* The same, while there are none; the service never ends over it. */
void setup_again(struct service *service);

/* Reads them anew, and keeps the old ones when the new ones are bad. */
void setup_reload(struct service *service);

/*
 * Somebody has mail tried now (service->wants_look): if the settings say by now
 * that it is to go elsewhere, or as somebody else, they are taken.
 */
void setup_look(struct service *service);
/* The same, before a client is served: once a second at most. */
void setup_look_soon(struct service *service);
/*
 * Before what is due is begun: whoever has mended the settings was told that what
 * waits goes by itself then, and hears nothing of a service that has to be told.
 */
void setup_look_due(struct service *service);
/* When setup_look is to be called, by clock_monotonic; CLOCK_NEVER. */
int64_t setup_look_at(const struct service *service);

void setup_finish(struct service *service);

#endif
