/* SPDX-License-Identifier: MIT */

/*
 * tls_refusal - why a certificate is refused, in words
 *
 * OpenSSL's verification reports here.
 *
 * Does not know: connections, the peer's name for messages.
 */

#ifndef NET_TLS_REFUSAL_H
#define NET_TLS_REFUSAL_H

#include "base/error.h"

struct x509_store_ctx_st; /* X509_STORE_CTX */

/* name and trust are set before, the rest is zeroed. */
struct tls_refusal {
	const char *name;	    /* borrowed; whom the certificate must be for */
	const char *trust;	    /* borrowed; the file with the authorities */
	char text[600];		    /* continues "the certificate of PEER "; "": none was refused */
	const char *means;	    /* for error_means; never NULL when text is not empty */
	char next[ERROR_NEXT_SIZE]; /* for error_next */
};

/*
 * For SSL_CTX_set_verify; the SSL's app data is the struct tls_refusal.  The
 * first fault is kept.  Returns is_good: nothing is forgiven here.
 */
int tls_refusal_note(int is_good, struct x509_store_ctx_st *verification);

#endif
