/* SPDX-License-Identifier: MIT */

#include "net/tls_refusal.h"

#include <arpa/inet.h>
#include <openssl/asn1.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "base/buffer.h"
#include "base/fingerprint.h"
#include "base/memory.h"

enum { NAMES_SHOWN = 6, DATE_SIZE = 48 };

/* "2026-08-25"; ASN1_TIME has its own parser, so no libc time zone is needed. */
static void format_date(const ASN1_TIME *when, char date[static DATE_SIZE])
{
	struct tm parts = { 0 };

	if (when == NULL || ASN1_TIME_to_tm(when, &parts) != 1)
		snprintf(date, DATE_SIZE, "an unknown day");
	else
		snprintf(date, DATE_SIZE, "%04d-%02d-%02d", parts.tm_year + 1900, parts.tm_mon + 1,
		    parts.tm_mday);
}

static void format_today(char date[static DATE_SIZE])
{
	ASN1_TIME *today = ASN1_TIME_set(NULL, time(NULL));

	format_date(today, date);
	ASN1_TIME_free(today);
}

/* The part of a name that people know it by: the common name, else the organisation. */
static void format_name(const X509_NAME *name, char *text, size_t size)
{
	static const int parts[] = { NID_commonName, NID_organizationName };

	snprintf(text, size, "an authority without a name");
	for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
		int index = X509_NAME_get_index_by_NID(name, parts[i], -1);
		unsigned char *utf8 = NULL;

		if (index < 0)
			continue;
		int length = ASN1_STRING_to_UTF8(
		    &utf8, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, index)));
		if (length < 0)
			continue;
		snprintf(text, size, "\"%.*s\"", length, (const char *)utf8);
		OPENSSL_free(utf8);
		return;
	}
}

/* Appends the host or address that one entry of the SAN stands for; false when it is neither. */
static bool append_host(const GENERAL_NAME *entry, struct buffer *list)
{
	int type;
	const ASN1_STRING *value = GENERAL_NAME_get0_value(entry, &type);
	char address[INET6_ADDRSTRLEN];

	if (type != GEN_DNS && type != GEN_IPADD)
		return false;
	const char *bytes = (const char *)ASN1_STRING_get0_data(value);
	int length = ASN1_STRING_length(value);
	if (list->length != 0)
		buffer_append_string(list, ", ");
	if (type == GEN_DNS)
		/* A NUL inside must show, not end the name. */
		for (int i = 0; i < length; i++)
			buffer_append_byte(list, bytes[i] != '\0' ? bytes[i] : '?');
	else if (length == 4 || length == 16)
		buffer_append_string(list,
		    inet_ntop(length == 4 ? AF_INET : AF_INET6, bytes, address, sizeof address));
	else
		buffer_append_string(list, "a malformed address");
	return true;
}

/* The hosts that the certificate is for: "a.example, b.example and 3 more"; how many. */
static int list_hosts(const X509 *certificate, struct buffer *list)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
	struct buffer surplus;
	int count = 0;

	buffer_init(&surplus, 0);
	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++)
		if (append_host(
			sk_GENERAL_NAME_value(names, i), count < NAMES_SHOWN ? list : &surplus))
			count++;
	if (count > NAMES_SHOWN)
		buffer_format(list, " and %d more", count - NAMES_SHOWN);
	GENERAL_NAMES_free(names);
	return count;
}

/* The first of the list, unless it is a pattern, which is no name to connect to. */
static void copy_first(const char *list, char *name, size_t size)
{
	size_t length = strcspn(list, ", ");

	if (list[0] != '*' && length < size)
		snprintf(name, size, "%.*s", (int)length, list);
}

static void refuse_name(struct tls_refusal *refusal, const X509 *certificate)
{
	CLEANUP(buffer_finish) struct buffer hosts;
	char subject[128];
	char first[256] = "the.name";

	buffer_init(&hosts, 400);
	if (list_hosts(certificate, &hosts) > 0) {
		snprintf(refusal->text, sizeof refusal->text, "is for %s, not for %s",
		    buffer_string(&hosts), refusal->name);
		copy_first(buffer_string(&hosts), first, sizeof first);
	} else {
		/* RFC 9525, 2: the common name no longer counts. */
		format_name(X509_get_subject_name(certificate), subject, sizeof subject);
		snprintf(refusal->text, sizeof refusal->text,
		    "is not for %s: it has no subjectAltName, only the name %s", refusal->name,
		    subject);
	}
	refusal->means = "you reach the right provider under another name, or somebody stands "
			 "between";
	snprintf(refusal->next, sizeof refusal->next,
	    "check the host in the smarthost's url: it must be a name in the certificate, or set "
	    "tls_name to one that is: tls_name = \"%s\"",
	    first);
}

