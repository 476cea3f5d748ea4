/* SPDX-License-Identifier: MIT */

#include "net/tls_certificate.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509err.h>
#include <openssl/x509v3.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/random.h"
#include "base/span.h"
#include "base/text.h"
#include "net/tls_error.h"

enum {
	BEFORE_SECONDS = -86400,     /* clocks differ */
	AFTER_SECONDS = 825 * 86400, /* what clients take at most */
};

static int fail_file(const char *what, const char *path, struct error *error)
{
	tls_error_setup(error, path);
	return error_prefix(error, "cannot use the %s ", what);
}

/* OpenSSL hides why a file cannot be read, so it is asked before. */
static int check_readable(const char *what, const char *path, struct error *error)
{
	CLEANUP(file_close) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

	if (fd >= 0)
		return 0;
	error_system(error, "cannot read the %s %s as uid %u", what, path, (unsigned)geteuid());
	error->kind = ERROR_CONFIG;
	text_copy(error->status, sizeof error->status, "4.3.5");
	return error_next(error, "make it readable for that user, and for no other");
}

/* Nobody is there to type a passphrase. */
static int refuse_passphrase(char *passphrase, int size, int is_writing, void *context)
{
	bool *was_asked = context;

	(void)passphrase;
	(void)size;
	(void)is_writing;
	*was_asked = true;
	return -1;
}

static int use_key(SSL_CTX *context, const char *certificate, const char *key, struct error *error)
{
	bool was_asked = false;

	SSL_CTX_set_default_passwd_cb(context, refuse_passphrase);
	SSL_CTX_set_default_passwd_cb_userdata(context, &was_asked);
	ERR_clear_error();
	int is_used = SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM);
	SSL_CTX_set_default_passwd_cb_userdata(context, NULL);
	SSL_CTX_set_default_passwd_cb(context, NULL);
	if (is_used == 1)
		return 0;
	if (was_asked) {
		ERR_clear_error();
		error_set(error, ERROR_CONFIG, "4.3.5",
		    "cannot use the private key %s: it is encrypted", key);
		return error_next(error, "nobody is there to type its passphrase, so remove it: "
					 "openssl pkey -in OLD -out NEW");
	}
	int reason = ERR_GET_REASON(ERR_peek_error());
	if (reason != X509_R_KEY_VALUES_MISMATCH && reason != X509_R_KEY_TYPE_MISMATCH)
		return fail_file("private key", key, error);
	ERR_clear_error();
	error_set(error, ERROR_CONFIG, "4.3.5",
	    "the private key %s does not belong to the certificate %s", key, certificate);
	return error_next(error, "of several certificates in that file its own comes first");
}

int tls_certificate_use_files(
    SSL_CTX *context, const char *certificate, const char *key, struct error *error)
{
	if (check_readable("certificate", certificate, error) < 0 ||
	    check_readable("private key", key, error) < 0)
		return -1;
	ERR_clear_error();
	if (SSL_CTX_use_certificate_chain_file(context, certificate) != 1)
		return fail_file("certificate", certificate, error);
	return use_key(context, certificate, key, error);
}

static bool add_extension(X509 *certificate, int nid, const char *value)
{
	X509V3_CTX context;

	X509V3_set_ctx_nodb(&context);
	X509V3_set_ctx(&context, certificate, certificate, NULL, NULL, 0);
	X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
	bool is_added = extension != NULL && X509_add_ext(certificate, extension, -1) == 1;
	X509_EXTENSION_free(extension);
	return is_added;
}

/* The value of the SAN for a name or an address. */
static char *alternative_name(const char *name)
{
	unsigned char address[16];
	bool is_address = inet_pton(AF_INET, name, address) == 1 ||
			  inet_pton(AF_INET6, name, address) == 1;

	return memory_format("%s:%s", is_address ? "IP" : "DNS", name);
}

static bool fill_certificate(X509 *certificate, EVP_PKEY *key, const char *name)
{
	X509_NAME *subject = X509_get_subject_name(certificate);
	CLEANUP(memory_free_string) char *alternative = alternative_name(name);
	uint64_t serial;

	random_fill(&serial, sizeof serial);
	return X509_set_version(certificate, X509_VERSION_3) == 1 &&
	       ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate), serial >> 1) == 1 &&
	       X509_gmtime_adj(X509_getm_notBefore(certificate), BEFORE_SECONDS) != NULL &&
	       X509_gmtime_adj(X509_getm_notAfter(certificate), AFTER_SECONDS) != NULL &&
	       X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8,
		   (const unsigned char *)"mailchute, self-signed", -1, -1, 0) == 1 &&
	       X509_set_issuer_name(certificate, subject) == 1 &&
	       X509_set_pubkey(certificate, key) == 1 &&
	       add_extension(certificate, NID_basic_constraints, "critical,CA:FALSE") &&
	       add_extension(certificate, NID_ext_key_usage, "serverAuth") &&
	       add_extension(certificate, NID_subject_alt_name, alternative) &&
	       X509_sign(certificate, key, EVP_sha256()) != 0;
}

int tls_certificate_use_self_signed(SSL_CTX *context, const char *name, struct error *error)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *certificate = X509_new();
	bool is_used = key != NULL && certificate != NULL &&
		       fill_certificate(certificate, key, name) &&
		       SSL_CTX_use_certificate(context, certificate) == 1 &&
		       SSL_CTX_use_PrivateKey(context, key) == 1;

	X509_free(certificate);
	EVP_PKEY_free(key);
	return is_used ? 0 : tls_error_setup(error, "cannot make a certificate");
}

int tls_certificate_write(const SSL_CTX *context, const char *path, struct error *error)
{
	CLEANUP(file_close) int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0)
		return error_system(error, "cannot write %s", path);
	BIO *text = BIO_new(BIO_s_mem());
	char *start = NULL;
	long length = 0;
	if (text != NULL && PEM_write_bio_X509(text, SSL_CTX_get0_certificate(context)) == 1)
		length = BIO_get_mem_data(text, &start);
	int outcome = length > 0 ? file_write_all(fd, span_from_bytes(start, (size_t)length)) : -1;
	if (outcome < 0)
		error_system(error, "cannot write %s", path);
	BIO_free(text);
	return outcome;
}
