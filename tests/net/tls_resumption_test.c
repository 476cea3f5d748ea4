/* SPDX-License-Identifier: MIT */

/* Tests net/tls_resumption.c: sessions go on under the same settings, and under no others. */

#include "net/tls_resumption.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fingerprint.h"
#include "tests/net/certificates.h"
#include "tests/net/raw_server.h"
#include "tests/net/tls_play.h"
#include "tests/support/cmocka.h"

/* Two authorities, and servers whose certificate both trust; made once. */
struct house {
	struct certificate root;
	struct certificate other_root;
	struct certificate leaf;
	struct certificate own;
	char directory[32];
	char root_path[64];
	char both_path[64];
	char own_path[64];
	char own_key[64];
	char fingerprint[FINGERPRINT_SIZE];
	SSL_CTX *servers[2]; /* TLS 1.2 and 1.3 */
};

static void write_files(struct house *house)
{
	const struct certificate *roots[] = { &house->root, &house->other_root };
	const struct certificate *own[] = { &house->own };
	unsigned char octets[FINGERPRINT_OCTETS];

	memcpy(house->directory, "/tmp/mailchute-tls-XXXXXX", 26);
	certificate_require(mkdtemp(house->directory) != NULL);
	snprintf(house->root_path, 64, "%s/root.pem", house->directory);
	snprintf(house->both_path, 64, "%s/both.pem", house->directory);
	snprintf(house->own_path, 64, "%s/own.pem", house->directory);
	snprintf(house->own_key, 64, "%s/own.key", house->directory);
	certificate_write(house->root_path, roots, 1);
	certificate_write(house->both_path, roots, 2);
	certificate_write(house->own_path, own, 1);
	certificate_write_key(house->own_key, &house->own);
	certificate_require(X509_digest(house->leaf.x509, EVP_sha256(), octets, NULL) == 1);
	fingerprint_format(octets, house->fingerprint);
}

static int set_up(void **state)
{
	struct house *house = memory_allocate(sizeof *house);
	const struct certificate_order root = { .name = "Root", .is_authority = true };
	const struct certificate_order leaf = { .name = "x",
		.hosts = "DNS:" SERVER ",DNS:other.example" };
	const struct certificate_order own = { .name = "client" };

	house->root = certificate_make(&root, NULL);
	house->other_root = certificate_make(&root, NULL);
	house->leaf = certificate_make(&leaf, &house->root);
	house->own = certificate_make(&own, &house->root);
	for (int i = 0; i < 2; i++)
		house->servers[i] = raw_make(&(struct raw_order){
		    .leaf = &house->leaf, .newest = i == 0 ? TLS1_2_VERSION : TLS1_3_VERSION });
	write_files(house);
	*state = house;
	return 0;
}

static int tear_down(void **state)
{
	struct house *house = *state;

	for (int i = 0; i < 2; i++)
		SSL_CTX_free(house->servers[i]);
	(void)unlink(house->root_path);
	(void)unlink(house->both_path);
	(void)unlink(house->own_path);
	(void)unlink(house->own_key);
	(void)rmdir(house->directory);
	certificate_free(&house->root);
	certificate_free(&house->other_root);
	certificate_free(&house->leaf);
	certificate_free(&house->own);
	free(house);
	return 0;
}

/* One connection; what it leaves goes into session.  True when the server went on with an old one.
 */
static bool meet(
    const struct tls_client_settings *settings, SSL_CTX *server, struct buffer *session)
{
	CLEANUP(stream_finish) struct stream stream;
	struct error error = { 0 };
	struct tls *client = tls_client_new_with(settings, &error);
	int status;
	pid_t child;

	assert_non_null(client);
	int fd = raw_begin(server, raw_talk, &child);
	stream_init_take_fd(&stream, fd, fd, PEER);
	if (start_tls(&stream, client, SERVER, &error) < 0)
		fail_msg("%s", error.text);
	talk(&stream);
	buffer_clear(session);
	buffer_append_span(session, tls_session(client));
	stream_finish(&stream);
	tls_free(client);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_true(WEXITSTATUS(status) == PLAYED || WEXITSTATUS(status) == RESUMED);
	return WEXITSTATUS(status) == RESUMED;
}

static void the_next_connection_goes_on(void **state)
{
	const struct house *house = *state;

	for (int i = 0; i < 2; i++) {
		CLEANUP(buffer_finish) struct buffer session = { .limit = TLS_RESUMPTION_LIMIT };
		CLEANUP(buffer_finish) struct buffer old = { .limit = TLS_RESUMPTION_LIMIT };
		struct tls_client_settings settings = { .ca_file = house->root_path, .scope = "a" };

		assert_false(meet(&settings, house->servers[i], &session));
		/* Again and again, each with what the one before has left. */
		for (int round = 0; round < 3; round++) {
			assert_true(session.length != 0);
			buffer_clear(&old);
			buffer_append_span(&old, buffer_span(&session));
			settings.session = buffer_span(&old);
			assert_true(meet(&settings, house->servers[i], &session));
		}
	}
}

