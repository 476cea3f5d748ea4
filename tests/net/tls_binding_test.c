/* SPDX-License-Identifier: MIT */

/*
 * Tests what net/tls_connection.c gives as channel binding: the server sends
 * its own through the connection, and the client compares.
 */

#include "net/tls_connection.h"

#include <stdio.h>
#include <string.h>

#include "tests/net/tls_play.h"

#define EXPORTER "tls-exporter:"
#define UNIQUE "tls-unique:"

static char folder[] = "/tmp/mailchute-binding-XXXXXX";

enum { BINDING_LIMIT = 200, NO_BINDING = 10, NOT_EQUAL, NO_TLS };

static int tell(struct tls *tls, int fd)
{
	CLEANUP(stream_finish) struct stream stream;
	CLEANUP(buffer_finish) struct buffer binding = { .limit = BINDING_LIMIT };
	struct error error;

	stream_init_take_fd(&stream, fd, fd, "client");
	if (start_tls(&stream, tls, NULL, &error) < 0)
		return HANDSHAKE_FAILED;
	if (stream_channel_binding(&stream, &binding) < 0)
		buffer_append_string(&binding, "none");
	stream_put(&stream, buffer_span(&binding));
	/* So that the client, when it has heard all, has the new session, too. */
	return stream_fill(&stream, clock_deadline(LONG), &error) < 0 ? TALK_FAILED : PLAYED;
}

/* One connection; what both have goes to binding. */
static int compare(struct tls *server, struct tls *client, struct buffer *binding)
{
	CLEANUP(stream_finish) struct stream stream;
	struct error error;
	pid_t child;
	int fd = begin(tell, server, &child);

	stream_init_take_fd(&stream, fd, fd, PEER);
	if (start_tls(&stream, client, SERVER, &error) < 0)
		return NO_TLS;
	while (stream_input(&stream).length == 0)
		if (stream_fill(&stream, clock_deadline(LONG), &error) <= 0)
			return NO_TLS;
	if (stream_channel_binding(&stream, binding) < 0)
		buffer_append_string(binding, "none");
	bool is_same = span_equals(stream_input(&stream), buffer_span(binding));
	stream_put(&stream, span_from_string("."));
	(void)stream_flush(&stream, clock_deadline(LONG), &error);
	end(child, PLAYED);
	return is_same ? 0 : NOT_EQUAL;
}

/* Two connections, of which the second may be resumed; 0 when all is as want has it. */
static int run(const char *want)
{
	CLEANUP(buffer_finish) struct buffer first = { .limit = BINDING_LIMIT };
	CLEANUP(buffer_finish) struct buffer second = { .limit = BINDING_LIMIT };
	CLEANUP(memory_free_string) char *path = memory_format("%s/server.pem", folder);
	struct error error;
	struct tls *server = tls_server_new_self_signed(SERVER, &error);

	if (server == NULL || tls_write_certificate(server, path, &error) < 0)
		return NO_TLS;
	struct tls_client_settings settings = { .ca_file = path, .scope = "account" };
	struct tls *client = tls_client_new_with(&settings, &error);
	if (client == NULL)
		return NO_TLS;
	int outcome = compare(server, client, &first);
	CLEANUP(buffer_finish) struct buffer session = { .limit = 100000 };
	buffer_append_span(&session, tls_session(client));
	/* The Finished that counts depends on resumption; the exporter does not. */
	if (session.length == 0 && strcmp(want, UNIQUE) == 0)
		outcome = NO_TLS;
	settings.session = buffer_span(&session);
	struct tls *again = tls_client_new_with(&settings, &error);
	if (outcome == 0)
		outcome = again != NULL ? compare(server, again, &second) : NO_TLS;
	tls_free(client);
	tls_free(again);
	tls_free(server);
	if (outcome != 0)
		return outcome;
	if (!span_starts_with(buffer_span(&first), want) ||
	    !span_starts_with(buffer_span(&second), want))
		return NO_BINDING;
	bool is_none = strcmp(want, "none") == 0;
	if (!is_none && first.length < strlen(want) + 12)
		return NO_BINDING;
	return is_none || !span_equals(buffer_span(&first), buffer_span(&second)) ? 0 : NOT_EQUAL;
}

/* In a process of its own: OpenSSL reads its settings once. */
static void check(const char *settings, const char *want)
{
	CLEANUP(memory_free_string) char *path = memory_format("%s/openssl.cnf", folder);
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	fprintf(file, "openssl_conf = a\n[a]\nssl_conf = b\n[b]\nsystem_default = c\n[c]\n%s\n",
	    settings);
	fclose(file);
	fflush(stdout);
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0)
		_exit(setenv("OPENSSL_CONF", path, 1) < 0 ? NO_TLS : run(want));
	end(child, 0);
}

static void tls_1_3_has_an_exporter(void **state)
{
	(void)state;
	check("MinProtocol = TLSv1.3", EXPORTER);
}

static void tls_1_2_has_the_first_finished(void **state)
{
	(void)state;
	check("MaxProtocol = TLSv1.2", UNIQUE);
}

static void tls_1_2_without_extended_master_secret_has_none(void **state)
{
	(void)state;
	check("MaxProtocol = TLSv1.2\nOptions = -ExtendedMasterSecret", "none");
}

static void a_connection_in_clear_has_none(void **state)
{
	CLEANUP(stream_finish) struct stream stream;
	CLEANUP(buffer_finish) struct buffer binding = { .limit = BINDING_LIMIT };
	int ends[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	stream_init_take_fd(&stream, ends[0], ends[1], PEER);
	assert_int_equal(stream_channel_binding(&stream, &binding), -1);
	assert_int_equal(binding.length, 0);
}

static int make_folder(void **state)
{
	(void)state;
	return mkdtemp(folder) != NULL ? 0 : -1;
}

static int remove_folder(void **state)
{
	static const char *const names[] = { "openssl.cnf", "server.pem" };

	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		CLEANUP(memory_free_string) char *path = memory_format("%s/%s", folder, names[i]);

		(void)unlink(path);
	}
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tls_1_3_has_an_exporter),
		cmocka_unit_test(tls_1_2_has_the_first_finished),
		cmocka_unit_test(tls_1_2_without_extended_master_secret_has_none),
		cmocka_unit_test(a_connection_in_clear_has_none),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
