/* SPDX-License-Identifier: MIT */

/*
 * tls_hello - does a silent server wait for TLS?
 *
 * A server that speaks TLS from the first byte sends no greeting, and a client
 * that awaits one would wait for minutes.  So it is asked.
 */

#ifndef SMTP_CLIENT_TLS_HELLO_H
#define SMTP_CLIENT_TLS_HELLO_H

#include <stdbool.h>

#include "smtp/client/session.h"

/*
 * Before the greeting is awaited in clear: waits for it a little.  0: it is
 * there, or will be waited for as ever.  -1: none came; the error says whether
 * the server answered as TLS does, and the session is unusable.
 */
int tls_hello_ask(struct session *session, struct error *error);

#endif
