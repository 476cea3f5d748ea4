/* SPDX-License-Identifier: MIT */

/*
 * tls_certificate - the certificate that a server shows, from files or made now
 */

#ifndef NET_TLS_CERTIFICATE_H
#define NET_TLS_CERTIFICATE_H

#include "base/error.h"

struct ssl_ctx_st; /* SSL_CTX */

/*
 * PEM files: the certificate with its chain, and its private key, which may
 * be in the same file.  The error names the file that is at fault.
 */
int tls_certificate_use_files(
    struct ssl_ctx_st *context, const char *certificate, const char *key, struct error *error);

/* Makes a key and a certificate for name (a DNS name or an address), signed by itself. */
int tls_certificate_use_self_signed(
    struct ssl_ctx_st *context, const char *name, struct error *error);

/* Writes the context's own certificate to path as PEM. */
int tls_certificate_write(const struct ssl_ctx_st *context, const char *path, struct error *error);

#endif
