/* SPDX-License-Identifier: MIT */

/*
 * whereabouts - in which file and line the setting stands that an error speaks of
 *
 * The worker that makes an error knows the smarthost's name; the service knows
 * where that is configured.
 */

#ifndef SERVICE_WHEREABOUTS_H
#define SERVICE_WHEREABOUTS_H

#include <stddef.h>

#include "base/error.h"
#include "config/config.h"

/* Adds it to the next step, where that speaks of this smarthost. */
void whereabouts_add(const struct config_place *place, const char *smarthost, struct error *error);

/* The same for an error that is a line already, in size bytes. */
void whereabouts_add_to_line(
    const struct config_place *place, const char *smarthost, char *line, size_t size);

#endif
