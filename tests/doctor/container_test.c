/* SPDX-License-Identifier: MIT */

/* Tests doctor/container.c: who confines us; the rest is in doctor_test.py, with mounts. */

#include "tests/doctor/machine.h"

static const char *find_confined(const struct machine *machine)
{
	for (size_t i = 0; i < machine->findings.count; i++)
		if (strcmp(machine->findings.items[i].id, "container.confined") == 0)
			return machine->findings.items[i].text;
	return NULL;
}

static void who_confines_us_is_told(void **state)
{
	static const struct row {
		const char *label; /* NULL: a kernel without such modules */
		const char *text;  /* NULL: nothing is said */
	} rows[] = {
		{ NULL, NULL },
		{ "", NULL },
		{ "unconfined\n", NULL },
		{ "unconfined_u:unconfined_r:unconfined_t:s0", NULL },
		{ "kernel", NULL },
		{ "php-fpm (enforce)\n", "confined as \"php-fpm (enforce)\"; where a file" },
		{ "docker-default (complain)", "\"docker-default (complain)\"" },
		{ "system_u:system_r:httpd_t:s0", "\"system_u:system_r:httpd_t:s0\"" },
	};
	struct machine *machine = *state;

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		if (rows[i].label != NULL)
			machine_write(machine, "/proc/self/attr/current", rows[i].label);
		container_check(&machine->patient);
		const char *text = find_confined(machine);
		if ((text == NULL) != (rows[i].text == NULL) ||
		    (text != NULL && strstr(text, rows[i].text) == NULL))
			fail_msg("\"%s\": %s", rows[i].label, text);
		finding_finish_all(&machine->findings);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    who_confines_us_is_told, machine_begin, machine_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
