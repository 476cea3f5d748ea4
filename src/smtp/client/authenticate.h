/* SPDX-License-Identifier: MIT */

/*
 * authenticate - SASL login (RFC 4954) by GNU SASL; the only file that sees it
 */

#ifndef SMTP_CLIENT_AUTHENTICATE_H
#define SMTP_CLIENT_AUTHENTICATE_H

#include "smtp/client/session.h"

/* PLAIN and LOGIN, with smarthost->user and smarthost->password. */
extern const struct session_authenticator authenticate_sasl;

/* Whatever libgsasl opens or loads, before a sandbox closes. */
void authenticate_prepare(void);

#endif
