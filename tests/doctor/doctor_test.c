/* SPDX-License-Identifier: MIT */

/*
 * Tests doctor/doctor.c: which checks are run.  What they find stands in
 * doctor_test.py, on a whole machine.
 */

#include "tests/doctor/machine.h"

/* Variables count for root only where this machine has no settings of its own. */
static void set_up(struct machine *machine, const char *text)
{
	char *path CLEANUP(memory_free_string) = memory_format("%s/conf", machine->root);

	if (access(MAILCHUTE_SYSCONFDIR "/mailchute.conf", F_OK) == 0)
		skip();
	machine_write(machine, "/conf", text);
	assert_int_equal(setenv("MAILCHUTE_CONFIG", path, 1), 0);
	assert_int_equal(setenv("MAILCHUTE_SOCKET", machine->root, 1), 0);
}

static bool has(const struct doctor_report *report, const char *prefix)
{
	for (size_t i = 0; i < report->findings.count; i++)
		if (strncmp(report->findings.items[i].id, prefix, strlen(prefix)) == 0)
			return true;
	return false;
}

static const char good[] =
    "identity { ehlo = \"a.example.com\" domain = \"example.com\" }\n"
    "smarthost \"x\" { url = \"smtp://127.0.0.1:1\" from = \"a@example.com\" }\n"
    "alias \"root\" { to = { \"me@example.com\" } }\n"
    "queue { dir = \"/nonexistent/spool\" }\n";

static void a_quick_look_leaves_other_programs_out(void **state)
{
	struct machine *machine = *state;
	struct doctor_report report CLEANUP(doctor_finish) = { 0 };

	set_up(machine, good);
	machine->request.is_quick = true;
	assert_int_equal(doctor_run(&machine->request, &report), (int)DOCTOR_GREEN);
	assert_true(has(&report, "settings.smarthost"));
	assert_true(has(&report, "identity."));
	assert_false(has(&report, "program."));
	assert_false(has(&report, "online."));
}

static void a_whole_look_finds_that_nothing_is_installed(void **state)
{
	struct machine *machine = *state;
	struct doctor_report report CLEANUP(doctor_finish) = { 0 };

	set_up(machine, good);
	assert_int_equal(doctor_run(&machine->request, &report), DOCTOR_RED);
	assert_true(has(&report, "program.sendmail"));
	assert_true(has(&report, "service.way"));
}

/* What follows from the settings is not looked at where they cannot be read. */
static void without_settings_the_rest_is_looked_at(void **state)
{
	struct machine *machine = *state;
	struct doctor_report report CLEANUP(doctor_finish) = { 0 };

	set_up(machine, "smarthost \"x\" { ulr = \"smtp://127.0.0.1:1\" }\n");
	machine->request.is_online = true;
	assert_int_equal(doctor_run(&machine->request, &report), DOCTOR_RED);
	assert_true(has(&report, "settings.fault"));
	assert_true(has(&report, "program."));
	assert_false(has(&report, "identity."));
	assert_false(has(&report, "online."));
}

static void online_asks_the_smarthost(void **state)
{
	struct machine *machine = *state;
	struct doctor_report report CLEANUP(doctor_finish) = { 0 };

	set_up(machine, good);
	machine->request.is_quick = true;
	machine->request.is_online = true;
	assert_int_equal(doctor_run(&machine->request, &report), DOCTOR_RED);
	assert_true(has(&report, "online.connect"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    a_quick_look_leaves_other_programs_out, machine_begin, machine_end),
		cmocka_unit_test_setup_teardown(
		    a_whole_look_finds_that_nothing_is_installed, machine_begin, machine_end),
		cmocka_unit_test_setup_teardown(
		    without_settings_the_rest_is_looked_at, machine_begin, machine_end),
		cmocka_unit_test_setup_teardown(
		    online_asks_the_smarthost, machine_begin, machine_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
