/* SPDX-License-Identifier: MIT */

#include "net/tls_connection.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/span.h"
#include "net/tls_error.h"
#include "net/tls_facts.h"
#include "net/tls_record.h"
#include "net/tls_refusal.h"
#include "net/tls_resumption.h"

enum { FIRST_ALERT = 1000 }; /* SSL_AD_REASON_OFFSET: from here on, alerts of the peer */

struct connection {
	SSL *ssl;
	int input_fd;
	int output_fd;
	bool output_is_pipe;
	bool has_ended;	 /* the peer has closed its side of the socket */
	bool is_broken;	 /* no goodbye is possible */
	bool is_started; /* the handshake is done */
	bool min_is_1_3;
	int number; /* errno of the system call that failed last */
	struct tls_record record;
	char name[256];
	struct tls_refusal refusal;
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

BIO_METHOD *tls_connection_make_method(void)
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
	    is_cut ? "cut off inside a record" : tls_error_words());
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

/* RFC 9266: unique without conditions in TLS 1.3. */
static int bind_by_exporter(SSL *ssl, struct buffer *octets)
{
	static const char label[] = "EXPORTER-Channel-Binding";
	unsigned char key[32];

	if (SSL_export_keying_material(ssl, key, sizeof key, label, sizeof label - 1,
		(const unsigned char *)"", 0, 1) != 1)
		return -1;
	buffer_append_string(octets, "tls-exporter:");
	buffer_append(octets, (const char *)key, sizeof key);
	return 0;
}

/*
 * The first Finished of the latest handshake (RFC 5929, 3.1): the client's,
 * or the server's when the session was resumed.  Without the extended master
 * secret somebody in between can make two connections that share it (RFC 7627).
 */
static int bind_by_finished(SSL *ssl, struct buffer *octets)
{
	unsigned char finished[64];
	bool is_resumed = SSL_session_reused(ssl) == 1;
	bool is_ours = is_resumed == (SSL_is_server(ssl) == 1);
	size_t size;

	if (SSL_get_extms_support(ssl) != 1)
		return -1;
	size = is_ours ? SSL_get_finished(ssl, finished, sizeof finished)
		       : SSL_get_peer_finished(ssl, finished, sizeof finished);
	if (size == 0 || size > sizeof finished)
		return -1;
	buffer_append_string(octets, "tls-unique:");
	buffer_append(octets, (const char *)finished, size);
	return 0;
}

static int channel_binding(void *context, struct buffer *octets)
{
	const struct connection *connection = context;

	ERR_clear_error();
	return SSL_version(connection->ssl) == TLS1_3_VERSION
		   ? bind_by_exporter(connection->ssl, octets)
		   : bind_by_finished(connection->ssl, octets);
}

static const struct stream_operations operations = {
	.read = read_secure,
	.write = write_secure,
	.finish = finish,
	.describe = describe,
	.channel_binding = channel_binding,
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

static struct connection *connection_new(const struct tls_connection_source *source,
    const struct stream *stream, const char *name, struct error *error)
{
	struct connection *connection = memory_allocate(sizeof *connection);
	BIO *bio = BIO_new(source->method);

	connection->input_fd = stream->input_fd;
	connection->output_fd = stream->output_fd;
	connection->refusal.name = connection->name;
	connection->refusal.trust = source->trust;
	connection->min_is_1_3 = source->min_is_1_3;
	connection->ssl = SSL_new(source->context);
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
		if (set_name(connection, name)) {
			if (source->resumption != NULL)
				tls_resumption_offer(source->resumption, connection->ssl);
			return connection;
		}
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
	(void)error_code(error, stream->flights > 0 ? "MC-TLS-22" : "MC-TLS-10");
	if (stream->flights > 0)
		return error_next(error, "its STARTTLS is broken, or somebody is in between: "
					 "nothing more was sent");
	(void)error_means(error, "it greets in clear on this port, and begins TLS by STARTTLS");
	return error_next(error, "url = \"smtp+tls://%.*s\" instead of smtps://",
	    (int)strcspn(stream->peer, " "), stream->peer);
}

static int fail_version(bool min_is_1_3, const struct stream *stream, struct error *error)
{
	error_set(error, ERROR_UNAVAILABLE, "4.7.0",
	    "TLS with %s failed: it knows no version from 1.%c on", stream->peer,
	    min_is_1_3 ? '3' : '2');
	(void)error_code(error, "MC-TLS-22");
	return error_next(error, min_is_1_3 ? "have the server updated, or set tls_min = \"1.2\""
					    : "have the server updated");
}

static int fail_openssl(bool min_is_1_3, const struct stream *stream, struct error *error)
{
	int reason = ERR_GET_REASON(ERR_peek_error());

	if (reason == SSL_R_UNSUPPORTED_PROTOCOL || reason == SSL_R_TLSV1_ALERT_PROTOCOL_VERSION)
		return fail_version(min_is_1_3, stream, error);
	error_set(error, ERROR_UNAVAILABLE, "4.7.0", "%s %s: %s",
	    reason >= FIRST_ALERT ? "TLS was refused by" : "TLS failed with", stream->peer,
	    tls_error_words());
	return error_code(error, "MC-TLS-22");
}

static int fail_handshake(const struct connection *connection, const struct stream *stream,
    bool is_server, struct error *error)
{
	if (connection->refusal.text[0] != '\0') {
		error_set(error, ERROR_UNAVAILABLE, "4.7.5", "the certificate of %s %s",
		    stream->peer, connection->refusal.text);
		(void)error_code(error, "MC-TLS-02");
		(void)error_means(error, "%s", connection->refusal.means);
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
	return fail_openssl(connection->min_is_1_3, stream, error);
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

int tls_connection_start(const struct tls_connection_source *source, struct stream *stream,
    const char *name, int64_t deadline, struct error *error)
{
	CLEANUP(connection_release)
	struct connection *connection = connection_new(source, stream, name, error);

	if (connection == NULL ||
	    shake_hands(connection, stream, name == NULL, deadline, error) < 0)
		return -1;
	connection->is_started = true;
	if (source->resumption != NULL)
		tls_resumption_conclude(source->resumption, connection->ssl);
	if (source->facts != NULL)
		tls_facts_read(connection->ssl, source->facts);
	stream->operations = &operations;
	stream->context = connection;
	stream->is_secure = true;
	snprintf(stream->security, sizeof stream->security, "%s %s",
	    SSL_get_version(connection->ssl), SSL_get_cipher_name(connection->ssl));
	connection = NULL;
	return 0;
}
