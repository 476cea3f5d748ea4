/* SPDX-License-Identifier: MIT */

/*
 * Four parts: the authorities, why a certificate is refused, one connection,
 * and the contexts that connections are made from.
 */

#include "net/tls.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/random.h"
#include "base/span.h"
#include "net/tls_record.h"

/*
 * The authorities.  A system's bundle holds some 140 of them, and a connection
 * needs one.  So the bundle is read once, kept as bytes, and a certificate is
 * parsed when its subject is asked for, instead of all of them at the start.
 */

struct authority {
	size_t start; /* in certificates */
	size_t length;
	size_t subject_start; /* in certificates, too */
	size_t subject_length;
};

struct trust {
	char *path;		    /* owned; where they came from */
	struct buffer certificates; /* DER, one after another */
	struct authority *authorities;
	size_t count;
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
	const char *named = secure_getenv("SSL_CERT_FILE");
	CLEANUP(buffer_finish) struct buffer list = { 0 };

	if (named != NULL && named[0] != '\0')
		return named;
	buffer_init(&list, 1024);
	for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
		if (access(places[i], R_OK) == 0)
			return places[i];
		buffer_format(&list, "%s%s", i > 0 ? ", " : "", places[i]);
	}
	error_set(error, ERROR_CONFIG, "4.3.5",
	    "no bundle of CA certificates to verify servers with; looked at %s",
	    buffer_string(&list));
	error_next(error, "install the package ca-certificates, or set ca_file");
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

static void add_authority(struct trust *trust, const unsigned char *der, long size)
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

static void read_bundle(struct trust *trust, struct span text)
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

static void finish_trust(struct trust *trust)
{
	X509_LOOKUP_meth_free(trust->method);
	free(trust->authorities);
	free(trust->path);
	buffer_finish(&trust->certificates);
	*trust = (struct trust){ 0 };
}

/* ca_file NULL: the system's bundle.  The error names the places looked at. */
static int load_trust(struct trust *trust, const char *ca_file, struct error *error)
{
	const char *path = ca_file != NULL ? ca_file : find_bundle(error);
	CLEANUP(buffer_finish) struct buffer text = { 0 };

	if (path == NULL)
		return -1;
	buffer_init(&text, BUNDLE_LIMIT);
	if (file_read_whole(path, &text, error) < 0) {
		error_prefix(error, "CA certificates: ");
		return error_next(error, "%s",
		    ca_file != NULL ? "correct ca_file" : "correct or unset SSL_CERT_FILE");
	}
	*trust = (struct trust){ .path = memory_copy_string(path) };
	buffer_init(&trust->certificates, BUNDLE_LIMIT);
	read_bundle(trust, buffer_span(&text));
	if (trust->count != 0)
		return 0;
	error_set(error, ERROR_CONFIG, "4.3.5", "%s holds no certificate", path);
	error_next(error, "a PEM file has lines -----BEGIN CERTIFICATE-----");
	finish_trust(trust);
	return -1;
}

/* The certificate at this index when its subject is the name, else NULL. */
static X509 *parse_if_named(const struct trust *trust, size_t index, const X509_NAME *name)
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
	struct trust *trust = X509_LOOKUP_get_method_data(lookup);
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

/* Makes context verify against trust, which must outlive it. */
static int attach_trust(struct trust *trust, SSL_CTX *context, struct error *error)
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

/*
 * Why a certificate is refused, in words.  OpenSSL's verification reports here;
 * text continues "the certificate of PEER ...".
 */

struct refusal {
	const char *name;  /* borrowed; whom the certificate must be for */
	const char *trust; /* borrowed; the file with the authorities */
	char text[600];	   /* "": nothing was refused */
	char next[ERROR_NEXT_SIZE];
};

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

static void refuse_name(struct refusal *refusal, const X509 *certificate)
{
	CLEANUP(buffer_finish) struct buffer hosts;
	char subject[128];

	buffer_init(&hosts, 400);
	if (list_hosts(certificate, &hosts) > 0) {
		snprintf(refusal->text, sizeof refusal->text, "is for %s, not for %s",
		    buffer_string(&hosts), refusal->name);
	} else {
		/* RFC 9525, 2: the common name no longer counts. */
		format_name(X509_get_subject_name(certificate), subject, sizeof subject);
		snprintf(refusal->text, sizeof refusal->text,
		    "is not for %s: it has no subjectAltName, only the name %s", refusal->name,
		    subject);
	}
	snprintf(refusal->next, sizeof refusal->next,
	    "check the host in the smarthost's url: it must be a name in the certificate");
}

