/* SPDX-License-Identifier: MIT */

#include "net/tls_trust.h"

#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/span.h"

struct authority {
	size_t start; /* in certificates */
	size_t length;
	size_t subject_start; /* in certificates, too */
	size_t subject_length;
};

struct tls_trust {
	char *path;		    /* owned; where they came from */
	struct buffer certificates; /* DER, one after another */
	struct authority *authorities;
	size_t count;
	char digest[32];
	X509_LOOKUP_METHOD *method;
};

enum { BUNDLE_LIMIT = 16 << 20 };

static const char *const places[] = {
	"/etc/ssl/certs/ca-certificates.crt",		     /* Debian, Alpine, Arch */
	"/etc/pki/tls/certs/ca-bundle.crt",		     /* Fedora, RHEL */
	"/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", /* the same, since Fedora 43 */
	"/etc/ssl/ca-bundle.pem",			     /* openSUSE */
	"/var/lib/ca-certificates/ca-bundle.pem",	     /* openSUSE, read-only root */
	"/etc/ssl/cert.pem",				     /* Alpine, the BSDs */
};

/* The path of the system's bundle, or NULL with the places looked at in error. */
static const char *find_bundle(struct error *error)
{
	CLEANUP(buffer_finish) struct buffer list = { 0 };

	buffer_init(&list, 1024);
	for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
		if (access(places[i], R_OK) == 0)
			return places[i];
		buffer_format(&list, "%s%s", i > 0 ? ", " : "", places[i]);
	}
	error_set(error, ERROR_CONFIG, "4.3.5",
	    "no bundle of CA certificates to verify servers with; looked at %s",
	    buffer_string(&list));
	error_code(error, "MC-TLS-03");
	error_means(error, "no server can be checked, and nothing is sent to one that is not");
	error_next(error,
	    "Debian: apt-get install ca-certificates; Alpine: apk add "
	    "ca-certificates; from scratch: COPY --from=alpine "
	    "/etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/; or set ca_file, or the variable "
	    "SSL_CERT_FILE");
	return NULL;
}

/* Enters the SEQUENCE at *next, which then points to its content; its length, or -1. */
static long enter_sequence(const unsigned char **next, long left)
{
	long length;
	int tag;
	int class;

	int flags = ASN1_get_object(next, &length, &tag, &class, left);
	return (flags & 0x80) == 0 && tag == V_ASN1_SEQUENCE ? length : -1;
}

/* Steps over the element at *next; its tag, or -1. */
static int skip_element(const unsigned char **next, const unsigned char *end)
{
	long length;
	int tag;
	int class;

	if ((ASN1_get_object(next, &length, &tag, &class, end - *next) & 0x80) != 0)
		return -1;
	*next += length;
	return class == V_ASN1_UNIVERSAL ? tag : V_ASN1_UNDEF;
}

/*
 * Finds the subject in a certificate without parsing the rest (RFC 5280, 4.1:
 * version, serial number, algorithm, issuer, validity, subject).
 */
static bool find_subject(const unsigned char *der, long size, struct authority *authority)
{
	const unsigned char *next = der;
	long length = enter_sequence(&next, size);

	if (length < 0)
		return false;
	length = enter_sequence(&next, length);
	if (length < 0)
		return false;
	const unsigned char *end = next + length;
	/* The version may be missing, the serial number may not. */
	int tag = skip_element(&next, end);
	if (tag != V_ASN1_INTEGER && skip_element(&next, end) != V_ASN1_INTEGER)
		return false;
	for (int i = 0; i < 3; i++)
		if (skip_element(&next, end) != V_ASN1_SEQUENCE)
			return false;
	const unsigned char *subject = next;
	if (skip_element(&next, end) != V_ASN1_SEQUENCE)
		return false;
	authority->subject_start = authority->start + (size_t)(subject - der);
	authority->subject_length = (size_t)(next - subject);
	return true;
}

static void add_authority(struct tls_trust *trust, const unsigned char *der, long size)
{
	struct authority authority = {
		.start = trust->certificates.length,
		.length = (size_t)size,
	};

	if (!find_subject(der, size, &authority))
		return;
	buffer_append(&trust->certificates, (const char *)der, (size_t)size);
	trust->authorities = memory_resize_array(
	    trust->authorities, trust->count + 1, sizeof *trust->authorities);
	trust->authorities[trust->count++] = authority;
}

static void read_bundle(struct tls_trust *trust, struct span text)
{
	BIO *bio = BIO_new_mem_buf(text.start, span_int(text));
	char *name;
	char *header;
	unsigned char *der;
	long size;

	while (PEM_read_bio(bio, &name, &header, &der, &size) == 1) {
		if (strcmp(name, PEM_STRING_X509) == 0 || strcmp(name, PEM_STRING_X509_OLD) == 0)
			add_authority(trust, der, size);
		OPENSSL_free(name);
		OPENSSL_free(header);
		OPENSSL_free(der);
	}
	/* The last failure is "no start line": the end. */
	ERR_clear_error();
	BIO_free(bio);
}

