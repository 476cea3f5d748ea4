/* SPDX-License-Identifier: MIT */

/*
 * raw_server - a server by OpenSSL alone, which may be as bad as a test wants
 */

#ifndef TESTS_NET_RAW_SERVER_H
#define TESTS_NET_RAW_SERVER_H

#include <openssl/ssl.h>
#include <signal.h>
#include <string.h>

#include "tests/net/certificates.h"
#include "tests/net/tls_play.h"

struct raw_order {
	const struct certificate *leaf;
	const struct certificate *middle;	    /* sent with it; NULL: not */
	const struct certificate *client_authority; /* NULL: wants no certificate of ours */
	int oldest;				    /* 0: any version */
	int newest;
};

/* What raw_greet found, beyond PLAYED and HANDSHAKE_FAILED. */
enum { RESUMED = 3 };

static inline SSL_CTX *raw_make(const struct raw_order *order)
{
	SSL_CTX *context = SSL_CTX_new(TLS_server_method());

	certificate_require(context != NULL);
	SSL_CTX_set_security_level(context, 0);
	certificate_require(SSL_CTX_set_min_proto_version(context, order->oldest) == 1);
	certificate_require(SSL_CTX_set_max_proto_version(context, order->newest) == 1);
	certificate_require(SSL_CTX_use_certificate(context, order->leaf->x509) == 1);
	certificate_require(SSL_CTX_use_PrivateKey(context, order->leaf->key) == 1);
	if (order->middle != NULL)
		certificate_require(SSL_CTX_add1_chain_cert(context, order->middle->x509) == 1);
	if (order->client_authority != NULL) {
		X509_STORE_add_cert(SSL_CTX_get_cert_store(context), order->client_authority->x509);
		SSL_CTX_set_verify(
		    context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	}
	certificate_require(
	    SSL_CTX_set_session_id_context(context, (const unsigned char *)"raw", 3) == 1);
	return context;
}

typedef int raw_play(SSL *ssl);

/* Greets inside TLS and hears one line. */
static inline int raw_talk(SSL *ssl)
{
	char line[64] = "";

	if (SSL_write(ssl, "220 hello\r\n", 11) != 11 ||
	    SSL_read(ssl, line, sizeof line - 1) != 6 || strcmp(line, "QUIT\r\n") != 0)
		return TALK_FAILED;
	return SSL_session_reused(ssl) ? RESUMED : PLAYED;
}

/* Makes the handshake in a child, then play; the descriptor of our end. */
static inline int raw_begin(SSL_CTX *context, raw_play *play, pid_t *child)
{
	const struct sigaction ignore = { .sa_handler = SIG_IGN };
	int ends[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	*child = fork();
	assert_true(*child >= 0);
	if (*child != 0) {
		file_close(&ends[1]);
		return ends[0];
	}
	file_close(&ends[0]);
	(void)sigaction(SIGPIPE, &ignore, NULL);
	SSL *ssl = SSL_new(context);
	SSL_set_fd(ssl, ends[1]);
	_exit(SSL_accept(ssl) == 1 ? play(ssl) : HANDSHAKE_FAILED);
}

#endif
