/* SPDX-License-Identifier: MIT */

/*
 * Tests worker/examination.c: addresses and ports by themselves.  What a
 * session shows, and is asked, stands in worker_test.c, in its sandbox.
 */

#include "worker/examination.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "net/listen.h"
#include "tests/support/cmocka.h"

enum { FACTS = 32 };

struct told {
	struct result facts[FACTS];
	size_t count;
};

static void take(void *context, const struct result *fact)
{
	struct told *told = context;

	assert_true(told->count < FACTS);
	assert_int_equal(fact->kind, RESULT_FACT);
	told->facts[told->count++] = *fact;
}

static void add(struct resolve_result *addresses, const char *text, int port)
{
	struct resolve_address *address = &addresses->addresses[addresses->count++];
	struct sockaddr_in *v4 = (struct sockaddr_in *)&address->address;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&address->address;

	(void)snprintf(address->text, sizeof address->text, "%s", text);
	if (strchr(text, ':') != NULL) {
		*v6 = (struct sockaddr_in6){ .sin6_family = AF_INET6,
			.sin6_port = htons((uint16_t)port) };
		address->length = sizeof *v6;
		assert_int_equal(inet_pton(AF_INET6, text, &v6->sin6_addr), 1);
		return;
	}
	*v4 = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	address->length = sizeof *v4;
	assert_int_equal(inet_pton(AF_INET, text, &v4->sin_addr), 1);
}

static void each_address_is_told_in_its_order(void **state)
{
	struct resolve_result addresses = { 0 };
	const struct smarthost smarthost = { .port = 2525, .connect_timeout = 30000 };
	struct told told = { 0 };
	struct error error;
	int listener = listen_tcp("127.0.0.1:0", &error);
	int port = listen_port(listener);

	(void)state;
	add(&addresses, "127.0.0.9", port);
	add(&addresses, "127.0.0.1", port);
	add(&addresses, "127.0.0.8", port);
	examination_connect(&addresses, &smarthost, take, &told);
	assert_int_equal(told.count, 3);
	assert_string_equal(told.facts[0].fact, "address.failed");
	assert_string_equal(told.facts[0].text, "127.0.0.9: Connection refused");
	assert_string_equal(told.facts[1].fact, "address.ok");
	assert_ptr_equal(strstr(told.facts[1].text, "127.0.0.1 "), told.facts[1].text);
	assert_non_null(strstr(told.facts[1].text, " ms"));
	assert_string_equal(told.facts[2].fact, "address.failed");
	file_close(&listener);
}

/* Nothing can be sent from here to there, which is known at once. */
static void what_cannot_be_tried_is_told(void **state)
{
	struct resolve_result addresses = { 0 };
	const struct smarthost smarthost = { .port = 587, .connect_timeout = 30000 };
	struct told told = { 0 };

	(void)state;
	add(&addresses, "255.255.255.255", 587);
	examination_connect(&addresses, &smarthost, take, &told);
	assert_int_equal(told.count, 1);
	assert_string_equal(told.facts[0].fact, "address.failed");
}

static void without_an_address_nothing_is_told(void **state)
{
	struct resolve_result addresses = { 0 };
	const struct smarthost smarthost = { .port = 587, .connect_timeout = 30000 };
	struct told told = { 0 };

	(void)state;
	examination_connect(&addresses, &smarthost, take, &told);
	assert_int_equal(told.count, 0);
}

static void what_is_offered_is_listed(void **state)
{
	static const struct row {
		struct extensions extensions;
		const char *text;
	} rows[] = {
		{ { .is_extended = false }, "no extensions" },
		{ { .is_extended = true }, "ESMTP" },
		{ { .is_extended = true, .size_limit = 1000, .auth = "PLAIN LOGIN" },
		    "SIZE 1000, AUTH PLAIN LOGIN" },
		{ { .is_extended = true,
		      .pipelining = true,
		      .chunking = true,
		      .eight_bit_mime = true,
		      .smtputf8 = true,
		      .dsn = true },
		    "ESMTP, PIPELINING, CHUNKING, 8BITMIME, SMTPUTF8, DSN" },
	};
	const struct tls_facts none = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const struct session session = { .extensions = rows[i].extensions };
		struct told told = { 0 };

		examination_look(&session, &none, take, &told);
		assert_int_equal(told.count, 1);
		assert_string_equal(told.facts[0].fact, "capabilities");
		assert_string_equal(told.facts[0].text, rows[i].text);
	}
}

static void a_certificate_is_told_before(void **state)
{
	const struct tls_facts facts = {
		.chain = "a <- b", .names = "a.example", .since = 1000, .until = -5
	};
	const struct session session = { 0 };
	struct told told = { 0 };

	(void)state;
	examination_look(&session, &facts, take, &told);
	assert_int_equal(told.count, 5);
	assert_string_equal(told.facts[0].text, "a <- b");
	assert_string_equal(told.facts[1].text, "a.example");
	assert_string_equal(told.facts[2].text, "1000");
	assert_string_equal(told.facts[3].text, "0");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_address_is_told_in_its_order),
		cmocka_unit_test(what_cannot_be_tried_is_told),
		cmocka_unit_test(without_an_address_nothing_is_told),
		cmocka_unit_test(what_is_offered_is_listed),
		cmocka_unit_test(a_certificate_is_told_before),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