static bool make_digest(struct tls_trust *trust)
{
	return EVP_Digest(trust->certificates.start, trust->certificates.length,
		   (unsigned char *)trust->digest, NULL, EVP_sha256(), NULL) == 1;
}

void tls_trust_free(struct tls_trust *trust)
{
	if (trust == NULL)
		return;
	X509_LOOKUP_meth_free(trust->method);
	free(trust->authorities);
	free(trust->path);
	buffer_finish(&trust->certificates);
	free(trust);
}

struct tls_trust *tls_trust_new(const char *ca_file, struct error *error)
{
	const char *path = ca_file != NULL ? ca_file : find_bundle(error);
	CLEANUP(buffer_finish) struct buffer text = { 0 };

	if (path == NULL)
		return NULL;
	buffer_init(&text, BUNDLE_LIMIT);
	if (file_read_whole(path, &text, error) < 0) {
		error_prefix(error, "CA certificates: ");
		error_code(error, "MC-TLS-03");
		error_next(error, "correct ca_file, or SSL_CERT_FILE where that names it");
		return NULL;
	}
	struct tls_trust *trust = memory_allocate(sizeof *trust);
	trust->path = memory_copy_string(path);
	buffer_init(&trust->certificates, BUNDLE_LIMIT);
	read_bundle(trust, buffer_span(&text));
	if (trust->count != 0 && make_digest(trust))
		return trust;
	error_set(error, ERROR_CONFIG, "4.3.5", "%s holds no certificate", path);
	error_code(error, "MC-TLS-03");
	error_next(error, "a PEM file has lines -----BEGIN CERTIFICATE-----");
	tls_trust_free(trust);
	return NULL;
}

const char *tls_trust_path(const struct tls_trust *trust)
{
	return trust->path;
}

struct span tls_trust_digest(const struct tls_trust *trust)
{
	return span_from_bytes(trust->digest, sizeof trust->digest);
}

/* The certificate at this index when its subject is the name, else NULL. */
static X509 *parse_if_named(const struct tls_trust *trust, size_t index, const X509_NAME *name)
{
	const struct authority *authority = &trust->authorities[index];
	const unsigned char *start = (const unsigned char *)trust->certificates.start;
	const unsigned char *next = start + authority->subject_start;
	X509_NAME *subject = d2i_X509_NAME(NULL, &next, (long)authority->subject_length);
	/* Names are equal in more than their octets (RFC 5280, 7.1). */
	bool is_named = subject != NULL && X509_NAME_cmp(subject, name) == 0;

	X509_NAME_free(subject);
	next = start + authority->start;
	return is_named ? d2i_X509(NULL, &next, (long)authority->length) : NULL;
}

/*
 * Called by OpenSSL for a subject that the store does not hold yet.  What is
 * found is added to the store, which keeps it: found then only borrows it
 * (X509_LOOKUP_meth_new(3), on the one reference too many).
 */
static int get_by_subject(
    X509_LOOKUP *lookup, X509_LOOKUP_TYPE type, const X509_NAME *name, X509_OBJECT *found)
{
	struct tls_trust *trust = X509_LOOKUP_get_method_data(lookup);
	bool is_found = false;

	for (size_t i = 0; type == X509_LU_X509 && i < trust->count; i++) {
		X509 *certificate = parse_if_named(trust, i, name);

		if (certificate == NULL)
			continue;
		if (X509_STORE_add_cert(X509_LOOKUP_get_store(lookup), certificate) == 1 &&
		    !is_found && X509_OBJECT_set1_X509(found, certificate) == 1) {
			is_found = true;
			X509_free(certificate);
		}
		X509_free(certificate);
	}
	/* What did not parse is not there; its errors would be taken for the connection's. */
	ERR_clear_error();
	return is_found;
}

int tls_trust_attach(struct tls_trust *trust, SSL_CTX *context, struct error *error)
{
	trust->method = X509_LOOKUP_meth_new("mailchute");
	if (trust->method == NULL ||
	    X509_LOOKUP_meth_set_get_by_subject(trust->method, get_by_subject) != 1)
		return error_set(error, ERROR_SOFTWARE, "4.3.0", "TLS cannot be set up");
	X509_LOOKUP *lookup = X509_STORE_add_lookup(SSL_CTX_get_cert_store(context), trust->method);
	if (lookup == NULL || X509_LOOKUP_set_method_data(lookup, trust) != 1)
		return error_set(error, ERROR_SOFTWARE, "4.3.0", "TLS cannot be set up");
	return 0;
}
