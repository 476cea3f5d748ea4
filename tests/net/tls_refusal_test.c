/* SPDX-License-Identifier: MIT */

/*
 * Tests net/tls_refusal.c: what is said of which verdict.  That the verdicts
 * are right is tested in tls_test.c.
 */

#include "net/tls_refusal.h"

#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <string.h>

#include "tests/net/certificates.h"
#include "tests/support/cmocka.h"

#define SERVER "mail.example.com"

/* Tells the refusal of one verdict about certificate, which stands depth above the server's. */
static int note(
    struct tls_refusal *refusal, const struct certificate *certificate, int code, int depth)
{
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());
	SSL *ssl = SSL_new(context);
	X509_STORE_CTX *verification = X509_STORE_CTX_new();

	assert_non_null(ssl);
	SSL_set_app_data(ssl, refusal);
	assert_int_equal(X509_STORE_CTX_init(verification, NULL, certificate->x509, NULL), 1);
	assert_int_equal(
	    X509_STORE_CTX_set_ex_data(verification, SSL_get_ex_data_X509_STORE_CTX_idx(), ssl), 1);
	X509_STORE_CTX_set_error(verification, code);
	X509_STORE_CTX_set_error_depth(verification, depth);
	X509_STORE_CTX_set_current_cert(verification, certificate->x509);
	int outcome = tls_refusal_note(code == X509_V_OK, verification);
	X509_STORE_CTX_free(verification);
	SSL_free(ssl);
	SSL_CTX_free(context);
	return outcome;
}

static const struct row {
	const char *name;
	struct certificate_order order;
	int code;
	int depth;
	const char *text; /* the beginning of it */
	const char *next;
} rows[] = {
	{ "nothing", { .name = "x" }, X509_V_OK, 0, "", "" },
	{ "another name", { .name = SERVER, .hosts = "DNS:a.example" },
	    X509_V_ERR_HOSTNAME_MISMATCH, 0, "is for a.example, not for " SERVER, "url" },
	{ "six names", { .name = "x", .hosts = "DNS:1.a,DNS:2.a,DNS:3.a,DNS:4.a,DNS:5.a,DNS:6.a" },
	    X509_V_ERR_HOSTNAME_MISMATCH, 0, "is for 1.a, 2.a, 3.a, 4.a, 5.a, 6.a, not for ", "" },
	{ "eight names",
	    { .name = "x",
		.hosts = "DNS:1.a,DNS:2.a,DNS:3.a,DNS:4.a,DNS:5.a,DNS:6.a,DNS:7.a,DNS:8.a" },
	    X509_V_ERR_HOSTNAME_MISMATCH, 0,
	    "is for 1.a, 2.a, 3.a, 4.a, 5.a, 6.a and 2 more, not for ", "" },
	{ "an address", { .name = "x", .hosts = "IP:192.0.2.2,IP:2001:db8::2" },
	    X509_V_ERR_IP_ADDRESS_MISMATCH, 0, "is for 192.0.2.2, 2001:db8::2, not for " SERVER,
	    "url" },
	{ "names that are no hosts", { .name = "x", .hosts = "email:a@example.com,URI:http://b" },
	    X509_V_ERR_HOSTNAME_MISMATCH, 0, "is not for " SERVER ": it has no", "" },
	{ "a common name alone", { .name = SERVER }, X509_V_ERR_HOSTNAME_MISMATCH, 0,
	    "is not for " SERVER ": it has no subjectAltName, only the name \"" SERVER "\"",
	    "url" },
	{ "self-signed", { .name = "x" }, X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT, 0,
	    "is self-signed and not in /etc/ca.pem", "set ca_file" },
	{ "an unknown root", { .name = "Stranger Root" }, X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN, 1,
	    "comes from an unknown authority, \"Stranger Root\", which is not in /etc/ca.pem",
	    "set ca_file" },
	{ "an issuer that is not there", { .name = "x" },
	    X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, 0, "comes from an unknown authority",
	    "whole chain" },
	{ "expired", { .name = "x", .from_day = -20, .to_day = -10 }, X509_V_ERR_CERT_HAS_EXPIRED,
	    0, "expired on 20", "the clock here is wrong: it says 20" },
	{ "not yet valid", { .name = "x", .from_day = 10, .to_day = 20 },
	    X509_V_ERR_CERT_NOT_YET_VALID, 0, "is not valid before 20", "the clock here" },
	{ "an expired authority", { .name = "Old", .from_day = -20, .to_day = -10 },
	    X509_V_ERR_CERT_HAS_EXPIRED, 1, "depends on that of \"Old\", which expired on 20",
	    "the clock here" },
	{ "anything else", { .name = "x" }, X509_V_ERR_INVALID_PURPOSE, 0,
	    "does not pass: ", "replaced" },
};

