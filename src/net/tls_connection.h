/* SPDX-License-Identifier: MIT */

/*
 * tls_connection - one stream's TLS: the handshake, then its octets
 *
 * OpenSSL reads and writes through a BIO of ours: it takes two descriptors,
 * sends to sockets without SIGPIPE (pipes need it ignored), and follows the
 * records.
 *
 * Does not know: where certificates and authorities come from.
 */

#ifndef NET_TLS_CONNECTION_H
#define NET_TLS_CONNECTION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "net/stream.h"

struct bio_method_st; /* BIO_METHOD */
struct ssl_ctx_st;    /* SSL_CTX */
struct tls_resumption;
struct tls_facts;

/* What connections are made from; all of it must outlive them. */
struct tls_connection_source {
	struct ssl_ctx_st *context; /* verifies by tls_refusal_note, if at all */
	struct bio_method_st *method;
	const char *trust; /* the file with the authorities, for messages; a server's is NULL */
	struct tls_resumption *resumption; /* NULL: a server */
	struct tls_facts *facts;	   /* filled by each handshake; NULL: nobody wants them */
	bool min_is_1_3;
};

/* The method of every source.  NULL: it cannot be had; BIO_meth_free gives it back. */
struct bio_method_st *tls_connection_make_method(void);

/*
 * Makes the handshake and sets the stream's operations, context, is_secure
 * and security.  name is whom the certificate must be for (client), NULL at
 * the server's end.  -1 leaves the stream as it was, good for closing only.
 */
int tls_connection_start(const struct tls_connection_source *source, struct stream *stream,
    const char *name, int64_t deadline, struct error *error);

#endif
