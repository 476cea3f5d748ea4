/* SPDX-License-Identifier: MIT */

/* Tests doctor/identity.c: which names smarthosts and readers can do with. */

#include "tests/doctor/machine.h"

static void names_are_judged(void **state)
{
	static const struct row {
		const char *hello;
		const char *domain;
		const char *id; /* NULL: both are good */
	} rows[] = {
		{ "host.example.com", "example.com", NULL },
		{ "[192.0.2.1]", "example.com", NULL },
		{ "[IPv6:2001:db8::1]", "example.com", NULL },
		{ "[127.0.0.1]", "example.com", "identity.ehlo" },
		{ "localhost", "example.com", "identity.ehlo" },
		{ "LOCALHOST.localdomain", "example.com", "identity.ehlo" },
		{ "3f2a91c0d4e5", "example.com", "identity.ehlo" },
		{ "host.example.com", "box", "identity.domain" },
		{ "host.example.com", "localhost.localdomain", "identity.domain" },
	};
	struct machine *machine = *state;

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		machine->patient.config = (struct config){
			.ehlo = (char *)(uintptr_t)rows[i].hello,
			.domain = (char *)(uintptr_t)rows[i].domain,
		};
		identity_check(&machine->patient);
		machine_expect(machine, rows[i].hello, FINDING_YELLOW, rows[i].id);
	}
	machine->patient.config = (struct config){ 0 };
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(names_are_judged, machine_begin, machine_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
