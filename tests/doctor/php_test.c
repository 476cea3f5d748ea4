/* SPDX-License-Identifier: MIT */

/* Tests doctor/php.c: php.ini as PHP reads it, not as iniparser would. */

#include "tests/doctor/machine.h"

static const char ini[] = "/etc/php/8.2/fpm/php.ini";

static void begin(struct machine *machine)
{
	machine_install(machine, "/usr/sbin/sendmail");
	machine_write(machine, "/bin/sh", "");
}

static void values_are_read_as_php_reads_them(void **state)
{
	static const struct row {
		const char *name;
		const char *text;
		enum finding_level level;
		const char *id; /* NULL: all is green */
	} rows[] = {
		{ "empty", "", FINDING_GREEN, NULL },
		{ "quoted", "sendmail_path = \"/usr/sbin/sendmail -t -i\"\n", FINDING_GREEN, NULL },
		{ "single quotes", "sendmail_path='/usr/sbin/sendmail -t'\n", FINDING_GREEN, NULL },
		{ "bare", "sendmail_path=/usr/sbin/sendmail -t -i ; comment\n", FINDING_GREEN,
		    NULL },
		{ "no value", "sendmail_path =\n", FINDING_GREEN, NULL },
		{ "CRLF", "sendmail_path = /usr/sbin/sendmail\r\n", FINDING_GREEN, NULL },
		{ "in a comment", ";sendmail_path = /bin/false\n# sendmail_path = /bin/false\n",
		    FINDING_GREEN, NULL },
		{ "another", "sendmail_path = /usr/bin/msmtp -t\n", FINDING_RED,
		    "php.sendmail_path" },
		{ "a variable", "sendmail_path = ${PROGRAM} -t\n", FINDING_GREEN, NULL },
		{ "another case is another option", "SENDMAIL_PATH = /bin/sh\n", FINDING_GREEN,
		    NULL },
		{ "not absolute", "sendmail_path = sendmail -t\n", FINDING_RED,
		    "php.sendmail_path" },
		{ "the last one counts",
		    "sendmail_path = /usr/sbin/sendmail\nsendmail_path = /bin/sh\n", FINDING_RED,
		    "php.sendmail_path" },
		{ "the last one counts, the other way round",
		    "sendmail_path = /bin/sh\nsendmail_path = /usr/sbin/sendmail\n", FINDING_GREEN,
		    NULL },
		{ "what iniparser refuses",
		    "a line without a value\nerror_reporting = E_ALL & ~E_NOTICE\n[PATH=/x]\n"
		    "x[] = 1\nsendmail_path = /bin/sh\n",
		    FINDING_RED, "php.sendmail_path" },
		{ "disabled", "disable_functions = exec, Mail ,popen\n", FINDING_YELLOW,
		    "php.disabled" },
		{ "another is disabled", "disable_functions = mailer,exec\n", FINDING_GREEN, NULL },
		{ "no end of line", "disable_functions = mail", FINDING_YELLOW, "php.disabled" },
	};
	struct machine *machine = *state;

	begin(machine);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		machine_write(machine, ini, rows[i].text);
		php_check(&machine->patient);
		machine_expect(machine, rows[i].name, rows[i].level, rows[i].id);
	}
}

static void each_place_is_found(void **state)
{
	static const char *const places[] = { "/etc/php/7.4/apache2/php.ini",
		"/etc/php/8.2/fpm/conf.d/90-x.ini", "/etc/php/8.2/fpm/pool.d/www.conf",
		"/usr/local/etc/php/php.ini", "/usr/local/etc/php/conf.d/mail.ini",
		"/usr/local/etc/php-fpm.d/www.conf", "/etc/php.ini", "/etc/php.d/mail.ini",
		"/etc/php-fpm.d/www.conf" };
	struct machine *machine = *state;

	begin(machine);
	machine_write(machine, ini, "");
	machine_write(machine, "/usr/local/etc/php/php.ini", "");
	machine_write(machine, "/etc/php.ini", "");
	for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
		machine_write(
		    machine, places[i], "php_admin_value[sendmail_path] = \"/bin/sh -t\"\n");
		php_check(&machine->patient);
		machine_expect(machine, places[i], FINDING_RED, "php.sendmail_path");
		machine_write(machine, places[i], "sendmail_path = /bin/sh -t\n");
		php_check(&machine->patient);
		const struct finding *found = &machine->findings.items[0];
		for (size_t j = 0; j < machine->findings.count; j++)
			if (machine->findings.items[j].level == FINDING_RED)
				found = &machine->findings.items[j];
		assert_non_null(strstr(found->text, places[i]));
		assert_non_null(strstr(found->text, " line 1"));
		machine_expect(machine, places[i], FINDING_RED, "php.sendmail_path");
		machine_write(machine, places[i], "");
	}
}

static void without_a_php_nothing_is_said(void **state)
{
	struct machine *machine = *state;

	php_check(&machine->patient);
	assert_int_equal(machine->findings.count, 0);
}

static void a_php_without_a_shell_is_told(void **state)
{
	struct machine *machine = *state;

	machine_install(machine, "/usr/sbin/sendmail");
	machine_write(machine, "/etc/php.ini", "");
	php_check(&machine->patient);
	machine_expect(machine, "no shell", FINDING_RED, "php.shell");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    values_are_read_as_php_reads_them, machine_begin, machine_end),
		cmocka_unit_test_setup_teardown(each_place_is_found, machine_begin, machine_end),
		cmocka_unit_test_setup_teardown(
		    without_a_php_nothing_is_said, machine_begin, machine_end),
		cmocka_unit_test_setup_teardown(
		    a_php_without_a_shell_is_told, machine_begin, machine_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
