/* SPDX-License-Identifier: MIT */

/* Tests net/tls_certificate.c.  That clients accept what it makes is tested in tls_test.c. */

#include "net/tls_certificate.h"

#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/net/certificates.h"
#include "tests/support/cmocka.h"

static char certificate_path[] = "/tmp/mailchute-certificate-XXXXXX";
static char key_path[] = "/tmp/mailchute-key-XXXXXX";

static int set_up(void **state)
{
	int first = mkstemp(certificate_path);
	int second = mkstemp(key_path);

	(void)state;
	return first >= 0 && second >= 0 && close(first) == 0 && close(second) == 0 ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	return unlink(certificate_path) == 0 && unlink(key_path) == 0 ? 0 : -1;
}

static SSL_CTX *make_context(void)
{
	SSL_CTX *context = SSL_CTX_new(TLS_server_method());

	assert_non_null(context);
	return context;
}

/* An address counts as such only, never as a DNS name that looks like one (RFC 9525, 6.1). */
static bool is_for(X509 *certificate, const char *name)
{
	ASN1_OCTET_STRING *address = a2i_IPADDRESS(name);

	ASN1_OCTET_STRING_free(address);
	if (address != NULL)
		return X509_check_ip_asc(certificate, name, 0) == 1;
	return X509_check_host(certificate, name, 0, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT, NULL) ==
	       1;
}

static void what_is_made_is_a_server_certificate(void **state)
{
	static const char *const names[] = { "localhost", "mail.example.com", "127.0.0.1", "::1" };
	enum { COUNT = sizeof names / sizeof names[0] };

	(void)state;
	for (size_t i = 0; i < COUNT; i++) {
		SSL_CTX *context = make_context();
		struct error error;

		if (tls_certificate_use_self_signed(context, names[i], &error) < 0)
			fail_msg("%s: %s", names[i], error.text);
		X509 *certificate = SSL_CTX_get0_certificate(context);
		for (size_t other = 0; other < COUNT; other++)
			if (is_for(certificate, names[other]) != (other == i))
				fail_msg("%s: for %s", names[i], names[other]);
		assert_int_equal(X509_check_purpose(certificate, X509_PURPOSE_SSL_SERVER, 0), 1);
		assert_int_equal(X509_check_purpose(certificate, X509_PURPOSE_SSL_CLIENT, 0), 0);
		assert_int_equal(X509_check_ca(certificate), 0);
		assert_int_equal(X509_verify(certificate, X509_get0_pubkey(certificate)), 1);
		assert_int_equal(X509_cmp_current_time(X509_get0_notBefore(certificate)), -1);
		assert_int_equal(X509_cmp_current_time(X509_get0_notAfter(certificate)), 1);
		assert_int_equal(SSL_CTX_check_private_key(context), 1);
		SSL_CTX_free(context);
	}
}

/* RFC 5280, 4.1.2.2: positive, and each but once. */
static void serial_numbers_differ(void **state)
{
	uint64_t serials[8] = { 0 };

	(void)state;
	for (int i = 0; i < 8; i++) {
		SSL_CTX *context = make_context();
		struct error error;

		assert_int_equal(tls_certificate_use_self_signed(context, "localhost", &error), 0);
		const X509 *certificate = SSL_CTX_get0_certificate(context);
		assert_int_equal(
		    ASN1_INTEGER_get_uint64(&serials[i], X509_get0_serialNumber(certificate)), 1);
		assert_true(serials[i] <= INT64_MAX);
		for (int earlier = 0; earlier < i; earlier++)
			assert_true(serials[earlier] != serials[i]);
		SSL_CTX_free(context);
	}
}

static void what_is_no_name_gets_no_certificate(void **state)
{
	SSL_CTX *context = make_context();
	struct error error;

	(void)state;
	/* The comma would begin another entry, which has no type. */
	assert_int_equal(tls_certificate_use_self_signed(context, "a,b", &error), -1);
	assert_memory_equal(error.text, "cannot make a certificate: ", 27);
	assert_int_equal(error.kind, ERROR_CONFIG);
	assert_null(SSL_CTX_get0_certificate(context));
	SSL_CTX_free(context);
}

static X509 *read_certificate(const char *path)
{
	FILE *file = fopen(path, "re");

	assert_non_null(file);
	X509 *certificate = PEM_read_X509(file, NULL, NULL, NULL);
	assert_int_equal(fclose(file), 0);
	return certificate;
}

