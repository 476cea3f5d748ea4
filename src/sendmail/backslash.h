/* SPDX-License-Identifier: MIT */

/*
 * backslash - what a caller meant for a shell and no shell removed
 *
 * Ruby's mail gem 2.7 puts a backslash before each = and the like in a sender,
 * within double quotes, where it stays.  Of the command line alone is it taken
 * away: in a header or in SMTP it is a fault.
 */

#ifndef SENDMAIL_BACKSLASH_H
#define SENDMAIL_BACKSLASH_H

#include "base/span.h"

/*
 * A copy of a word of addresses without the backslashes before octets that an
 * atom may hold, outside quotes and comments.  Before a letter or digit only
 * where a name begins (sendmail's "\user"): "a\nb" is a line end that somebody
 * meant, and no address.  Others stay.  The caller frees it.
 */
char *backslash_remove(struct span word) __attribute__((malloc, returns_nonnull));

#endif