static void refuse_authority(struct refusal *refusal, const X509 *certificate)
{
	char issuer[160];

	format_name(X509_get_issuer_name(certificate), issuer, sizeof issuer);
	snprintf(refusal->text, sizeof refusal->text,
	    "comes from an unknown authority, %s, which is not in %s", issuer, refusal->trust);
	snprintf(refusal->next, sizeof refusal->next,
	    "if you trust that authority, set ca_file to a file with its certificate; "
	    "or have the server send its whole chain");
}

static void refuse_self_signed(struct refusal *refusal)
{
	snprintf(
	    refusal->text, sizeof refusal->text, "is self-signed and not in %s", refusal->trust);
	snprintf(refusal->next, sizeof refusal->next,
	    "if this is the right server, save its certificate and set ca_file to that file");
}

/* whose: "" for the server's own certificate, else words for the authority's. */
static void refuse_time(struct refusal *refusal, const X509 *certificate, int depth, bool is_over)
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
	snprintf(refusal->next, sizeof refusal->next,
	    "have it renewed at the server, unless the clock here is wrong: it says %s", today);
}

static void refuse(struct refusal *refusal, X509_STORE_CTX *verification)
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
		refuse_self_signed(refusal);
		return;
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
		refuse_authority(refusal, certificate);
		return;
	case X509_V_ERR_CERT_HAS_EXPIRED:
	case X509_V_ERR_CERT_NOT_YET_VALID:
		refuse_time(refusal, certificate, depth, code == X509_V_ERR_CERT_HAS_EXPIRED);
		return;
	default:
		snprintf(refusal->text, sizeof refusal->text, "does not pass: %s",
		    X509_verify_cert_error_string(code));
		snprintf(refusal->next, sizeof refusal->next, "have it replaced at the server");
	}
}

/* For SSL_CTX_set_verify; the SSL's app data is the struct refusal. */
static int note_refusal(int is_good, X509_STORE_CTX *verification)
{
	SSL *ssl = X509_STORE_CTX_get_ex_data(verification, SSL_get_ex_data_X509_STORE_CTX_idx());
	struct refusal *refusal = SSL_get_app_data(ssl);

	/* The first fault is the one that is told. */
	if (!is_good && refusal->text[0] == '\0')
		refuse(refusal, verification);
	return is_good;
}

/*
 * One connection.  OpenSSL reads and writes through a BIO of ours: it sends
 * without SIGPIPE, takes two descriptors, and follows the records.
 */

enum { FIRST_ALERT = 1000 }; /* SSL_AD_REASON_OFFSET: from here on, alerts of the peer */

struct tls {
	SSL_CTX *context;
	BIO_METHOD *method;
	bool is_server;
	struct trust trust;
};

struct connection {
	SSL *ssl;
	int input_fd;
	int output_fd;
	bool output_is_pipe;
	bool has_ended;	 /* the peer has closed its side of the socket */
	bool is_broken;	 /* no goodbye is possible */
	bool is_started; /* the handshake is done */
	int number;	 /* errno of the system call that failed last */
	struct tls_record record;
	char name[256];
	struct refusal refusal;
	char reason[256];
};

static int bio_read(BIO *bio, char *bytes, int size)
{
	struct connection *connection = BIO_get_data(bio);
	ssize_t count;

	BIO_clear_retry_flags(bio);
	do
		count = read(connection->input_fd, bytes, (size_t)size);
	while (count < 0 && errno == EINTR);
	if (count > 0) {
		tls_record_follow(&connection->record, span_from_bytes(bytes, (size_t)count));
	} else if (count == 0) {
		connection->has_ended = true;
	} else if (errno == EAGAIN) {
		BIO_set_retry_read(bio);
	} else {
		connection->number = errno;
	}
	return (int)count;
}

