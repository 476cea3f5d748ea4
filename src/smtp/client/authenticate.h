/* SPDX-License-Identifier: MIT */

/*
 * authenticate - SASL login (RFC 4954) by GNU SASL; the only file that sees it
 *
 * The mechanism is chosen once (mechanism.h).  With smarthost->user and
 * ->password: SCRAM-SHA-256 and -SHA-1, with channel binding (-PLUS) where TLS
 * has one, CRAM-MD5, PLAIN, LOGIN; with ->token: OAUTHBEARER, XOAUTH2
 * (oauth.h); with a client certificate: EXTERNAL.  What is secret is hidden in
 * the trace and wiped from memory.
 */

#ifndef SMTP_CLIENT_AUTHENTICATE_H
#define SMTP_CLIENT_AUTHENTICATE_H

#include "smtp/client/session.h"

extern const struct session_authenticator authenticate_sasl;

/* Whatever libgsasl opens or loads, before a sandbox closes. */
void authenticate_prepare(void);

#endif
