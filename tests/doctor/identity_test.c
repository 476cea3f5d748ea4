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

/* On a machine without a domain nothing is refused where no such address leaves. */
static void a_bare_domain_matters_where_it_leaves(void **state)
{
	static const struct row {
		const char *name;
		const char *from;
		enum smarthost_from_policy policy;
		const char *alias;
		bool is_good;
	} rows[] = {
		{ "as setup writes it", "me@example.com", SMARTHOST_FROM_AUTO, "*", true },
		{ "rewritten", "me@example.com", SMARTHOST_FROM_REWRITE, "*", true },
		{ "no from", NULL, SMARTHOST_FROM_AUTO, "*", false },
		{ "kept", "me@example.com", SMARTHOST_FROM_KEEP, "*", false },
		{ "rejected", "me@example.com", SMARTHOST_FROM_REJECT, "*", false },
		{ "recipients leave", "me@example.com", SMARTHOST_FROM_AUTO, "root", false },
	};
	static const char *const domains[] = { "box", "example.com" };
	struct machine *machine = *state;

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		for (size_t j = 0; j < 2; j++) {
			struct config_smarthost smarthosts[2] = { 0 };
			struct config_alias alias = { .name = (char *)(uintptr_t)rows[i].alias };

			smarthosts[0].parameters.from = (char *)(uintptr_t) "me@example.com";
			smarthosts[1].parameters.from = (char *)(uintptr_t)rows[i].from;
			smarthosts[1].parameters.from_policy = rows[i].policy;
			machine->patient.config = (struct config){
				.ehlo = (char *)(uintptr_t) "[192.0.2.1]",
				.domain = (char *)(uintptr_t)domains[j],
				.smarthosts = smarthosts,
				.smarthost_count = 2,
				.aliases = &alias,
				.alias_count = 1,
			};
			identity_check(&machine->patient);
			bool is_noted = finding_find(&machine->findings, "identity.domain") != NULL;
			assert_int_equal(is_noted, j == 0);
			machine_expect(machine, rows[i].name, FINDING_YELLOW,
			    j == 1 || rows[i].is_good ? NULL : "identity.domain");
		}
	machine->patient.config = (struct config){ 0 };
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(names_are_judged, machine_begin, machine_end),
		cmocka_unit_test_setup_teardown(
		    a_bare_domain_matters_where_it_leaves, machine_begin, machine_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
