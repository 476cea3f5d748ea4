/* SPDX-License-Identifier: MIT */

/* Tests net/tls_trust.c: what is read from a bundle, and what a store finds in it. */

#include "net/tls_trust.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/net/certificates.h"
#include "tests/support/cmocka.h"

static char bundle[] = "/tmp/mailchute-trust-XXXXXX";

static int set_up(void **state)
{
	int fd = mkstemp(bundle);

	(void)state;
	return fd >= 0 ? close(fd) : -1;
}

static int tear_down(void **state)
{
	(void)state;
	return unlink(bundle);
}

static struct certificate make_authority(const char *name)
{
	const struct certificate_order order = { .name = name, .is_authority = true };

	return certificate_make(&order, NULL);
}

/* One block of PEM, whatever the bytes are. */
static void write_block(const char *mode, const char *name, const unsigned char *bytes, long size)
{
	FILE *file = fopen(bundle, mode);

	assert_non_null(file);
	assert_int_equal(fputs("words that are no PEM\n", file) >= 0, 1);
	assert_true(PEM_write(file, name, "", bytes, size) > 0);
	assert_int_equal(fclose(file), 0);
}

/* A fresh context that trusts the bundle. */
static SSL_CTX *attach(struct tls_trust *trust)
{
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());
	struct error error;

	assert_non_null(trust);
	assert_non_null(context);
	assert_int_equal(tls_trust_attach(trust, context, &error), 0);
	return context;
}

/* How many certificates with the subject of one the context finds. */
static int count_found(SSL_CTX *context, const X509_NAME *subject)
{
	X509_STORE_CTX *verification = X509_STORE_CTX_new();

	assert_int_equal(
	    X509_STORE_CTX_init(verification, SSL_CTX_get_cert_store(context), NULL, NULL), 1);
	STACK_OF(X509) *found = X509_STORE_CTX_get1_certs(verification, subject);
	int count = sk_X509_num(found);
	sk_X509_pop_free(found, X509_free);
	X509_STORE_CTX_free(verification);
	return count > 0 ? count : 0;
}

static void a_subject_is_found(void **state)
{
	struct certificate root = make_authority("Test Root");
	struct certificate twin = make_authority("Test Root");
	struct certificate other = make_authority("Other Root");
	struct certificate shouting = make_authority("TEST  root");
	struct certificate absent = make_authority("Test Roo");
	const struct certificate *list[] = { &other, &root, &twin };
	const struct find {
		const char *name;
		const struct certificate *certificate;
		int count;
	} finds[] = {
		{ "two of one name", &root, 2 },
		{ "again, now from the store", &root, 2 },
		{ "the first", &other, 1 },
		{ "none", &absent, 0 },
	};
	struct error error;

	(void)state;
	certificate_write(bundle, list, 3);
	struct tls_trust *trust = tls_trust_new(bundle, &error);
	SSL_CTX *context = attach(trust);
	assert_string_equal(tls_trust_path(trust), bundle);
	for (size_t i = 0; i < sizeof finds / sizeof finds[0]; i++) {
		int count = count_found(context, X509_get_subject_name(finds[i].certificate->x509));
		if (count != finds[i].count)
			fail_msg("%s: %d", finds[i].name, count);
	}
	SSL_CTX_free(context);
	tls_trust_free(trust);

	/* RFC 5280, 7.1: case and inner spaces make no other name. */
	trust = tls_trust_new(bundle, &error);
	context = attach(trust);
	assert_int_equal(count_found(context, X509_get_subject_name(shouting.x509)), 2);
	SSL_CTX_free(context);
	tls_trust_free(trust);
	certificate_free(&root);
	certificate_free(&twin);
	certificate_free(&other);
	certificate_free(&shouting);
	certificate_free(&absent);
}

