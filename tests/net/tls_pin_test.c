/* SPDX-License-Identifier: MIT */

/* Tests net/tls_pin.c: the pinned certificate and no other, whatever else is wrong with it. */

#include "net/tls_pin.h"

#include <stdio.h>
#include <string.h>

#include "tests/net/certificates.h"
#include "tests/net/raw_server.h"
#include "tests/net/tls_play.h"
#include "tests/support/cmocka.h"

static void fingerprint_of(const struct certificate *certificate, char text[FINGERPRINT_SIZE])
{
	unsigned char octets[FINGERPRINT_OCTETS];

	certificate_require(X509_digest(certificate->x509, EVP_sha256(), octets, NULL) == 1);
	fingerprint_format(octets, text);
}

/* 0 when the pin lets the certificate pass. */
static int meet(const char *pin, const struct certificate *leaf, const struct certificate *middle,
    int newest, struct error *error)
{
	CLEANUP(stream_finish) struct stream stream;
	const struct tls_client_settings settings = { .ca_file = "/nonexistent/not-read.pem",
		.fingerprint = pin };
	SSL_CTX *server = raw_make(
	    &(struct raw_order){ .leaf = leaf, .middle = middle, .newest = newest });
	struct tls *client = tls_client_new_with(&settings, error);
	pid_t child;

	assert_non_null(client);
	int fd = raw_begin(server, raw_talk, &child);
	stream_init_take_fd(&stream, fd, fd, PEER);
	int outcome = start_tls(&stream, client, SERVER, error);
	if (outcome == 0)
		talk(&stream);
	end(child, outcome == 0 ? PLAYED : HANDSHAKE_FAILED);
	stream_finish(&stream);
	tls_free(client);
	SSL_CTX_free(server);
	return outcome;
}

static void the_pinned_one_passes_whatever_is_in_it(void **state)
{
	static const struct certificate_order orders[] = {
		{ .name = "self-signed", .hosts = "DNS:" SERVER },
		{ .name = "another name", .hosts = "DNS:other.example" },
		{ .name = "expired", .from_day = -20, .to_day = -10 },
		{ .name = "not yet valid", .from_day = 10, .to_day = 20 },
		{ .name = "for clients", .usage = "clientAuth" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof orders / sizeof orders[0]; i++) {
		struct certificate leaf = certificate_make(&orders[i], NULL);
		char pin[FINGERPRINT_SIZE];
		struct error error = { 0 };

		fingerprint_of(&leaf, pin);
		for (int newest = TLS1_2_VERSION; newest <= TLS1_3_VERSION; newest++)
			if (meet(pin, &leaf, NULL, newest, &error) < 0)
				fail_msg("%s: %s", orders[i].name, error.text);
		certificate_free(&leaf);
	}
}

/* As the one seen must be pasted, it is pasted here. */
static void another_one_is_told_so_that_it_can_be_pasted(void **state)
{
	const struct certificate_order order = { .name = "x", .hosts = "DNS:" SERVER };
	struct certificate leaf = certificate_make(&order, NULL);
	struct certificate other = certificate_make(&order, NULL);
	char pin[FINGERPRINT_SIZE];
	char seen[FINGERPRINT_SIZE];
	char paste[FINGERPRINT_SIZE + 32];
	struct error error = { 0 };

	(void)state;
	fingerprint_of(&other, pin);
	fingerprint_of(&leaf, seen);
	assert_int_equal(meet(pin, &leaf, NULL, 0, &error), -1);
	assert_non_null(strstr(error.text, "the certificate of " PEER " has the fingerprint"));
	assert_non_null(strstr(error.text, seen));
	snprintf(paste, sizeof paste, "tls_fingerprint = \"%s\"", seen);
	assert_non_null(strstr(error.next, paste));
	assert_string_equal(error.status, "4.7.5");
	assert_int_equal(meet(seen, &leaf, NULL, 0, &error), 0);
	certificate_free(&leaf);
	certificate_free(&other);
}

/* The pin is the server's own: who shows it further up has not its key. */
static void the_pinned_one_must_be_the_leaf(void **state)
{
	const struct certificate_order root_order = { .name = "r", .is_authority = true };
	const struct certificate_order order = { .name = "x", .hosts = "DNS:" SERVER };
	struct certificate root = certificate_make(&root_order, NULL);
	struct certificate leaf = certificate_make(&order, &root);
	char pin[FINGERPRINT_SIZE];
	struct error error = { 0 };

	(void)state;
	fingerprint_of(&root, pin);
	assert_int_equal(meet(pin, &leaf, &root, 0, &error), -1);
	certificate_free(&root);
	certificate_free(&leaf);
}

static void what_is_no_fingerprint_is_told(void **state)
{
	const struct tls_client_settings settings = { .fingerprint = "sha1:00" };
	struct error error = { 0 };

	(void)state;
	assert_null(tls_client_new_with(&settings, &error));
	assert_non_null(strstr(error.text, "tls_fingerprint = \"sha1:00\""));
	assert_int_equal(error.kind, ERROR_CONFIG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_pinned_one_passes_whatever_is_in_it),
		cmocka_unit_test(another_one_is_told_so_that_it_can_be_pasted),
		cmocka_unit_test(the_pinned_one_must_be_the_leaf),
		cmocka_unit_test(what_is_no_fingerprint_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
