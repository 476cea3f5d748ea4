/* SPDX-License-Identifier: MIT */

#include "net/tls.h"

#include <assert.h>
#include <openssl/bio.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>

#include "base/memory.h"
#include "net/tls_certificate.h"
#include "net/tls_connection.h"
#include "net/tls_error.h"
#include "net/tls_refusal.h"
#include "net/tls_trust.h"

struct tls {
	struct tls_connection_source source;
	struct tls_trust *trust; /* NULL: a server, which verifies nobody */
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

struct tls *tls_client_new(const char *ca_file, struct error *error)
{
	struct tls *tls = memory_allocate(sizeof *tls);

	tls->trust = tls_trust_new(ca_file, error);
	if (tls->trust == NULL || make_context(tls, error) < 0 ||
	    tls_trust_attach(tls->trust, tls->source.context, error) < 0) {
		tls_free(tls);
		return NULL;
	}
	SSL_CTX_set_verify(tls->source.context, SSL_VERIFY_PEER, tls_refusal_note);
	tls->source.trust = tls_trust_path(tls->trust);
	/* Whoever names a file trusts what is in it, be it an authority or a server. */
	if (ca_file != NULL)
		X509_VERIFY_PARAM_set_flags(
		    SSL_CTX_get0_param(tls->source.context), X509_V_FLAG_PARTIAL_CHAIN);
	read_ahead_of_sandbox();
	return tls;
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
	return tls_connection_start(&tls->source, stream, name, deadline, error);
}

struct stream_security tls_security(struct tls *tls)
{
	return (struct stream_security){ .start = start, .context = tls };
}