static void what_is_written_is_the_certificate_alone(void **state)
{
	SSL_CTX *context = make_context();
	FILE *file = fopen(certificate_path, "we");
	struct error error;
	struct stat status;

	(void)state;
	assert_non_null(file);
	for (int i = 0; i < 1000; i++)
		assert_true(fputs("an older, longer file\n", file) >= 0);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(tls_certificate_use_self_signed(context, "localhost", &error), 0);
	assert_int_equal(tls_certificate_write(context, certificate_path, &error), 0);
	X509 *written = read_certificate(certificate_path);
	assert_non_null(written);
	assert_int_equal(X509_cmp(written, SSL_CTX_get0_certificate(context)), 0);
	assert_int_equal(stat(certificate_path, &status), 0);
	assert_true(status.st_size < 2000);
	X509_free(written);
	assert_int_equal(tls_certificate_write(context, "/nonexistent/c.pem", &error), -1);
	assert_non_null(strstr(error.text, "cannot write /nonexistent/c.pem"));
	assert_int_equal(tls_certificate_write(context, "/dev/full", &error), -1);
	assert_non_null(strstr(error.text, "cannot write /dev/full"));
	SSL_CTX_free(context);
}

static void files_are_used_or_named(void **state)
{
	const struct certificate_order order = { .name = "x", .hosts = "DNS:localhost" };
	struct certificate leaf = certificate_make(&order, NULL);
	struct certificate other = certificate_make(&order, NULL);
	const struct certificate *chain[] = { &leaf };
	struct error error;

	(void)state;
	certificate_write(certificate_path, chain, 1);
	for (int i = 0; i < 2; i++) {
		SSL_CTX *context = make_context();

		certificate_write_key(key_path, i == 0 ? &leaf : &other);
		int outcome = tls_certificate_use_files(
		    context, certificate_path, key_path, &error);
		assert_int_equal(outcome, i == 0 ? 0 : -1);
		SSL_CTX_free(context);
	}
	assert_memory_equal(error.text, "the private key /tmp/", 21);
	assert_non_null(strstr(error.text, "does not belong to the certificate /tmp/"));
	SSL_CTX *context = make_context();
	assert_int_equal(
	    tls_certificate_use_files(context, "/nonexistent/c", key_path, &error), -1);
	assert_memory_equal(error.text, "cannot read the certificate /nonexistent/c as uid ", 50);
	assert_int_equal(error.kind, ERROR_CONFIG);
	assert_string_equal(error.status, "4.3.5");
	assert_int_equal(
	    tls_certificate_use_files(context, certificate_path, "/nonexistent/k", &error), -1);
	assert_memory_equal(error.text, "cannot read the private key /nonexistent/k as uid ", 50);
	assert_int_equal(
	    tls_certificate_use_files(context, certificate_path, "/dev/null", &error), -1);
	assert_memory_equal(error.text, "cannot use the private key /dev/null: ", 38);
	SSL_CTX_free(context);
	certificate_free(&leaf);
	certificate_free(&other);
}

/* Whoever asked for the passphrase would wait for an answer that never comes. */
static void an_encrypted_key_is_refused(void **state)
{
	const struct certificate_order order = { .name = "x" };
	struct certificate leaf = certificate_make(&order, NULL);
	const struct certificate *chain[] = { &leaf };
	SSL_CTX *context = make_context();
	FILE *file = fopen(key_path, "we");
	unsigned char word[] = "secret";
	struct error error;

	(void)state;
	assert_non_null(file);
	assert_int_equal(
	    PEM_write_PrivateKey(file, leaf.key, EVP_aes_128_cbc(), word, 6, NULL, NULL), 1);
	assert_int_equal(fclose(file), 0);
	certificate_write(certificate_path, chain, 1);
	assert_int_equal(
	    tls_certificate_use_files(context, certificate_path, key_path, &error), -1);
	assert_non_null(strstr(error.text, key_path));
	assert_non_null(strstr(error.text, "it is encrypted"));
	assert_int_equal(error.kind, ERROR_CONFIG);
	SSL_CTX_free(context);
	certificate_free(&leaf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_made_is_a_server_certificate),
		cmocka_unit_test(serial_numbers_differ),
		cmocka_unit_test(what_is_no_name_gets_no_certificate),
		cmocka_unit_test(what_is_written_is_the_certificate_alone),
		cmocka_unit_test(files_are_used_or_named),
		cmocka_unit_test(an_encrypted_key_is_refused),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
