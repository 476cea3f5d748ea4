/* SPDX-License-Identifier: MIT */

/*
 * tls_pin - the one certificate that will do, by its fingerprint
 *
 * Instead of verification: neither authorities nor names nor dates count.
 */

#ifndef NET_TLS_PIN_H
#define NET_TLS_PIN_H

#include "base/error.h"
#include "base/fingerprint.h"

struct ssl_ctx_st; /* SSL_CTX */

struct tls_pin {
	unsigned char octets[FINGERPRINT_OCTETS];
};

/* Reads "sha256:...".  -1: it is none. */
int tls_pin_init(struct tls_pin *pin, const char *fingerprint, struct error *error);

/* From now on context takes the pinned certificate alone; pin must outlive it. */
void tls_pin_attach(struct tls_pin *pin, struct ssl_ctx_st *context);

#endif
