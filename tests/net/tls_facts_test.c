/* SPDX-License-Identifier: MIT */

/* Tests net/tls_facts.c: what is told of a certificate is what stands in it. */

#include "net/tls_facts.h"

#include <string.h>
#include <time.h>

#include "base/fingerprint.h"
#include "tests/net/certificates.h"
#include "tests/net/raw_server.h"
#include "tests/net/tls_play.h"
#include "tests/support/cmocka.h"

/* Pinned, so that any certificate may be looked at. */
static void look(
    const struct certificate *leaf, const struct certificate *middle, struct tls_facts *facts)
{
	CLEANUP(stream_finish) struct stream stream;
	unsigned char octets[FINGERPRINT_OCTETS];
	char pin[FINGERPRINT_SIZE];
	SSL_CTX *server = raw_make(&(struct raw_order){ .leaf = leaf, .middle = middle });
	struct error error;
	pid_t child;

	certificate_require(X509_digest(leaf->x509, EVP_sha256(), octets, NULL) == 1);
	fingerprint_format(octets, pin);
	const struct tls_client_settings settings = { .fingerprint = pin };
	struct tls *client = tls_client_new_with(&settings, &error);
	assert_non_null(client);
	tls_keep_facts(client, facts);
	int fd = raw_begin(server, raw_talk, &child);
	stream_init_take_fd(&stream, fd, fd, PEER);
	if (start_tls(&stream, client, SERVER, &error) < 0)
		fail_msg("%s", error.text);
	talk(&stream);
	end(child, PLAYED);
	stream_finish(&stream);
	tls_free(client);
	SSL_CTX_free(server);
}

static void chain_names_and_days_are_told(void **state)
{
	const struct certificate_order root_order = { .name = "Root of Tests",
		.is_authority = true };
	const struct certificate_order order = { .name = "mail",
		.hosts = "DNS:" SERVER ",DNS:*.example.net,IP:192.0.2.1,IP:2001:db8::1",
		.from_day = -3,
		.to_day = 20 };
	struct certificate root = certificate_make(&root_order, NULL);
	struct certificate leaf = certificate_make(&order, &root);
	struct tls_facts facts = { 0 };
	int64_t now = (int64_t)time(NULL);

	(void)state;
	look(&leaf, &root, &facts);
	assert_string_equal(facts.chain, "mail <- Root of Tests");
	assert_string_equal(facts.names, SERVER ", *.example.net, 192.0.2.1, 2001:db8::1");
	/* Made in the last minutes. */
	assert_in_range(now - facts.since, 3 * DAY, 3 * DAY + 600);
	assert_in_range(now + 20 * DAY - facts.until, 0, 600);
	certificate_free(&leaf);
	certificate_free(&root);
}

static void what_a_terminal_should_not_see_is_masked(void **state)
{
	const struct certificate_order order = { .name = "a\x1b[31mb\nc",
		.raw_host = { "x\x1b]0;y\x07", 8 } };
	struct certificate leaf = certificate_make(&order, NULL);
	struct tls_facts facts = { 0 };

	(void)state;
	look(&leaf, NULL, &facts);
	assert_false(span_has_control(span_from_string(facts.chain)));
	assert_false(span_has_control(span_from_string(facts.names)));
	certificate_free(&leaf);
}

/* Names without end must not pass the place that they have. */
static void too_many_names_are_cut(void **state)
{
	char hosts[4000] = "DNS:first.example";
	struct tls_facts facts = { 0 };

	(void)state;
	for (int i = 0; i < 100; i++)
		snprintf(hosts + strlen(hosts), sizeof hosts - strlen(hosts),
		    ",DNS:host-%d.with-a-long-name.example", i);
	const struct certificate_order order = { .name = "x", .hosts = hosts };
	struct certificate leaf = certificate_make(&order, NULL);
	look(&leaf, NULL, &facts);
	assert_true(strlen(facts.names) < sizeof facts.names);
	assert_memory_equal(facts.names, "first.example, host-0.", 22);
	certificate_free(&leaf);
}

static void a_file_is_read_alike(void **state)
{
	const struct certificate_order order = {
		.name = "own", .hosts = "DNS:own.example", .from_day = -3, .to_day = 20
	};
	struct certificate leaf = certificate_make(&order, NULL);
	struct tls_facts facts = { 0 };
	char path[] = "/tmp/mailchute-facts-XXXXXX";
	int fd = mkstemp(path);
	FILE *file = fdopen(fd, "w");

	(void)state;
	assert_non_null(file);
	assert_int_equal(PEM_write_X509(file, leaf.x509), 1);
	assert_int_equal(fclose(file), 0);
	assert_true(tls_facts_read_file(path, &facts));
	assert_string_equal(facts.chain, "own");
	assert_string_equal(facts.names, "own.example");
	assert_in_range((int64_t)time(NULL) + 20 * DAY - facts.until, 0, 600);
	assert_int_equal(truncate(path, 100), 0);
	assert_false(tls_facts_read_file(path, &facts));
	assert_int_equal(unlink(path), 0);
	assert_false(tls_facts_read_file(path, &facts));
	assert_string_equal(facts.chain, "");
	certificate_free(&leaf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(chain_names_and_days_are_told),
		cmocka_unit_test(what_a_terminal_should_not_see_is_masked),
		cmocka_unit_test(too_many_names_are_cut),
		cmocka_unit_test(a_file_is_read_alike),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