static void what_is_no_certificate_is_passed_over(void **state)
{
	struct certificate root = make_authority("Test Root");
	unsigned char *der = NULL;
	int size = i2d_X509(root.x509, &der);
	struct error error;

	(void)state;
	assert_true(size > 0);
	write_block("we", "PRIVATE KEY", der, size);
	write_block("ae", "CERTIFICATE", (const unsigned char *)"0\x03xyz", 5);
	assert_null(tls_trust_new(bundle, &error));
	assert_non_null(strstr(error.text, "holds no certificate"));
	assert_non_null(strstr(error.text, bundle));
	assert_int_equal(error.kind, ERROR_CONFIG);
	write_block("ae", "X509 CERTIFICATE", der, size);
	struct tls_trust *trust = tls_trust_new(bundle, &error);
	SSL_CTX *context = attach(trust);
	assert_int_equal(count_found(context, X509_get_subject_name(root.x509)), 1);
	/* The end of the bundle is no error of the connection. */
	assert_int_equal(ERR_peek_error(), 0);
	SSL_CTX_free(context);
	tls_trust_free(trust);
	OPENSSL_free(der);
	certificate_free(&root);
}

static void half_a_certificate_is_none(void **state)
{
	struct certificate root = make_authority("Test Root");
	unsigned char *der = NULL;
	int size = i2d_X509(root.x509, &der);
	struct error error;

	(void)state;
	for (int length = 1; length < size; length++) {
		write_block("we", "CERTIFICATE", der, length);
		if (tls_trust_new(bundle, &error) != NULL)
			fail_msg("%d of %d octets", length, size);
	}
	OPENSSL_free(der);
	certificate_free(&root);
}

/* Whatever is wrong with it: it may be found or not, but nothing is read outside of it. */
static void a_certificate_with_one_octet_wrong_does_no_harm(void **state)
{
	static const unsigned char wrong[] = { 0x00, 0x02, 0x30, 0x80, 0x84, 0xff };
	struct certificate root = make_authority("Test Root");
	unsigned char *der = NULL;
	int size = i2d_X509(root.x509, &der);
	struct error error;

	(void)state;
	for (int i = 0; i < size * (int)sizeof wrong; i++) {
		unsigned char *octet = &der[i / (int)sizeof wrong];
		unsigned char right = *octet;

		*octet = wrong[i % (int)sizeof wrong];
		write_block("we", "CERTIFICATE", der, size);
		*octet = right;
		struct tls_trust *trust = tls_trust_new(bundle, &error);
		if (trust == NULL)
			continue;
		SSL_CTX *context = attach(trust);
		assert_true(count_found(context, X509_get_subject_name(root.x509)) <= 1);
		assert_int_equal(ERR_peek_error(), 0);
		SSL_CTX_free(context);
		tls_trust_free(trust);
	}
	OPENSSL_free(der);
	certificate_free(&root);
}

static void a_bundle_that_is_not_there_is_named(void **state)
{
	struct error error;

	(void)state;
	/* Whether it counts is for the settings to say, which then name it. */
	assert_int_equal(setenv("SSL_CERT_FILE", "/nonexistent/other.pem", 1), 0);
	assert_null(tls_trust_new("/nonexistent/ca.pem", &error));
	assert_non_null(strstr(error.text, "CA certificates: "));
	assert_non_null(strstr(error.text, "/nonexistent/ca.pem"));
	assert_non_null(strstr(error.next, "ca_file"));
	assert_non_null(strstr(error.next, "SSL_CERT_FILE"));
	struct tls_trust *trust = tls_trust_new(NULL, &error);
	assert_null(strstr(error.text, "other.pem"));
	tls_trust_free(trust);
	assert_int_equal(unsetenv("SSL_CERT_FILE"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_subject_is_found),
		cmocka_unit_test(what_is_no_certificate_is_passed_over),
		cmocka_unit_test(half_a_certificate_is_none),
		cmocka_unit_test(a_certificate_with_one_octet_wrong_does_no_harm),
		cmocka_unit_test(a_bundle_that_is_not_there_is_named),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
