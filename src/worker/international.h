/* SPDX-License-Identifier: MIT */

/*
 * international - UTF-8 in envelope and header, for this server
 *
 * Without SMTPUTF8 (RFC 6531) the domain of an address is written in A-labels;
 * what cannot be written so stays, and its recipient fails alone with the
 * reason.  A header with UTF-8 goes as it is, with SMTPUTF8 where there is any.
 */

#ifndef WORKER_INTERNATIONAL_H
#define WORKER_INTERNATIONAL_H

#include <stdbool.h>

#include "base/span.h"
#include "message/envelope.h"
#include "smtp/extension.h"

/*
 * Changes the addresses in place where the server does not offer SMTPUTF8, and
 * original recipients in UTF-8 to a form for every server with DSN (RFC 6533).
 */
void international_adapt(struct envelope *envelope, const struct extensions *offered);

/* RFC 6531, 3.4: an address or a header field with UTF-8, so SMTPUTF8 is to be asked for. */
bool international_needs_smtputf8(const struct envelope *envelope, struct span header);

#endif
