/* SPDX-License-Identifier: MIT */

/*
 * login - AUTH as the server: PLAIN (RFC 4616) and LOGIN
 *
 * Private to this folder.  What the client says here is never traced, and
 * overwritten once the handler has seen it.
 */

#ifndef SMTP_SERVER_LOGIN_H
#define SMTP_SERVER_LOGIN_H

#include "smtp/server/dialogue.h"

/* Runs the whole dialogue; argument is what followed AUTH. */
void login_run(struct dialogue *dialogue, struct span argument);

#endif
