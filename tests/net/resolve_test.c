/* SPDX-License-Identifier: MIT */

/* Tests net/resolve.c as far as no name server is needed. */

#include "net/resolve.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void addresses_stand_for_themselves(void **state)
{
	static const struct row {
		const char *host;
		int family;
	} rows[] = {
		{ "127.0.0.1", AF_INET },
		{ "192.0.2.25", AF_INET },
		{ "::1", AF_INET6 },
		{ "2001:db8::25", AF_INET6 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct resolve_result result = { 0 };
		struct error error;

		assert_int_equal(resolve_host(rows[i].host, 587, &result, &error), 0);
		assert_int_equal(result.count, 1);
		assert_string_equal(result.addresses[0].text, rows[i].host);
		assert_int_equal(result.addresses[0].address.ss_family, rows[i].family);
	}
}

static void the_port_is_in_the_address(void **state)
{
	struct resolve_result result = { 0 };
	struct error error;

	(void)state;
	assert_int_equal(resolve_host("127.0.0.1", 2525, &result, &error), 0);
	const struct sockaddr_in *address =
	    (const struct sockaddr_in *)&result.addresses[0].address;
	assert_int_equal(ntohs(address->sin_port), 2525);
	assert_int_equal(result.addresses[0].length, sizeof *address);
}

static void localhost_needs_no_resolver(void **state)
{
	static const char *const names[] = { "localhost", "LocalHost.", "mail.localhost" };

	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		struct resolve_result result = { 0 };
		struct error error;

		assert_int_equal(resolve_host(names[i], 25, &result, &error), 0);
		assert_int_equal(result.count, 2);
		assert_string_equal(result.addresses[0].text, "127.0.0.1");
		assert_string_equal(result.addresses[1].text, "::1");
	}
}

static void a_name_without_address_is_an_error_that_names_it(void **state)
{
	struct resolve_result result = { .count = 7 };
	struct error error;

	(void)state;
	/* RFC 6761: .invalid never exists; without any name server it is temporary. */
	assert_int_equal(resolve_host("mail.invalid", 25, &result, &error), -1);
	assert_non_null(strstr(error.text, "mail.invalid"));
	assert_true((error.kind == ERROR_NO_HOST && strcmp(error.status, "5.1.2") == 0) ||
		    (error.kind == ERROR_UNAVAILABLE && strcmp(error.status, "4.4.3") == 0));
	assert_true(error.next[0] != '\0');
	assert_int_equal(result.count, 7);
}

/* getaddrinfo sorts as it likes, so the order is tested on a list of our own. */
static struct addrinfo *make_list(const char *hosts[], size_t count)
{
	const struct addrinfo hints = { .ai_flags = AI_NUMERICHOST, .ai_socktype = SOCK_STREAM };
	struct addrinfo *first = NULL;
	struct addrinfo **end = &first;

	for (size_t i = 0; i < count; i++) {
		assert_int_equal(getaddrinfo(hosts[i], "25", &hints, end), 0);
		end = &(*end)->ai_next;
	}
	return first;
}

static void families_take_turns(void **state)
{
	static const struct row {
		const char *name;
		const char *input[6];
		const char *want[6];
	} rows[] = {
		{ "one family keeps its order", { "192.0.2.2", "192.0.2.1" },
		    { "192.0.2.2", "192.0.2.1" } },
		{ "the first family begins",
		    { "2001:db8::1", "2001:db8::2", "192.0.2.1", "192.0.2.2" },
		    { "2001:db8::1", "192.0.2.1", "2001:db8::2", "192.0.2.2" } },
		{ "IPv4 may be first", { "192.0.2.1", "192.0.2.2", "192.0.2.3", "2001:db8::1" },
		    { "192.0.2.1", "2001:db8::1", "192.0.2.2", "192.0.2.3" } },
		{ "the same twice counts once", { "192.0.2.1", "192.0.2.1", "2001:db8::1" },
		    { "192.0.2.1", "2001:db8::1" } },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct resolve_result result = { 0 };
		const char *hosts[6];
		size_t count = 0;
		size_t want = 0;

		while (count < 6 && rows[i].input[count] != NULL) {
			hosts[count] = rows[i].input[count];
			count++;
		}
		while (want < 6 && rows[i].want[want] != NULL)
			want++;
		struct addrinfo *list = make_list(hosts, count);
		resolve_take(list, &result);
		freeaddrinfo(list);
		if (result.count != want)
			fail_msg("%s: %zu addresses", rows[i].name, result.count);
		for (size_t j = 0; j < want; j++)
			assert_string_equal(result.addresses[j].text, rows[i].want[j]);
	}
}

static void more_than_the_limit_are_left_out_in_turn(void **state)
{
	char text[2 * RESOLVE_LIMIT + 2][24];
	const char *hosts[2 * RESOLVE_LIMIT + 2];
	struct resolve_result result = { 0 };

	(void)state;
	for (int i = 0; i < 2 * RESOLVE_LIMIT; i++)
		snprintf(text[i], sizeof text[i], "192.0.2.%d", i + 1);
	snprintf(text[2 * RESOLVE_LIMIT], sizeof text[0], "2001:db8::1");
	snprintf(text[2 * RESOLVE_LIMIT + 1], sizeof text[0], "2001:db8::2");
	for (int i = 0; i < 2 * RESOLVE_LIMIT + 2; i++)
		hosts[i] = text[i];
	struct addrinfo *list = make_list(hosts, 2 * RESOLVE_LIMIT + 2);
	resolve_take(list, &result);
	freeaddrinfo(list);
	assert_int_equal(result.count, RESOLVE_LIMIT);
	assert_string_equal(result.addresses[1].text, "2001:db8::1");
	assert_string_equal(result.addresses[3].text, "2001:db8::2");
	assert_string_equal(result.addresses[RESOLVE_LIMIT - 1].text, "192.0.2.14");
}

static void one_family_alone(void **state)
{
	static const struct row {
		const char *host;
		int family;
		size_t count;
		const char *first;
	} rows[] = {
		{ "localhost", 0, 2, "127.0.0.1" },
		{ "localhost", 4, 1, "127.0.0.1" },
		{ "localhost", 6, 1, "::1" },
		{ "192.0.2.1", 4, 1, "192.0.2.1" },
		{ "2001:db8::1", 6, 1, "2001:db8::1" },
		{ "192.0.2.1", 6, 0, "192.0.2.1 has no IPv6 address, only 192.0.2.1" },
		{ "2001:db8::1", 4, 0, "2001:db8::1 has no IPv4 address, only 2001:db8::1" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct resolve_result result = { .count = 99 };
		struct error error;
		int outcome = resolve_host_in(rows[i].host, 25, rows[i].family, &result, &error);

		if (rows[i].count == 0) {
			assert_int_equal(outcome, -1);
			assert_string_equal(error.text, rows[i].first);
			assert_string_equal(error.status, "4.4.4");
			assert_int_equal(result.count, 99);
			continue;
		}
		assert_int_equal(outcome, 0);
		assert_int_equal(result.count, rows[i].count);
		assert_string_equal(result.addresses[0].text, rows[i].first);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_stand_for_themselves),
		cmocka_unit_test(the_port_is_in_the_address),
		cmocka_unit_test(localhost_needs_no_resolver),
		cmocka_unit_test(a_name_without_address_is_an_error_that_names_it),
		cmocka_unit_test(families_take_turns),
		cmocka_unit_test(more_than_the_limit_are_left_out_in_turn),
		cmocka_unit_test(one_family_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
