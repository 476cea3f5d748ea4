/* SPDX-License-Identifier: MIT */

/*
 * tls_resumption - the session that the next connection may go on with
 *
 * A session stands for a certificate that was judged before, so it is worth
 * what the settings were worth under which that happened: their digest is in
 * it (OpenSSL's session ID context), and under any others it is not used
 * (CVE-2026-8286 is what happens otherwise).
 *
 * Does not know: where a session is kept in the meantime; it holds secrets.
 */

#ifndef NET_TLS_RESUMPTION_H
#define NET_TLS_RESUMPTION_H

#include <stdbool.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/span.h"

struct ssl_ctx_st; /* SSL_CTX */
struct ssl_st;	   /* SSL */

enum { TLS_RESUMPTION_LIMIT = 16384 }; /* octets; longer ones are not worth their keep */

struct tls_resumption {
	unsigned char key[32];
	bool is_on;
	struct buffer offered; /* from an earlier connection; nothing is known about it */
	struct buffer newest;  /* for the next one */
};

/*
 * Makes context take sessions from now on; resumption must outlive it.
 * settings: all that must be the same for a session to be used again.
 * offered: what an earlier connection has left, or nothing.
 */
int tls_resumption_attach(struct tls_resumption *resumption, struct ssl_ctx_st *context,
    struct span settings, struct span offered, struct error *error);

/* Before the handshake: the offered session, if it fits.  What does not is passed over. */
void tls_resumption_offer(const struct tls_resumption *resumption, struct ssl_st *ssl);

/* After the handshake: before TLS 1.3 a session goes on as it is. */
void tls_resumption_conclude(struct tls_resumption *resumption, struct ssl_st *ssl);

void tls_resumption_finish(struct tls_resumption *resumption);

#endif
