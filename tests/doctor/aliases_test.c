/* SPDX-License-Identifier: MIT */

/* Tests doctor/aliases.c: whether mail for root leaves, and what of the file is passed over. */

#include "tests/doctor/machine.h"

static void load(struct machine *machine, const char *alias, const char *file)
{
	char *path CLEANUP(memory_free_string) = memory_format("%s/conf", machine->root);
	char *text CLEANUP(memory_free_string) = memory_format(
	    "identity { ehlo = \"a.example.com\" domain = \"example.com\" }\n"
	    "aliases_file = \"%s/aliases\"\n%s\n",
	    machine->root, alias);
	const struct config_sources sources = { .main_file = path, .ignores_environment = true };
	struct error error;

	machine_write(machine, "/conf", text);
	machine_write(machine, "/aliases", file);
	if (config_load(&sources, &machine->patient.config, &error) < 0)
		fail_msg("%s", error.text);
}

static void root_is_followed_to_his_end(void **state)
{
	static const struct row {
		const char *name;
		const char *alias; /* of the settings */
		const char *file;
		const char *id; /* NULL: all is well */
	} rows[] = {
		{ "in the settings", "alias \"root\" { to = { \"me@example.org\" } }", "", NULL },
		{ "in the file", "", "root: me@example.org\n", NULL },
		{ "by another", "", "root: admin\nadmin: me@example.org\n", NULL },
		{ "by the star", "alias \"*\" { to = { \"me@example.org\" } }", "", NULL },
		{ "one of two", "", "root: root2, me@example.org\n", NULL },
		{ "the same domain", "", "root: me@example.com\n", NULL },
		{ "nowhere", "", "", "aliases.root" },
		{ "others alone", "", "postmaster: me@example.org\n", "aliases.root" },
		{ "a wrong line", "alias \"root\" { to = { \"me@example.org\" } }",
		    "root you@example.org\n", "aliases.fault" },
		{ "a file that a relay cannot write",
		    "alias \"root\" { to = { \"me@example.org\" } }", "x: /var/mail/x\n", NULL },
	};
	struct machine *machine = *state;

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		load(machine, rows[i].alias, rows[i].file);
		aliases_check(&machine->patient);
		machine_expect(machine, rows[i].name, FINDING_YELLOW, rows[i].id);
		config_finish(&machine->patient.config);
	}
}

/* In a container with variables alone that is for information. */
static void where_nobody_writes_to_root_it_is_no_fault(void **state)
{
	struct machine *machine = *state;

	load(machine, "", "");
	machine->patient.is_by_variables = true;
	aliases_check(&machine->patient);
	assert_int_equal(machine->findings.count, 1);
	assert_non_null(strstr(machine->findings.items[0].text, "MAILCHUTE_ROOT="));
	machine_expect(machine, "variables", FINDING_YELLOW, NULL);
	config_finish(&machine->patient.config);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    root_is_followed_to_his_end, machine_begin, machine_end),
		cmocka_unit_test_setup_teardown(
		    where_nobody_writes_to_root_it_is_no_fault, machine_begin, machine_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
