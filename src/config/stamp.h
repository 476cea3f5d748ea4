/* SPDX-License-Identifier: MIT */

/*
 * stamp - have the files changed that the settings were read from?
 *
 * Told by what stat(2) says of them, those that were missing included: reading
 * them anew may ask the resolver for this machine's name, which a service
 * cannot do every second.
 */

#ifndef CONFIG_STAMP_H
#define CONFIG_STAMP_H

#include <stdint.h>

#include "config/config.h"

/* 0: one has changed only just now, and so may change again unseen; differs from all others. */
uint64_t stamp_of(const struct config *config);

#endif