static void other_settings_begin_anew(void **state)
{
	const struct house *house = *state;
	const struct tls_client_settings first = { .ca_file = house->root_path, .scope = "a" };
	const struct changed {
		const char *name;
		struct tls_client_settings settings;
	} rows[] = {
		{ "another account", { .ca_file = house->root_path, .scope = "b" } },
		{ "no account", { .ca_file = house->root_path } },
		{ "other authorities", { .ca_file = house->both_path, .scope = "a" } },
		{ "another name",
		    { .ca_file = house->root_path, .scope = "a", .name = "other.example" } },
		{ "the same name, but asked for",
		    { .ca_file = house->root_path, .scope = "a", .name = SERVER } },
		{ "a pin", { .ca_file = house->root_path,
			       .scope = "a",
			       .fingerprint = house->fingerprint } },
		{ "another certificate of ours", { .ca_file = house->root_path,
						     .scope = "a",
						     .certificate = house->own_path,
						     .key = house->own_key } },
		{ "another minimum",
		    { .ca_file = house->root_path, .scope = "a", .min_is_1_3 = true } },
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		CLEANUP(buffer_finish) struct buffer session = { .limit = TLS_RESUMPTION_LIMIT };
		CLEANUP(buffer_finish) struct buffer newer = { .limit = TLS_RESUMPTION_LIMIT };
		struct tls_client_settings settings = rows[i].settings;

		assert_false(meet(&first, house->servers[1], &session));
		settings.session = buffer_span(&session);
		if (meet(&settings, house->servers[1], &newer))
			fail_msg("%s: went on", rows[i].name);
		/* Its own is as good as any, so that it was not some other trouble. */
		settings.session = buffer_span(&newer);
		if (!meet(&settings, house->servers[1], &session))
			fail_msg("%s: did not go on with its own", rows[i].name);
	}
}

/* A worker that was taken over may have left anything. */
static void what_is_no_session_is_passed_over(void **state)
{
	const struct house *house = *state;
	CLEANUP(buffer_finish) struct buffer session = { .limit = TLS_RESUMPTION_LIMIT };
	CLEANUP(buffer_finish) struct buffer newer = { .limit = TLS_RESUMPTION_LIMIT };
	CLEANUP(memory_free_string) char *large = memory_allocate(TLS_RESUMPTION_LIMIT + 1);
	struct tls_client_settings settings = { .ca_file = house->root_path };

	assert_false(meet(&settings, house->servers[1], &session));
	struct span whole = buffer_span(&session);
	const struct span rows[] = {
		span_from_bytes("", 1),
		span_from_string("no session at all"),
		span_first(whole, 1),
		span_first(whole, whole.length / 2),
		span_first(whole, whole.length - 1),
		span_after(whole, 1),
		span_from_bytes(large, TLS_RESUMPTION_LIMIT + 1),
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		settings.session = rows[i];
		assert_false(meet(&settings, house->servers[1], &newer));
	}
	/* Damaged anywhere: at worst the server refuses it, and nobody falls. */
	for (size_t i = 0; i < whole.length; i += 7) {
		CLEANUP(stream_finish) struct stream stream;
		struct error error = { 0 };
		pid_t child;

		session.start[i] = (char)(session.start[i] ^ 0x55);
		settings.session = buffer_span(&session);
		struct tls *client = tls_client_new_with(&settings, &error);
		assert_non_null(client);
		int fd = raw_begin(house->servers[1], raw_talk, &child);
		stream_init_take_fd(&stream, fd, fd, PEER);
		if (start_tls(&stream, client, SERVER, &error) == 0)
			talk(&stream);
		stream_finish(&stream);
		tls_free(client);
		assert_int_equal(waitpid(child, NULL, 0), child);
		session.start[i] = (char)(session.start[i] ^ 0x55);
	}
}

/* A ticket outlives a certificate easily. */
static void an_expired_certificate_is_judged_again(void **state)
{
	struct house *house = *state;
	const struct certificate_order order = {
		.name = "x", .hosts = "DNS:" SERVER, .from_day = -20, .to_day = -10
	};
	struct certificate leaf = certificate_make(&order, &house->root);
	CLEANUP(buffer_finish) struct buffer session = { .limit = TLS_RESUMPTION_LIMIT };
	CLEANUP(buffer_finish) struct buffer newer = { .limit = TLS_RESUMPTION_LIMIT };
	unsigned char octets[FINGERPRINT_OCTETS];
	char pin[FINGERPRINT_SIZE];
	SSL_CTX *server = raw_make(&(struct raw_order){ .leaf = &leaf });

	certificate_require(X509_digest(leaf.x509, EVP_sha256(), octets, NULL) == 1);
	fingerprint_format(octets, pin);
	/* A pin lets it pass, each time anew. */
	struct tls_client_settings settings = { .fingerprint = pin };
	assert_false(meet(&settings, server, &session));
	settings.session = buffer_span(&session);
	assert_false(meet(&settings, server, &newer));
	SSL_CTX_free(server);
	certificate_free(&leaf);
}

static void a_server_without_sessions_leaves_nothing(void **state)
{
	struct house *house = *state;
	CLEANUP(buffer_finish) struct buffer session = { .limit = TLS_RESUMPTION_LIMIT };
	const struct tls_client_settings settings = { .ca_file = house->root_path };
	SSL_CTX *server = raw_make(&(struct raw_order){ .leaf = &house->leaf });

	(void)SSL_CTX_set_num_tickets(server, 0);
	assert_false(meet(&settings, server, &session));
	assert_int_equal(session.length, 0);
	SSL_CTX_free(server);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_next_connection_goes_on),
		cmocka_unit_test(other_settings_begin_anew),
		cmocka_unit_test(what_is_no_session_is_passed_over),
		cmocka_unit_test(an_expired_certificate_is_judged_again),
		cmocka_unit_test(a_server_without_sessions_leaves_nothing),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
