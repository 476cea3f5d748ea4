/* SPDX-License-Identifier: MIT */

#include "net/tls_pin.h"

#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <stdio.h>
#include <string.h>

#include "net/tls_refusal.h"

int tls_pin_init(struct tls_pin *pin, const char *fingerprint, struct error *error)
{
	if (fingerprint_parse(span_from_string(fingerprint), pin->octets))
		return 0;
	error_set(error, ERROR_CONFIG, "4.3.5", "tls_fingerprint = \"%s\" is no fingerprint",
	    fingerprint);
	return error_next(error, "write sha256: and 64 hexadecimal digits");
}

static void refuse(struct tls_refusal *refusal, const unsigned char seen[static FINGERPRINT_OCTETS])
{
	char text[FINGERPRINT_SIZE];

	fingerprint_format(seen, text);
	snprintf(refusal->text, sizeof refusal->text,
	    "has the fingerprint %s, not the one that tls_fingerprint names", text);
	refusal->means = "the certificate was replaced, or somebody stands between";
	snprintf(refusal->next, sizeof refusal->next,
	    "if its operator has replaced the certificate (ask!), write tls_fingerprint = \"%s\"",
	    text);
}

/* Stands in for OpenSSL's whole verification (SSL_CTX_set_cert_verify_callback(3)). */
static int judge(X509_STORE_CTX *verification, void *context)
{
	const struct tls_pin *pin = context;
	SSL *ssl = X509_STORE_CTX_get_ex_data(verification, SSL_get_ex_data_X509_STORE_CTX_idx());
	unsigned char seen[EVP_MAX_MD_SIZE] = { 0 };
	unsigned length = 0;

	int is_read = X509_digest(
	    X509_STORE_CTX_get0_cert(verification), EVP_sha256(), seen, &length);
	if (is_read == 1 && length == sizeof pin->octets &&
	    memcmp(seen, pin->octets, sizeof pin->octets) == 0) {
		X509_STORE_CTX_set_error(verification, X509_V_OK);
		return 1;
	}
	refuse(SSL_get_app_data(ssl), seen);
	X509_STORE_CTX_set_error(verification, X509_V_ERR_CERT_REJECTED);
	return 0;
}

void tls_pin_attach(struct tls_pin *pin, SSL_CTX *context)
{
	SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_cert_verify_callback(context, judge, pin);
}
