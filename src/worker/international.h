/* SPDX-License-Identifier: MIT */

/*
 * international - an envelope for a server that cannot read UTF-8
 *
 * Without SMTPUTF8 (RFC 6531) the domain of an address is written in A-labels;
 * what cannot be written so stays, and its recipient fails alone with the reason.
 */

#ifndef WORKER_INTERNATIONAL_H
#define WORKER_INTERNATIONAL_H

#include "message/envelope.h"
#include "smtp/extension.h"

/* Changes the addresses in place; nothing where the server offers SMTPUTF8. */
void international_adapt(struct envelope *envelope, const struct extensions *offered);

#endif
