/* SPDX-License-Identifier: MIT */

/* Tests doctor/callers.c. */

#include "tests/doctor/machine.h"

static void who_calls_another_program_is_told(void **state)
{
	static const struct row {
		const char *text;
		bool is_wrong;
	} rows[] = {
		{ "", false },
		{ "set ask askcc\n", false },
		{ "set sendmail=/usr/sbin/sendmail\n", false },
		{ "set sendmail=\"/usr/sbin/sendmail\"\n", false },
		{ "set sendmail=/usr/bin/msmtp\n", true },
		{ "set ask sendmail='/usr/bin/msmtp'\n", true },
		{ "\tset  mta=/usr/bin/msmtp", true },
		{ "# set sendmail=/usr/bin/msmtp\n", false },
		{ "set mta=smtp://mail.example.com\n", false },
		{ "set sendmail=\n", false },
		{ "set sendmail=\"\n", false },
		{ "set sendmail=\"\"\n", false },
		{ "set sendmail_wait\n", false },
	};
	struct machine *machine = *state;

	machine_install(machine, "/usr/sbin/sendmail");
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		machine_write(machine, "/etc/mail.rc", rows[i].text);
		callers_check(&machine->patient);
		machine_expect(machine, rows[i].text, FINDING_YELLOW,
		    rows[i].is_wrong ? "callers.mailrc" : NULL);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    who_calls_another_program_is_told, machine_begin, machine_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