/* Nothing but its own certificate came: the operator has probably left out the rest. */
static bool came_alone(X509_STORE_CTX *verification)
{
	return sk_X509_num(X509_STORE_CTX_get0_untrusted(verification)) == 1;
}

static void refuse_authority(
    struct tls_refusal *refusal, const X509 *certificate, X509_STORE_CTX *verification)
{
	char issuer[160];

	format_name(X509_get_issuer_name(certificate), issuer, sizeof issuer);
	snprintf(refusal->text, sizeof refusal->text,
	    "comes from an unknown authority, %s, which is not in %s", issuer, refusal->trust);
	if (came_alone(verification)) {
		refusal->means = "the server sends no intermediate certificate, so probably its "
				 "operator has left it out; or the authority is a private one";
		snprintf(refusal->next, sizeof refusal->next,
		    "have the operator send the whole chain (fullchain.pem); for a private "
		    "authority: ca_file = \"/path/to/its/certificate.pem\"");
		return;
	}
	refusal->means = "the authority is a private one, or somebody stands between";
	snprintf(refusal->next, sizeof refusal->next,
	    "if you trust that authority, set ca_file to a file with its certificate; "
	    "or have the server send its whole chain");
}

static void refuse_self_signed(struct tls_refusal *refusal, const X509 *certificate)
{
	unsigned char octets[EVP_MAX_MD_SIZE] = { 0 };
	char fingerprint[FINGERPRINT_SIZE];
	unsigned length = 0;

	(void)X509_digest(certificate, EVP_sha256(), octets, &length);
	fingerprint_format(octets, fingerprint);
	snprintf(
	    refusal->text, sizeof refusal->text, "is self-signed and not in %s", refusal->trust);
	refusal->means = "nobody but the server itself says who it is";
	snprintf(refusal->next, sizeof refusal->next,
	    "if this is the right server (look at its certificate there!), pin it: "
	    "tls_fingerprint = \"%s\"; or set ca_file to a file with it",
	    fingerprint);
}

/* whose: "" for the server's own certificate, else words for the authority's. */
static void refuse_time(
    struct tls_refusal *refusal, const X509 *certificate, int depth, bool is_over)
{
	char whose[200] = "";
	char subject[128];
	char date[DATE_SIZE];
	char today[DATE_SIZE];

	format_name(X509_get_subject_name(certificate), subject, sizeof subject);
	if (depth > 0)
		snprintf(whose, sizeof whose, "depends on that of %s, which ", subject);
	format_date(
	    is_over ? X509_get0_notAfter(certificate) : X509_get0_notBefore(certificate), date);
	format_today(today);
	snprintf(refusal->text, sizeof refusal->text, "%s%s %s", whose,
	    is_over ? "expired on" : "is not valid before", date);
	refusal->means = is_over ? "nobody has renewed it, or the clock here is wrong"
				 : "the clock here is wrong, or that of who made it";
	snprintf(refusal->next, sizeof refusal->next,
	    "have it renewed at the server, unless the clock here is wrong: it says %s", today);
}

static void refuse(struct tls_refusal *refusal, X509_STORE_CTX *verification)
{
	const X509 *certificate = X509_STORE_CTX_get_current_cert(verification);
	int depth = X509_STORE_CTX_get_error_depth(verification);
	int code = X509_STORE_CTX_get_error(verification);

	switch (code) {
	case X509_V_ERR_HOSTNAME_MISMATCH:
	case X509_V_ERR_IP_ADDRESS_MISMATCH:
		refuse_name(refusal, X509_STORE_CTX_get0_cert(verification));
		return;
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
		refuse_self_signed(refusal, certificate);
		return;
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
		refuse_authority(refusal, certificate, verification);
		return;
	case X509_V_ERR_CERT_HAS_EXPIRED:
	case X509_V_ERR_CERT_NOT_YET_VALID:
		refuse_time(refusal, certificate, depth, code == X509_V_ERR_CERT_HAS_EXPIRED);
		return;
	default:
		snprintf(refusal->text, sizeof refusal->text, "does not pass: %s",
		    X509_verify_cert_error_string(code));
		refusal->means = "the certificate is not fit for a mail server";
		snprintf(refusal->next, sizeof refusal->next, "have it replaced at the server");
	}
}

int tls_refusal_note(int is_good, X509_STORE_CTX *verification)
{
	SSL *ssl = X509_STORE_CTX_get_ex_data(verification, SSL_get_ex_data_X509_STORE_CTX_idx());
	struct tls_refusal *refusal = SSL_get_app_data(ssl);

	/* The first fault is the one that is told. */
	if (!is_good && refusal->text[0] == '\0')
		refuse(refusal, verification);
	return is_good;
}
