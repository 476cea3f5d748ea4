/* SPDX-License-Identifier: MIT */

/* Tests doctor/patient.c. */

#include "tests/doctor/machine.h"

static void paths_begin_at_the_root_that_is_given(void **state)
{
	struct machine *machine = *state;
	char *inside CLEANUP(memory_free_string) = patient_path(&machine->patient, "/etc/x");
	machine->request.root = NULL;
	char *outside CLEANUP(memory_free_string) = patient_path(&machine->patient, "/etc/x");

	assert_string_equal(outside, "/etc/x");
	assert_ptr_equal(strstr(inside, machine->root), inside);
	assert_string_equal(inside + strlen(machine->root), "/etc/x");
}

static void a_file_is_read_up_to_the_limit(void **state)
{
	struct machine *machine = *state;
	struct buffer text CLEANUP(buffer_finish) = { 0 };

	machine_write(machine, "/etc/long", "0123456789");
	char *path CLEANUP(memory_free_string) = patient_path(&machine->patient, "/etc/long");
	char *folder CLEANUP(memory_free_string) = patient_path(&machine->patient, "/etc");
	char *missing CLEANUP(memory_free_string) = patient_path(&machine->patient, "/nothing");
	buffer_init(&text, 4);
	assert_true(patient_read(path, &text));
	assert_true(text.length <= 4);
	assert_memory_equal(text.start, "0123", text.length);
	buffer_clear(&text);
	assert_false(patient_read(missing, &text));
	assert_false(patient_read(folder, &text));
}

static void who_has_no_name_has_a_number(void **state)
{
	char *root CLEANUP(memory_free_string) = patient_user(0);
	char *somebody CLEANUP(memory_free_string) = patient_user(4294960000U);
	const struct stat status = {
		.st_mode = S_IFREG | 04640, .st_uid = 0, .st_gid = 4294960000U
	};
	char *mode CLEANUP(memory_free_string) = patient_mode(&status);

	(void)state;
	assert_string_equal(root, "root (0)");
	assert_string_equal(somebody, "uid 4294960000");
	assert_string_equal(mode, "4640 root:4294960000");
}

static void the_place_of_an_option_is_told_as_well_as_it_is_known(void **state)
{
	struct machine *machine = *state;
	struct config_smarthost smarthost = {
		.parameters = { .name = (char *)(uintptr_t) "work" },
		.place = { .file = (char *)(uintptr_t) "/etc/x.conf", .line = 7 },
	};
	char place[PATIENT_PLACE_SIZE];

	machine->patient.config.smarthosts = &smarthost;
	machine->patient.config.smarthost_count = 1;
	patient_place(&machine->patient, "work", "from", place);
	assert_string_equal(place, " (/etc/x.conf line 7)");
	smarthost.place.line = 0;
	patient_place(&machine->patient, "work", "from", place);
	assert_string_equal(place, " (/etc/x.conf)");
	patient_place(&machine->patient, "home", "from", place);
	assert_string_equal(place, "");
	machine->patient.config = (struct config){ 0 };
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    paths_begin_at_the_root_that_is_given, machine_begin, machine_end),
		cmocka_unit_test_setup_teardown(
		    a_file_is_read_up_to_the_limit, machine_begin, machine_end),
		cmocka_unit_test(who_has_no_name_has_a_number),
		cmocka_unit_test_setup_teardown(
		    the_place_of_an_option_is_told_as_well_as_it_is_known, machine_begin,
		    machine_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
