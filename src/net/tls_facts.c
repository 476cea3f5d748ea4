/* SPDX-License-Identifier: MIT */

#include "net/tls_facts.h"

#include <arpa/inet.h>
#include <openssl/asn1.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <time.h>

#include "base/span.h"
#include "base/text.h"
#include "base/utf8.h"

/* The common name, else the organisation: how people call it. */
static void read_name(X509_NAME *name, char *text, size_t size)
{
	if (X509_NAME_get_text_by_NID(name, NID_commonName, text, (int)size) > 0 ||
	    X509_NAME_get_text_by_NID(name, NID_organizationName, text, (int)size) > 0)
		return;
	text_copy(text, size, "(no name)");
}

static void read_chain(const SSL *ssl, X509 *certificate, struct tls_facts *facts)
{
	STACK_OF(X509) *chain = SSL_get0_verified_chain(ssl);
	char name[160];

	if (chain == NULL)
		chain = SSL_get_peer_cert_chain(ssl);
	read_name(X509_get_subject_name(certificate), facts->chain, sizeof facts->chain);
	for (int i = 1; chain != NULL && i < sk_X509_num(chain); i++) {
		read_name(X509_get_subject_name(sk_X509_value(chain, i)), name, sizeof name);
		text_append(facts->chain, sizeof facts->chain, " <- ");
		text_append(facts->chain, sizeof facts->chain, name);
	}
	utf8_mask(facts->chain, "");
}

static void add_name(struct tls_facts *facts, struct span name)
{
	char text[260];

	text_copy_span(text, sizeof text, name);
	if (facts->names[0] != '\0')
		text_append(facts->names, sizeof facts->names, ", ");
	text_append(facts->names, sizeof facts->names, text);
}

static void read_address(struct tls_facts *facts, const ASN1_OCTET_STRING *octets)
{
	int length = ASN1_STRING_length(octets);
	char text[INET6_ADDRSTRLEN];

	if ((length == 4 || length == 16) &&
	    inet_ntop(length == 4 ? AF_INET : AF_INET6, ASN1_STRING_get0_data(octets), text,
		sizeof text) != NULL)
		add_name(facts, span_from_string(text));
}

static void read_names(X509 *certificate, struct tls_facts *facts)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);

	for (int i = 0; names != NULL && i < sk_GENERAL_NAME_num(names); i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);

		if (name->type == GEN_IPADD)
			read_address(facts, name->d.iPAddress);
		if (name->type != GEN_DNS)
			continue;
		struct span text = span_from_bytes(
		    (const char *)ASN1_STRING_get0_data(name->d.dNSName),
		    (size_t)ASN1_STRING_length(name->d.dNSName));
		if (span_find_byte(text, '\0') < 0)
			add_name(facts, text);
	}
	GENERAL_NAMES_free(names);
	utf8_mask(facts->names, "");
}

static int64_t seconds_of(const ASN1_TIME *time)
{
	struct tm parts = { 0 };

	return ASN1_TIME_to_tm(time, &parts) == 1 ? (int64_t)timegm(&parts) : 0;
}

static void read_certificate(X509 *certificate, struct tls_facts *facts)
{
	read_names(certificate, facts);
	facts->since = seconds_of(X509_get0_notBefore(certificate));
	facts->until = seconds_of(X509_get0_notAfter(certificate));
	ERR_clear_error();
}

void tls_facts_read(const SSL *ssl, struct tls_facts *facts)
{
	X509 *certificate = SSL_get0_peer_certificate(ssl);

	*facts = (struct tls_facts){ 0 };
	if (certificate == NULL)
		return;
	read_chain(ssl, certificate, facts);
	read_certificate(certificate, facts);
}

bool tls_facts_read_file(const char *path, struct tls_facts *facts)
{
	FILE *file = fopen(path, "re");
	X509 *certificate = file != NULL ? PEM_read_X509(file, NULL, NULL, NULL) : NULL;
	bool is_read = certificate != NULL;

	*facts = (struct tls_facts){ 0 };
	if (is_read) {
		read_name(X509_get_subject_name(certificate), facts->chain, sizeof facts->chain);
		utf8_mask(facts->chain, "");
		read_certificate(certificate, facts);
	}
	ERR_clear_error();
	X509_free(certificate);
	if (file != NULL)
		(void)fclose(file);
	return is_read;
}
