/* SPDX-License-Identifier: MIT */

/* Tests doctor/program.c: which file is ours, and which need not be told of twice. */

#include "tests/doctor/machine.h"

static void link_to(struct machine *machine, const char *target, const char *name)
{
	char *path CLEANUP(memory_free_string) = memory_format("%s%s", machine->root, name);

	machine_write(machine, name, "");
	assert_int_equal(unlink(path), 0);
	assert_int_equal(symlink(target, path), 0);
}

static bool is_ours(struct machine *machine, const char *name)
{
	char *path CLEANUP(memory_free_string) = memory_format("%s%s", machine->root, name);

	return program_is_ours(path);
}

static void ours_is_known_by_its_content(void **state)
{
	struct machine *machine = *state;

	machine_install(machine, "/usr/sbin/sendmail");
	machine_write(machine, "/usr/sbin/exim",
	    "\x7f"
	    "ELF");
	link_to(machine, "../sbin/sendmail", "/usr/lib/sendmail");
	link_to(machine, "../sbin/exim", "/usr/lib/exim");
	assert_true(is_ours(machine, "/usr/sbin/sendmail"));
	assert_true(is_ours(machine, "/usr/lib/sendmail"));
	assert_false(is_ours(machine, "/usr/sbin/exim"));
	assert_false(is_ours(machine, "/usr/lib/exim"));
	assert_false(is_ours(machine, "/usr/sbin/nothing"));
	assert_false(is_ours(machine, "/usr/sbin"));
}

static void what_follows_from_a_wrong_sendmail_is_not_told_again(void **state)
{
	struct machine *machine = *state;

	machine_write(machine, "/usr/sbin/sendmail", "exim");
	machine_write(machine, "/usr/bin/mailq", "postfix");
	link_to(machine, "../sbin/sendmail", "/usr/lib/sendmail");
	assert_true(program_is_settled(&machine->patient, "/usr/sbin/sendmail"));
	assert_true(program_is_settled(&machine->patient, "/usr/lib/sendmail"));
	assert_false(program_is_settled(&machine->patient, "/usr/bin/mailq"));
	assert_false(program_is_settled(&machine->patient, "/usr/bin/nothing"));
}

static void nor_what_follows_from_a_missing_one(void **state)
{
	struct machine *machine = *state;

	link_to(machine, "../sbin/sendmail", "/usr/lib/sendmail");
	machine_write(machine, "/usr/bin/mailq", "postfix");
	assert_true(program_is_settled(&machine->patient, "/usr/sbin/sendmail"));
	assert_true(program_is_settled(&machine->patient, "/usr/lib/sendmail"));
	assert_false(program_is_settled(&machine->patient, "/usr/bin/mailq"));
	assert_false(program_is_settled(&machine->patient, "/usr/bin/nothing"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    ours_is_known_by_its_content, machine_begin, machine_end),
		cmocka_unit_test_setup_teardown(
		    what_follows_from_a_wrong_sendmail_is_not_told_again, machine_begin,
		    machine_end),
		cmocka_unit_test_setup_teardown(
		    nor_what_follows_from_a_missing_one, machine_begin, machine_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
