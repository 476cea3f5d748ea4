/* SPDX-License-Identifier: MIT */

/*
 * dsn - "smtp://user:password@host:port?option=value", as frameworks write their smarthost
 */

#ifndef IMPORT_DSN_H
#define IMPORT_DSN_H

#include <stdbool.h>

#include "base/span.h"

/* All of them parts of the text, still encoded. */
struct dsn {
	struct span scheme;
	struct span user;
	struct span password;
	struct span host; /* with its port */
	struct span query;
};

/* False: there is no "://". */
bool dsn_split(struct span text, struct dsn *dsn);

/* An option of the query; empty without one. */
struct span dsn_option(const struct dsn *dsn, const char *name);

/* Percent-decoded, but for controls; the caller frees it, as a secret where it is one. */
char *dsn_decode(struct span text);

#endif
