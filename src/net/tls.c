/* SPDX-License-Identifier: MIT */

#include "net/tls.h"

#include <assert.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "base/span.h"
#include "net/tls_certificate.h"
#include "net/tls_connection.h"
#include "net/tls_error.h"
#include "net/tls_pin.h"
#include "net/tls_refusal.h"
#include "net/tls_resumption.h"
#include "net/tls_trust.h"

enum { SECURITY_LEVEL = 2, SETTINGS_LIMIT = 65536 };

struct tls {
	struct tls_connection_source source;
	struct tls_trust *trust; /* NULL: a server, which verifies nobody; or a pin */
	struct tls_pin pin;
	struct tls_resumption resumption;
	char *name; /* owned; instead of the one that start() is given; NULL: that one */
	bool is_server;
};

/* What both ends have in common. */
static int make_context(struct tls *tls, struct error *error)
{
	SSL_CTX *context = SSL_CTX_new(tls->is_server ? TLS_server_method() : TLS_client_method());

	tls->source.context = context;
	tls->source.method = tls_connection_make_method();
	if (context == NULL || tls->source.method == NULL)
		return tls_error_setup(error, "TLS cannot be set up");
	if (SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) != 1)
		return tls_error_setup(error, "TLS 1.2 cannot be had");
	/* Some builds of OpenSSL begin at 1: no SHA-1, no keys below 2048 bits (112 bits of
	 * security). */
	if (SSL_CTX_get_security_level(context) < SECURITY_LEVEL)
		SSL_CTX_set_security_level(context, SECURITY_LEVEL);
	SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
	SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE |
				      SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
				      SSL_MODE_RELEASE_BUFFERS);
	/* Header and content of a record in one read. */
	SSL_CTX_set_read_ahead(context, 1);
	SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
	(void)SSL_CTX_set_num_tickets(context, 0);
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

/* ca_file NULL: the system's. */
static int trust_authorities(struct tls *tls, const char *ca_file, struct error *error)
{
	SSL_CTX *context = tls->source.context;

	tls->trust = tls_trust_new(ca_file, error);
	if (tls->trust == NULL || tls_trust_attach(tls->trust, context, error) < 0)
		return -1;
	SSL_CTX_set_verify(context, SSL_VERIFY_PEER, tls_refusal_note);
	tls->source.trust = tls_trust_path(tls->trust);
	/* Whoever names a file trusts what is in it, be it an authority or a server. */
	if (ca_file != NULL)
		X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(context), X509_V_FLAG_PARTIAL_CHAIN);
	return 0;
}

static void put_counted(struct buffer *list, struct span span)
{
	buffer_format(list, "%zu:", span.length);
	buffer_append_span(list, span);
}

static void put_string(struct buffer *list, const char *string)
{
	put_counted(list, span_from_string(string != NULL ? string : ""));
}

/* All that decides whom we take for the server, and who we are to it. */
static int enable_resumption(
    struct tls *tls, const struct tls_client_settings *settings, struct error *error)
{
	CLEANUP(buffer_finish) struct buffer list = { 0 };
	unsigned char own[EVP_MAX_MD_SIZE] = { 0 };
	const X509 *certificate = SSL_CTX_get0_certificate(tls->source.context);
	unsigned length = 0;

	if (certificate != NULL && X509_digest(certificate, EVP_sha256(), own, &length) != 1)
		return tls_error_setup(error, settings->certificate);
	buffer_init(&list, SETTINGS_LIMIT);
	put_string(&list, settings->scope);
	put_string(&list, settings->name);
	put_string(&list, settings->fingerprint);
	put_string(&list, settings->min_is_1_3 ? "1.3" : "1.2");
	put_counted(&list, span_from_bytes((const char *)own, length));
	if (tls->trust != NULL)
		put_counted(&list, tls_trust_digest(tls->trust));
	return tls_resumption_attach(
	    &tls->resumption, tls->source.context, buffer_span(&list), settings->session, error);
}

int tls_client_apply(
    struct tls *tls, const struct tls_client_settings *settings, struct error *error)
{
	SSL_CTX *context = tls->source.context;
	const char *certificate = settings->certificate;

	assert(!tls->is_server && tls->name == NULL && !tls->resumption.is_on);
	if (settings->name != NULL)
		tls->name = memory_copy_string(settings->name);
	tls->source.min_is_1_3 = settings->min_is_1_3;
	if (settings->min_is_1_3 && SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION) != 1)
		return tls_error_setup(error, "TLS 1.3 cannot be had");
	if (certificate != NULL &&
	    tls_certificate_use_files(context, certificate,
		settings->key != NULL ? settings->key : certificate, error) < 0)
		return -1;
	if (settings->fingerprint != NULL) {
		if (tls_pin_init(&tls->pin, settings->fingerprint, error) < 0)
			return -1;
		tls_pin_attach(&tls->pin, context);
	}
	if (enable_resumption(tls, settings, error) < 0)
		return -1;
	tls->source.resumption = &tls->resumption;
	return 0;
}

struct tls *tls_client_new(const char *ca_file, struct error *error)
{
	struct tls *tls = memory_allocate(sizeof *tls);

	if (make_context(tls, error) < 0 || trust_authorities(tls, ca_file, error) < 0) {
		tls_free(tls);
		return NULL;
	}
	read_ahead_of_sandbox();
	return tls;
}

struct tls *tls_client_new_with(const struct tls_client_settings *settings, struct error *error)
{
	struct tls *tls = memory_allocate(sizeof *tls);

	/* A pin needs no authorities, and no bundle to be there. */
	if (make_context(tls, error) < 0 ||
	    (settings->fingerprint == NULL &&
		trust_authorities(tls, settings->ca_file, error) < 0) ||
	    tls_client_apply(tls, settings, error) < 0) {
		tls_free(tls);
		return NULL;
	}
	read_ahead_of_sandbox();
	return tls;
}

struct span tls_session(const struct tls *tls)
{
	return buffer_span(&tls->resumption.newest);
}

void tls_keep_facts(struct tls *tls, struct tls_facts *facts)
{
	tls->source.facts = facts;
}

struct tls *tls_server_new(const char *certificate, const char *key, struct error *error)
{
	struct tls *tls = memory_allocate(sizeof *tls);

	tls->is_server = true;
	if (make_context(tls, error) < 0 ||
	    tls_certificate_use_files(tls->source.context, certificate, key, error) < 0) {
		tls_free(tls);
		return NULL;
	}
	read_ahead_of_sandbox();
	return tls;
}

struct tls *tls_server_new_self_signed(const char *name, struct error *error)
{
	struct tls *tls = memory_allocate(sizeof *tls);

	tls->is_server = true;
	if (make_context(tls, error) < 0 ||
	    tls_certificate_use_self_signed(tls->source.context, name, error) < 0) {
		tls_free(tls);
		return NULL;
	}
	read_ahead_of_sandbox();
	return tls;
}

int tls_write_certificate(const struct tls *tls, const char *path, struct error *error)
{
	assert(tls->is_server);
	return tls_certificate_write(tls->source.context, path, error);
}

void tls_free(struct tls *tls)
{
	if (tls == NULL)
		return;
	SSL_CTX_free(tls->source.context);
	BIO_meth_free(tls->source.method);
	tls_trust_free(tls->trust);
	tls_resumption_finish(&tls->resumption);
	memory_free_string(&tls->name);
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
	if (tls->name != NULL)
		name = tls->name;
	return tls_connection_start(&tls->source, stream, name, deadline, error);
}

struct stream_security tls_security(struct tls *tls)
{
	return (struct stream_security){ .start = start, .context = tls };
}
