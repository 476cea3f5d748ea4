/* SPDX-License-Identifier: MIT */

/* Tests doctor/reader.c; needs root.  What it says of folders stands in setup_test.py. */

#include "doctor/reader.h"

#include "tests/doctor/machine.h"

enum { SOMEBODY = 4711 };

static void need_root(void)
{
	if (geteuid() != 0) {
		print_message("needs root\n");
		skip();
	}
}

static void the_owner_of_the_spool_reads(void **state)
{
	struct machine *machine = *state;
	uid_t uid = 0;
	gid_t gid = 0;

	need_root();
	assert_false(reader_is_another(machine->root, &uid, &gid));
	assert_int_equal(chown(machine->root, SOMEBODY, SOMEBODY + 1), 0);
	assert_true(reader_is_another(machine->root, &uid, &gid));
	assert_int_equal(uid, SOMEBODY);
	assert_int_equal(gid, SOMEBODY + 1);
}

static void what_is_closed_to_him_is_named(void **state)
{
	static const struct row {
		const char *name;
		mode_t file;
		mode_t folder;
		bool is_secret;
		const char *next; /* NULL: he can read it */
	} rows[] = {
		{ "open", 0644, 0755, false, NULL },
		{ "the file", 0600, 0755, false, "chmod a+r " },
		{ "a key", 0600, 0755, true, "chgrp 4712 " },
		{ "by his group", 0640, 0755, true, NULL },
		{ "the folder", 0644, 0700, false, "install -m 644 " },
		{ "the folder of a key", 0644, 0700, true, "install -m 640 -g 4712 " },
	};
	struct machine *machine = *state;
	char *path CLEANUP(memory_free_string) = memory_format("%s/folder/file", machine->root);
	char *folder CLEANUP(memory_free_string) = memory_format("%s/folder", machine->root);

	need_root();
	machine_write(machine, "/folder/file", "text");
	assert_int_equal(chmod(machine->root, 0755), 0);
	assert_int_equal(chown(path, 0, SOMEBODY + 1), 0);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct error error = { 0 };

		assert_int_equal(chmod(path, rows[i].file), 0);
		assert_int_equal(chmod(folder, rows[i].folder), 0);
		int outcome = reader_check(SOMEBODY, SOMEBODY + 1, path, rows[i].is_secret, &error);
		if (outcome != (rows[i].next != NULL ? -1 : 0) ||
		    (rows[i].next != NULL && strstr(error.next, rows[i].next) != error.next))
			fail_msg("%s: %d %s", rows[i].name, outcome, error.next);
		assert_int_equal(geteuid(), 0);
	}
	struct error error;
	assert_int_equal(reader_check(SOMEBODY, SOMEBODY, "/no/such/file", false, &error), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    the_owner_of_the_spool_reads, machine_begin, machine_end),
		cmocka_unit_test_setup_teardown(
		    what_is_closed_to_him_is_named, machine_begin, machine_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
