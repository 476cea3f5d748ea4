/* SPDX-License-Identifier: MIT */

#include "net/tls_resumption.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <string.h>

#include "net/tls_error.h"

static void wipe(struct buffer *buffer)
{
	if (buffer->start != NULL)
		explicit_bzero(buffer->start, buffer->capacity);
	buffer_clear(buffer);
}

static void keep(struct tls_resumption *resumption, SSL_SESSION *session)
{
	int length = SSL_SESSION_is_resumable(session) ? i2d_SSL_SESSION(session, NULL) : 0;

	if (length <= 0 || length > TLS_RESUMPTION_LIMIT)
		return;
	wipe(&resumption->newest);
	char *room = buffer_reserve(&resumption->newest, (size_t)length);
	if (room == NULL)
		return;
	unsigned char *next = (unsigned char *)room;
	buffer_extend(&resumption->newest, (size_t)i2d_SSL_SESSION(session, &next));
}

/* Called by OpenSSL for each session or ticket that the server gives. */
static int take_new(SSL *ssl, SSL_SESSION *session)
{
	keep(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)), session);
	/* The reference stays OpenSSL's. */
	return 0;
}

int tls_resumption_attach(struct tls_resumption *resumption, SSL_CTX *context, struct span settings,
    struct span offered, struct error *error)
{
	if (EVP_Digest(
		settings.start, settings.length, resumption->key, NULL, EVP_sha256(), NULL) != 1 ||
	    SSL_CTX_set_session_id_context(context, resumption->key, sizeof resumption->key) != 1)
		return tls_error_setup(error, "TLS sessions cannot be told apart");
	tls_resumption_finish(resumption);
	buffer_init(&resumption->offered, TLS_RESUMPTION_LIMIT);
	buffer_init(&resumption->newest, TLS_RESUMPTION_LIMIT);
	if (offered.length <= TLS_RESUMPTION_LIMIT)
		buffer_append_span(&resumption->offered, offered);
	SSL_CTX_set_app_data(context, resumption);
	SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(context, take_new);
	resumption->is_on = true;
	return 0;
}

/* Judged under the same settings, and its certificate would still pass today. */
static bool fits(const struct tls_resumption *resumption, const SSL_SESSION *session)
{
	unsigned length = 0;
	const unsigned char *key = SSL_SESSION_get0_id_context(session, &length);
	X509 *certificate = SSL_SESSION_get0_peer((SSL_SESSION *)session);

	return length == sizeof resumption->key &&
	       memcmp(key, resumption->key, sizeof resumption->key) == 0 &&
	       SSL_SESSION_is_resumable(session) && certificate != NULL &&
	       X509_cmp_current_time(X509_get0_notAfter(certificate)) > 0;
}

void tls_resumption_offer(const struct tls_resumption *resumption, SSL *ssl)
{
	const unsigned char *next = (const unsigned char *)resumption->offered.start;

	if (!resumption->is_on || resumption->offered.length == 0)
		return;
	SSL_SESSION *session = d2i_SSL_SESSION(NULL, &next, (long)resumption->offered.length);
	if (session != NULL && fits(resumption, session))
		(void)SSL_set_session(ssl, session);
	SSL_SESSION_free(session);
	ERR_clear_error();
}

void tls_resumption_conclude(struct tls_resumption *resumption, SSL *ssl)
{
	if (resumption->is_on && SSL_session_reused(ssl) && SSL_version(ssl) < TLS1_3_VERSION &&
	    resumption->newest.length == 0)
		keep(resumption, SSL_get_session(ssl));
}

void tls_resumption_finish(struct tls_resumption *resumption)
{
	wipe(&resumption->offered);
	wipe(&resumption->newest);
	buffer_finish(&resumption->offered);
	buffer_finish(&resumption->newest);
	resumption->is_on = false;
}
