/* SPDX-License-Identifier: MIT */

/*
 * tls_trust - the authorities that certificates are verified against
 *
 * A system's bundle holds some 140 of them, and a connection needs one.  So
 * the bundle is read once, kept as bytes, and a certificate is parsed when its
 * subject is asked for, instead of all of them at the start.
 *
 * Does not know: connections, names of hosts.
 */

#ifndef NET_TLS_TRUST_H
#define NET_TLS_TRUST_H

#include "base/error.h"
#include "base/span.h"

struct ssl_ctx_st; /* SSL_CTX */
struct tls_trust;

/*
 * ca_file: a PEM bundle, or NULL for the system's; what in it is no
 * certificate is passed over.  The only disk access there is.  Returns NULL
 * with the file, or the places looked at, in error.
 */
struct tls_trust *tls_trust_new(const char *ca_file, struct error *error);

/* Where they came from, for messages. */
const char *tls_trust_path(const struct tls_trust *trust);

/* A digest of all of them: other authorities, another digest. */
struct span tls_trust_digest(const struct tls_trust *trust);

/* Makes context verify against trust, which must outlive it.  Once for each trust. */
int tls_trust_attach(struct tls_trust *trust, struct ssl_ctx_st *context, struct error *error);

void tls_trust_free(struct tls_trust *trust);

#endif
