/* SPDX-License-Identifier: MIT */

/*
 * certificates - made to order for tests, good and bad ones
 */

#ifndef TESTS_NET_CERTIFICATES_H
#define TESTS_NET_CERTIFICATES_H

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DAY = 86400 };

struct certificate {
	X509 *x509;
	EVP_PKEY *key;
};

/* What is not said is left out; days 0 and 0 stand for yesterday until in a year. */
struct certificate_order {
	const char *name;
	const char *hosts; /* "DNS:a.example,IP:192.0.2.1" */
	const char *usage; /* "serverAuth" */
	bool is_authority;
	bool is_sha1;	   /* signed so */
	unsigned rsa_bits; /* 0: P-256 */
	struct {
		const char *start;
		int length;
	} raw_host; /* a DNS name in the SAN with what a text cannot hold */
	int from_day;
	int to_day;
};

static inline void certificate_require(bool is_good)
{
	if (!is_good)
		abort();
}

static inline void certificate_extend(X509 *x509, int nid, const char *value)
{
	X509V3_CTX context;

	X509V3_set_ctx_nodb(&context);
	X509V3_set_ctx(&context, x509, x509, NULL, NULL, 0);
	X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
	certificate_require(extension != NULL && X509_add_ext(x509, extension, -1) == 1);
	X509_EXTENSION_free(extension);
}

static inline void certificate_add_raw_host(X509 *x509, const char *host, int length)
{
	GENERAL_NAMES *names = sk_GENERAL_NAME_new_null();
	GENERAL_NAME *name = GENERAL_NAME_new();
	ASN1_IA5STRING *value = ASN1_IA5STRING_new();

	certificate_require(ASN1_STRING_set(value, host, length) == 1);
	GENERAL_NAME_set0_value(name, GEN_DNS, value);
	certificate_require(sk_GENERAL_NAME_push(names, name) == 1);
	certificate_require(X509_add1_ext_i2d(x509, NID_subject_alt_name, names, 0, 0) == 1);
	GENERAL_NAMES_free(names);
}

/* issuer NULL: self-signed. */
static inline struct certificate certificate_make(
    const struct certificate_order *order, const struct certificate *issuer)
{
	struct certificate made = { X509_new(),
		order->rsa_bits != 0 ? EVP_RSA_gen(order->rsa_bits) : EVP_EC_gen("P-256") };
	static uint64_t serial = 1;
	bool is_usual = order->from_day == 0 && order->to_day == 0;

	certificate_require(made.x509 != NULL && made.key != NULL);
	X509_NAME *subject = X509_get_subject_name(made.x509);
	X509_set_version(made.x509, X509_VERSION_3);
	ASN1_INTEGER_set_uint64(X509_get_serialNumber(made.x509), serial++);
	X509_gmtime_adj(X509_getm_notBefore(made.x509), (is_usual ? -1 : order->from_day) * DAY);
	X509_gmtime_adj(X509_getm_notAfter(made.x509), (is_usual ? 365 : order->to_day) * DAY);
	X509_NAME_add_entry_by_txt(
	    subject, "CN", MBSTRING_UTF8, (const unsigned char *)order->name, -1, -1, 0);
	X509_set_issuer_name(
	    made.x509, issuer != NULL ? X509_get_subject_name(issuer->x509) : subject);
	X509_set_pubkey(made.x509, made.key);
	certificate_extend(made.x509, NID_basic_constraints,
	    order->is_authority ? "critical,CA:TRUE" : "critical,CA:FALSE");
	if (order->hosts != NULL)
		certificate_extend(made.x509, NID_subject_alt_name, order->hosts);
	if (order->raw_host.start != NULL)
		certificate_add_raw_host(made.x509, order->raw_host.start, order->raw_host.length);
	if (order->usage != NULL)
		certificate_extend(made.x509, NID_ext_key_usage, order->usage);
	certificate_require(X509_sign(made.x509, issuer != NULL ? issuer->key : made.key,
				order->is_sha1 ? EVP_sha1() : EVP_sha256()) != 0);
	return made;
}

static inline void certificate_free(struct certificate *certificate)
{
	X509_free(certificate->x509);
	EVP_PKEY_free(certificate->key);
	*certificate = (struct certificate){ 0 };
}

/* Writes count certificates as PEM to one file. */
static inline void certificate_write(
    const char *path, const struct certificate *const *list, size_t count)
{
	FILE *file = fopen(path, "we");

	certificate_require(file != NULL);
	for (size_t i = 0; i < count; i++)
		certificate_require(PEM_write_X509(file, list[i]->x509) == 1);
	certificate_require(fclose(file) == 0);
}

static inline void certificate_write_key(const char *path, const struct certificate *certificate)
{
	FILE *file = fopen(path, "we");

	certificate_require(file != NULL);
	certificate_require(
	    PEM_write_PrivateKey(file, certificate->key, NULL, NULL, 0, NULL, NULL) == 1);
	certificate_require(fclose(file) == 0);
}

#endif