static int bio_write(BIO *bio, const char *bytes, int size)
{
	struct connection *connection = BIO_get_data(bio);
	ssize_t count;

	BIO_clear_retry_flags(bio);
	do {
		count = connection->output_is_pipe
			    ? write(connection->output_fd, bytes, (size_t)size)
			    : send(connection->output_fd, bytes, (size_t)size, MSG_NOSIGNAL);
		if (count < 0 && errno == ENOTSOCK && !connection->output_is_pipe) {
			connection->output_is_pipe = true;
			errno = EINTR;
		}
	} while (count < 0 && errno == EINTR);
	if (count >= 0)
		return (int)count;
	if (errno == EAGAIN)
		BIO_set_retry_write(bio);
	else
		connection->number = errno;
	return -1;
}

static long bio_control(BIO *bio, int command, long number, void *pointer)
{
	const struct connection *connection = BIO_get_data(bio);

	(void)number;
	(void)pointer;
	if (command == BIO_CTRL_EOF)
		return connection->has_ended;
	return command == BIO_CTRL_FLUSH;
}

/* Freed after the last connection, for each holds on to it. */
static BIO_METHOD *make_method(void)
{
	BIO_METHOD *method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "stream");

	if (method == NULL)
		return NULL;
	BIO_meth_set_read(method, bio_read);
	BIO_meth_set_write(method, bio_write);
	BIO_meth_set_ctrl(method, bio_control);
	return method;
}

static void connection_free(struct connection *connection)
{
	if (connection == NULL)
		return;
	if (connection->is_started && !connection->is_broken) {
		ERR_clear_error();
		(void)SSL_shutdown(connection->ssl);
	}
	SSL_free(connection->ssl);
	ERR_clear_error();
	free(connection);
}

static void connection_release(struct connection **connection)
{
	connection_free(*connection);
}

static void finish(void *context)
{
	connection_free(context);
}

static const char *describe(void *context)
{
	return ((const struct connection *)context)->reason;
}

/* OpenSSL's words for the oldest error in its queue, which is the cause. */
static const char *openssl_words(void)
{
	const char *words = ERR_reason_error_string(ERR_peek_error());

	return words != NULL ? words : "no reason is known";
}