static void a_verdict_is_put_in_words(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const struct row *row = &rows[i];
		struct tls_refusal refusal = { .name = SERVER, .trust = "/etc/ca.pem" };
		struct certificate certificate = certificate_make(&row->order, NULL);
		int outcome = note(&refusal, &certificate, row->code, row->depth);

		if (outcome != (row->code == X509_V_OK))
			fail_msg("%s: %d", row->name, outcome);
		if (strncmp(refusal.text, row->text, strlen(row->text)) != 0 ||
		    strstr(refusal.next, row->next) == NULL)
			fail_msg("%s: %s; %s", row->name, refusal.text, refusal.next);
		if ((refusal.text[0] == '\0') != (row->text[0] == '\0'))
			fail_msg("%s: %s", row->name, refusal.text);
		certificate_free(&certificate);
	}
}

static void the_first_fault_is_told(void **state)
{
	const struct certificate_order order = { .name = "x" };
	struct certificate certificate = certificate_make(&order, NULL);
	struct tls_refusal refusal = { .name = SERVER, .trust = "/etc/ca.pem" };

	(void)state;
	assert_int_equal(note(&refusal, &certificate, X509_V_ERR_CERT_HAS_EXPIRED, 0), 0);
	assert_int_equal(note(&refusal, &certificate, X509_V_ERR_HOSTNAME_MISMATCH, 0), 0);
	assert_memory_equal(refusal.text, "expired on", 10);
	certificate_free(&certificate);
}

static void add_name(GENERAL_NAMES *names, int type, const char *bytes, int length)
{
	GENERAL_NAME *name = GENERAL_NAME_new();
	ASN1_STRING *value = ASN1_STRING_type_new(
	    type == GEN_DNS ? V_ASN1_IA5STRING : V_ASN1_OCTET_STRING);

	assert_int_equal(ASN1_STRING_set(value, bytes, length), 1);
	GENERAL_NAME_set0_value(name, type, value);
	assert_true(sk_GENERAL_NAME_push(names, name) > 0);
}

/* What a name holds must show: a NUL ended the comparison in others (CVE-2009-2408). */
static void odd_names_show(void **state)
{
	const struct certificate_order order = { .name = "x" };
	struct certificate certificate = certificate_make(&order, NULL);
	struct tls_refusal refusal = { .name = SERVER, .trust = "/etc/ca.pem" };
	GENERAL_NAMES *names = GENERAL_NAMES_new();

	(void)state;
	add_name(names, GEN_DNS, SERVER "\0.evil.example", sizeof SERVER "\0.evil.example" - 1);
	add_name(names, GEN_IPADD, "12345", 5);
	assert_int_equal(
	    X509_add1_ext_i2d(certificate.x509, NID_subject_alt_name, names, 0, X509V3_ADD_APPEND),
	    1);
	GENERAL_NAMES_free(names);
	(void)note(&refusal, &certificate, X509_V_ERR_HOSTNAME_MISMATCH, 0);
	assert_string_equal(
	    refusal.text, "is for " SERVER "?.evil.example, a malformed address, not for " SERVER);
	certificate_free(&certificate);
}

static void an_authority_without_a_common_name_is_named_too(void **state)
{
	static const struct naming {
		const char *organisation; /* NULL: none */
		const char *text;
	} namings[] = {
		{ "Root & Sons", "comes from an unknown authority, \"Root & Sons\", which" },
		{ NULL, "comes from an unknown authority, an authority without a name, which" },
	};
	const struct certificate_order order = { .name = "x" };

	(void)state;
	for (size_t i = 0; i < sizeof namings / sizeof namings[0]; i++) {
		struct certificate certificate = certificate_make(&order, NULL);
		struct tls_refusal refusal = { .name = SERVER, .trust = "/etc/ca.pem" };
		X509_NAME *issuer = X509_NAME_new();

		if (namings[i].organisation != NULL)
			X509_NAME_add_entry_by_txt(issuer, "O", MBSTRING_UTF8,
			    (const unsigned char *)namings[i].organisation, -1, -1, 0);
		assert_int_equal(X509_set_issuer_name(certificate.x509, issuer), 1);
		X509_NAME_free(issuer);
		(void)note(&refusal, &certificate, X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT, 0);
		assert_memory_equal(refusal.text, namings[i].text, strlen(namings[i].text));
		certificate_free(&certificate);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_verdict_is_put_in_words),
		cmocka_unit_test(the_first_fault_is_told),
		cmocka_unit_test(odd_names_show),
		cmocka_unit_test(an_authority_without_a_common_name_is_named_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
