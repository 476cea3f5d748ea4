/* SPDX-License-Identifier: MIT */

/*
 * tls - TLS by OpenSSL, which tls*.c alone see
 *
 * Minimum 1.2, no renegotiation, no compression; certificates are verified,
 * name included (RFC 9525; an address by its IP SAN), partial wildcards are
 * refused, SNI is sent for names.  All disk access (the CA bundle) happens in
 * tls_client_new, so that a worker can shut itself in afterwards.
 */

#ifndef NET_TLS_H
#define NET_TLS_H

#include <stdbool.h>

#include "base/error.h"
#include "base/span.h"
#include "net/stream.h"

struct tls;
struct tls_facts;

/*
 * For connecting.  ca_file: a PEM bundle, or NULL for the system's (looked up
 * in the known places of Debian, Fedora, Alpine and openSUSE).  Returns NULL
 * with the places looked at in error.
 */
struct tls *tls_client_new(const char *ca_file, struct error *error);

/* The same with more.  Strings may be NULL; all is copied, and every file read now. */
struct tls_client_settings {
	const char *ca_file;	 /* as above */
	const char *certificate; /* our own, a PEM file, with its chain */
	const char *key;	 /* its key; NULL: in the same file */
	const char *name;	 /* sent and verified instead of the one that start() is given */
	const char *fingerprint; /* "sha256:...": this certificate alone, whatever verifies it */
	bool min_is_1_3;
	/* What else must be the same for a session to be used again: the host, the account. */
	const char *scope;
	struct span session; /* tls_session of an earlier connection; other settings ignore it */
};

struct tls *tls_client_new_with(const struct tls_client_settings *settings, struct error *error);

/* Gives one of tls_client_new these settings, once, before its first connection; ca_file stays. */
int tls_client_apply(
    struct tls *tls, const struct tls_client_settings *settings, struct error *error);

/* The newest session that the server has given, or nothing; a secret; valid until it speaks. */
struct span tls_session(const struct tls *tls);

/* What the server's certificate says goes there at each handshake; facts outlives tls. */
void tls_keep_facts(struct tls *tls, struct tls_facts *facts);

/* For being connected to.  certificate and key are PEM files. */
struct tls *tls_server_new(const char *certificate, const char *key, struct error *error);

/* The same with a self-signed certificate made now for name (a DNS name or an address). */
struct tls *tls_server_new_self_signed(const char *name, struct error *error);

/* Writes the server's own certificate as PEM, for those who shall trust it. */
int tls_write_certificate(const struct tls *tls, const char *path, struct error *error);

/* After every stream that it secured is finished. */
void tls_free(struct tls *tls);

/* The table for net/stream: start() makes one connection of this tls. */
struct stream_security tls_security(struct tls *tls);

#endif