/* What a call of OpenSSL that gave no octets means: 0 at the end, else -1 and errno. */
static int interpret(struct connection *connection, int result, short *wants)
{
	int code = SSL_get_error(connection->ssl, result);

	switch (code) {
	case SSL_ERROR_WANT_READ:
		*wants = POLLIN;
		errno = EAGAIN;
		return -1;
	case SSL_ERROR_WANT_WRITE:
		*wants = POLLOUT;
		errno = EAGAIN;
		return -1;
	case SSL_ERROR_ZERO_RETURN:
		return 0;
	default:
		break;
	}
	connection->is_broken = true;
	/* An error of TLS itself may be followed by an alert that could not be sent: no cause. */
	if (code == SSL_ERROR_SYSCALL && connection->number != 0) {
		errno = connection->number;
		return -1;
	}
	bool is_cut = connection->has_ended &&
		      ERR_GET_REASON(ERR_peek_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING;
	/* Many servers close without close_notify; whole replies were read all the same. */
	if (is_cut && connection->is_started && tls_record_is_between(&connection->record))
		return 0;
	snprintf(connection->reason, sizeof connection->reason, "TLS: %s",
	    is_cut ? "cut off inside a record" : openssl_words());
	errno = EPROTO;
	return -1;
}

static ssize_t read_secure(void *context, char *bytes, size_t size, short *wants)
{
	struct connection *connection = context;
	size_t count = 0;

	ERR_clear_error();
	int result = SSL_read_ex(connection->ssl, bytes, size, &count);
	return result == 1 ? (ssize_t)count : interpret(connection, result, wants);
}

static ssize_t write_secure(void *context, const char *bytes, size_t size, short *wants)
{
	struct connection *connection = context;
	size_t count = 0;

	ERR_clear_error();
	int result = SSL_write_ex(connection->ssl, bytes, size, &count);
	if (result == 1)
		return (ssize_t)count;
	result = interpret(connection, result, wants);
	if (result < 0)
		return -1;
	/* An end is none for a writer. */
	errno = EPIPE;
	return -1;
}

static const struct stream_operations operations = {
	.read = read_secure,
	.write = write_secure,
	.finish = finish,
	.describe = describe,
};

/* Whom we want to meet: SNI and the name to verify, or the address without SNI (RFC 6066, 3). */
static bool set_name(struct connection *connection, const char *name)
{
	unsigned char address[16];
	X509_VERIFY_PARAM *parameters = SSL_get0_param(connection->ssl);
	size_t length = strlen(name);

	if (length >= sizeof connection->name)
		return false;
	/* A final dot belongs to the resolver, not to the name. */
	if (length > 1 && name[length - 1] == '.')
		length--;
	memcpy(connection->name, name, length);
	if (inet_pton(AF_INET, connection->name, address) == 1 ||
	    inet_pton(AF_INET6, connection->name, address) == 1)
		return X509_VERIFY_PARAM_set1_ip_asc(parameters, connection->name) == 1;
	/* RFC 9525, 6.3 and 6.4: whole-label wildcards only, and never the common name. */
	X509_VERIFY_PARAM_set_hostflags(
	    parameters, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
	return X509_VERIFY_PARAM_set1_host(parameters, connection->name, 0) == 1 &&
	       SSL_set_tlsext_host_name(connection->ssl, connection->name) == 1;
}

static struct connection *connection_new(
    const struct tls *tls, const struct stream *stream, const char *name, struct error *error)
{
	struct connection *connection = memory_allocate(sizeof *connection);
	BIO *bio = BIO_new(tls->method);

	connection->input_fd = stream->input_fd;
	connection->output_fd = stream->output_fd;
	connection->refusal.name = connection->name;
	connection->refusal.trust = tls->trust.path;
	connection->ssl = SSL_new(tls->context);
	if (connection->ssl != NULL && bio != NULL) {
		BIO_set_data(bio, connection);
		BIO_set_init(bio, 1);
		SSL_set_bio(connection->ssl, bio, bio);
		SSL_set_app_data(connection->ssl, &connection->refusal);
		if (name == NULL) {
			SSL_set_accept_state(connection->ssl);
			return connection;
		}
		SSL_set_connect_state(connection->ssl);
		if (set_name(connection, name))
			return connection;
	} else {
		BIO_free(bio);
	}
	error_set(error, ERROR_CONFIG, "4.3.5", "TLS with %s cannot begin: \"%s\" is no host name",
	    stream->peer, name != NULL ? name : "");
	connection_free(connection);
	return NULL;
}

static int fail_clear_text(const struct connection *connection, const struct stream *stream,
    bool is_server, struct error *error)
{
	struct span line = tls_record_first_line(&connection->record);

	error_set(error, ERROR_UNAVAILABLE, "4.7.0",
	    "%s speaks in clear where TLS should begin (wrong version number): \"%.*s\"",
	    stream->peer, span_int(line), line.start);
	if (is_server)
		return -1;
	if (stream->flights > 0)
		return error_next(error, "its STARTTLS is broken, or somebody is in between: "
					 "nothing more was sent");
	return error_next(error, "the server greets in clear on this port, so the url should begin "
				 "with smtp+tls:// (STARTTLS) instead of smtps://");
}

static int fail_openssl(const struct stream *stream, struct error *error)
{
	int reason = ERR_GET_REASON(ERR_peek_error());

	if (reason == SSL_R_UNSUPPORTED_PROTOCOL || reason == SSL_R_TLSV1_ALERT_PROTOCOL_VERSION) {
		error_set(error, ERROR_UNAVAILABLE, "4.7.0",
		    "TLS with %s failed: it knows no version from 1.2 on", stream->peer);
		return error_next(error, "have the server updated");
	}
	return error_set(error, ERROR_UNAVAILABLE, "4.7.0", "%s %s: %s",
	    reason >= FIRST_ALERT ? "TLS was refused by" : "TLS failed with", stream->peer,
	    openssl_words());
}

static int fail_handshake(const struct connection *connection, const struct stream *stream,
    bool is_server, struct error *error)
{
	if (connection->refusal.text[0] != '\0') {
		error_set(error, ERROR_UNAVAILABLE, "4.7.5", "the certificate of %s %s",
		    stream->peer, connection->refusal.text);
		return error_next(error, "%s", connection->refusal.next);
	}
	if (tls_record_is_clear_text(&connection->record))
		return fail_clear_text(connection, stream, is_server, error);
	if (connection->number != 0 && ERR_peek_error() == 0)
		return error_set(error, ERROR_UNAVAILABLE, "4.4.2",
		    "connection with %s lost in the TLS handshake: %s", stream->peer,
		    strerror(connection->number));
	if (connection->has_ended)
		return error_set(error, ERROR_UNAVAILABLE, "4.4.2",
		    "%s closed the connection in the TLS handshake", stream->peer);
	return fail_openssl(stream, error);
}

static int fail_late(const struct stream *stream, int64_t since, struct error *error)
{
	int64_t waited = clock_monotonic() - since;

	return error_set(error, ERROR_UNAVAILABLE, "4.4.2",
	    "no end of the TLS handshake with %s within %" PRId64 ".%" PRId64 "s", stream->peer,
	    waited / 1000, waited % 1000 / 100);
}

static int shake_hands(struct connection *connection, const struct stream *stream, bool is_server,
    int64_t deadline, struct error *error)
{
	int64_t since = clock_monotonic();

	for (;;) {
		short wants = POLLIN;

		ERR_clear_error();
		int result = SSL_do_handshake(connection->ssl);
		if (result == 1)
			return 0;
		if (interpret(connection, result, &wants) == 0 || errno != EAGAIN)
			return fail_handshake(connection, stream, is_server, error);
		int ready = stream_wait(stream, wants, deadline);
		if (ready == 0)
			return fail_late(stream, since, error);
		if (ready < 0)
			return error_system(error, "TLS handshake with %s", stream->peer);
	}
}

/*
 * Makes the handshake and sets the stream's operations, context, is_secure
 * and security.  -1 leaves the stream as it was, good for closing only.
 */
static int start_connection(const struct tls *tls, struct stream *stream, const char *name,
    int64_t deadline, struct error *error)
{
	CLEANUP(connection_release)
	struct connection *connection = connection_new(tls, stream, name, error);

	if (connection == NULL ||
	    shake_hands(connection, stream, name == NULL, deadline, error) < 0)
		return -1;
	connection->is_started = true;
	stream->operations = &operations;
	stream->context = connection;
	stream->is_secure = true;
	snprintf(stream->security, sizeof stream->security, "%s %s",
	    SSL_get_version(connection->ssl), SSL_get_cipher_name(connection->ssl));
	connection = NULL;
	return 0;
}

/* The contexts. */

enum {
	BEFORE_SECONDS = -86400,     /* clocks differ */
	AFTER_SECONDS = 825 * 86400, /* what clients take at most */
};

static int fail_setup(const char *what, struct error *error)
{
	const char *words = ERR_reason_error_string(ERR_peek_error());

	error_set(error, ERROR_CONFIG, "4.3.5", "%s: %s", what,
	    words != NULL ? words : "no reason is known");
	ERR_clear_error();
	return -1;
}

/* What both ends have in common. */
static int make_context(struct tls *tls, struct error *error)
{
	tls->method = make_method();
	tls->context = SSL_CTX_new(tls->is_server ? TLS_server_method() : TLS_client_method());
	if (tls->context == NULL || tls->method == NULL)
		return fail_setup("TLS cannot be set up", error);
	if (SSL_CTX_set_min_proto_version(tls->context, TLS1_2_VERSION) != 1)
		return fail_setup("TLS 1.2 cannot be had", error);
	SSL_CTX_set_options(tls->context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
	SSL_CTX_set_mode(tls->context, SSL_MODE_ENABLE_PARTIAL_WRITE |
					   SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
					   SSL_MODE_RELEASE_BUFFERS);
	/* Header and content of a record in one read. */
	SSL_CTX_set_read_ahead(tls->context, 1);
	SSL_CTX_set_session_cache_mode(tls->context, SSL_SESS_CACHE_OFF);
	(void)SSL_CTX_set_num_tickets(tls->context, 0);
	return 0;
}

/* What libraries read when they need it first must be read before the worker shuts itself in. */
static void read_ahead_of_sandbox(void)
{
	unsigned char byte;

	tzset();
	(void)RAND_bytes(&byte, 1);
	(void)RAND_priv_bytes(&byte, 1);
}

struct tls *tls_client_new(const char *ca_file, struct error *error)
{
	struct tls *tls = memory_allocate(sizeof *tls);

	if (load_trust(&tls->trust, ca_file, error) < 0 || make_context(tls, error) < 0 ||
	    attach_trust(&tls->trust, tls->context, error) < 0) {
		tls_free(tls);
		return NULL;
	}
	SSL_CTX_set_verify(tls->context, SSL_VERIFY_PEER, note_refusal);
	/* Whoever names a file trusts what is in it, be it an authority or a server. */
	if (ca_file != NULL)
		X509_VERIFY_PARAM_set_flags(
		    SSL_CTX_get0_param(tls->context), X509_V_FLAG_PARTIAL_CHAIN);
	read_ahead_of_sandbox();
	return tls;
}

static int use_files(struct tls *tls, const char *certificate, const char *key, struct error *error)
{
	if (SSL_CTX_use_certificate_chain_file(tls->context, certificate) != 1) {
		fail_setup(certificate, error);
		return error_prefix(error, "cannot use the certificate ");
	}
	if (SSL_CTX_use_PrivateKey_file(tls->context, key, SSL_FILETYPE_PEM) != 1) {
		fail_setup(key, error);
		return error_prefix(error, "cannot use the private key ");
	}
	return 0;
}

struct tls *tls_server_new(const char *certificate, const char *key, struct error *error)
{
	struct tls *tls = memory_allocate(sizeof *tls);

	tls->is_server = true;
	if (make_context(tls, error) < 0 || use_files(tls, certificate, key, error) < 0) {
		tls_free(tls);
		return NULL;
	}
	read_ahead_of_sandbox();
	return tls;
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

static int use_self_signed(struct tls *tls, const char *name, struct error *error)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *certificate = X509_new();
	bool is_used = key != NULL && certificate != NULL &&
		       fill_certificate(certificate, key, name) &&
		       SSL_CTX_use_certificate(tls->context, certificate) == 1 &&
		       SSL_CTX_use_PrivateKey(tls->context, key) == 1;

	X509_free(certificate);
	EVP_PKEY_free(key);
	return is_used ? 0 : fail_setup("cannot make a certificate", error);
}

struct tls *tls_server_new_self_signed(const char *name, struct error *error)
{
	struct tls *tls = memory_allocate(sizeof *tls);

	tls->is_server = true;
	if (make_context(tls, error) < 0 || use_self_signed(tls, name, error) < 0) {
		tls_free(tls);
		return NULL;
	}
	read_ahead_of_sandbox();
	return tls;
}

int tls_write_certificate(const struct tls *tls, const char *path, struct error *error)
{
	assert(tls->is_server);

	CLEANUP(file_close) int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0)
		return error_system(error, "cannot write %s", path);
	BIO *text = BIO_new(BIO_s_mem());
	char *start = NULL;
	long length = 0;
	if (text != NULL && PEM_write_bio_X509(text, SSL_CTX_get0_certificate(tls->context)) == 1)
		length = BIO_get_mem_data(text, &start);
	int outcome = length > 0 ? file_write_all(fd, span_from_bytes(start, (size_t)length)) : -1;
	if (outcome < 0)
		error_system(error, "cannot write %s", path);
	BIO_free(text);
	return outcome;
}

void tls_free(struct tls *tls)
{
	if (tls == NULL)
		return;
	SSL_CTX_free(tls->context);
	BIO_meth_free(tls->method);
	finish_trust(&tls->trust);
	free(tls);
}

static int start(
    void *context, struct stream *stream, const char *name, int64_t deadline, struct error *error)
{
	const struct tls *tls = context;

	assert(!stream->is_secure);
	assert((name == NULL) == tls->is_server);
	/* "220 ready" of a server may still be waiting to leave. */
	if (stream_flush(stream, deadline, error) < 0)
		return -1;
	if (stream_input(stream).length != 0) {
		error_set(error, ERROR_UNAVAILABLE, "4.7.0", "%s sent more before TLS began",
		    stream->peer);
		return error_next(error,
		    "what came in clear may have been put there by somebody in "
		    "between, so the connection was given up");
	}
	return start_connection(tls, stream, name, deadline, error);
}

struct stream_security tls_security(struct tls *tls)
{
	return (struct stream_security){ .start = start, .context = tls };
}
