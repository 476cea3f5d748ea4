/* SPDX-License-Identifier: MIT */

/*
 * digest - settings in a few letters, to tell whether two processes mean the same
 *
 * A service says it in its greeting, to every local user: so it covers what
 * says where mail goes and as whom, and no password.
 */

#ifndef CONFIG_DIGEST_H
#define CONFIG_DIGEST_H

#include "config/config.h"

enum { DIGEST_SIZE = 17 };

void digest_of(const struct config *config, char digest[static DIGEST_SIZE]);

#endif
