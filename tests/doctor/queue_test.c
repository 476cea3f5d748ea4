/* SPDX-License-Identifier: MIT */

/* Tests doctor/queue.c on a spool of our own; held and old mail stand in doctor_test.py. */

#include "spool/spool.h"
#include "tests/doctor/machine.h"

static char *begin(struct machine *machine)
{
	char *path = memory_format("%s/spool", machine->root);

	machine->patient.config.spool = path;
	machine->patient.config.warn = 1000;
	return path;
}

static void without_a_spool_nothing_is_said(void **state)
{
	struct machine *machine = *state;
	char *path CLEANUP(memory_free_string) = begin(machine);

	queue_check(&machine->patient);
	assert_non_null(path);
	assert_int_equal(machine->findings.count, 0);
}

static void a_new_spool_is_well(void **state)
{
	struct machine *machine = *state;
	char *path CLEANUP(memory_free_string) = begin(machine);

	assert_int_equal(mkdir(path, 0700), 0);
	queue_check(&machine->patient);
	assert_int_equal(machine->findings.count, 1);
	machine_expect(machine, "new", FINDING_GREEN, NULL);
	assert_int_equal(chmod(path, 0777), 0);
	queue_check(&machine->patient);
	machine_expect(machine, "new, and for all to write", FINDING_RED, "queue.spool");
}

static void what_is_wrong_with_a_spool_is_told(void **state)
{
	struct machine *machine = *state;
	struct spool spool;
	struct error error;
	char *path CLEANUP(memory_free_string) = begin(machine);
	char *corrupt CLEANUP(memory_free_string) = memory_format(
	    "%s/corrupt/01K0000000000000000000000", path);

	assert_int_equal(spool_open(&spool, path, true, &error), 0);
	spool_finish(&spool);
	queue_check(&machine->patient);
	machine_expect(machine, "empty", FINDING_GREEN, NULL);
	machine_write(machine, corrupt + strlen(machine->root), "nothing whole");
	queue_check(&machine->patient);
	machine_expect(machine, "corrupt", FINDING_YELLOW, "queue.corrupt");
	assert_int_equal(unlink(corrupt), 0);
	assert_int_equal(chmod(path, 0777), 0);
	queue_check(&machine->patient);
	machine_expect(machine, "for all to write", FINDING_RED, "queue.spool");
}

/* A reserve that nothing is left of: every message is refused. */
static void no_room_is_told(void **state)
{
	struct machine *machine = *state;
	struct spool spool;
	struct error error;
	char *path CLEANUP(memory_free_string) = begin(machine);

	assert_int_equal(spool_open(&spool, path, true, &error), 0);
	spool_finish(&spool);
	machine->patient.config.limits.reserve = UINT64_MAX / 2;
	machine->patient.config.limits.reserve_percent = 100;
	queue_check(&machine->patient);
	machine_expect(machine, "full", FINDING_RED, "queue.space");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    without_a_spool_nothing_is_said, machine_begin, machine_end),
		cmocka_unit_test_setup_teardown(a_new_spool_is_well, machine_begin, machine_end),
		cmocka_unit_test_setup_teardown(
		    what_is_wrong_with_a_spool_is_told, machine_begin, machine_end),
		cmocka_unit_test_setup_teardown(no_room_is_told, machine_begin, machine_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
