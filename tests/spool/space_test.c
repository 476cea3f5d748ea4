/* SPDX-License-Identifier: MIT */

/* Tests spool/space.c. */

#include "spool/space.h"

#include <string.h>

#include "tests/spool/scratch.h"
#include "tests/support/cmocka.h"

#define MIB ((uint64_t)1 << 20)
#define GIB ((uint64_t)1 << 30)

static const struct space_reserve usual = { 64 * MIB, 5 };

static void what_is_less_stays_free(void **state)
{
	static const struct row {
		const char *name;
		struct space space;
		uint64_t wanted;
		const char *refusal; /* NULL: taken */
	} rows[] = {
		{ "much room", { 100 * GIB, 50 * GIB, 1000000, 900000 }, 0, NULL },
		{ "a big disk that is nearly full", { 4096 * GIB, GIB, 1000000, 900000 }, 0, NULL },
		{ "and the same one really full", { 4096 * GIB, 64 * MIB - 1, 1000000, 900000 }, 0,
		    "63.9 MiB left of 4 TiB, and 64 MiB stay free" },
		{ "just enough", { 4096 * GIB, 64 * MIB, 1000000, 900000 }, 0, NULL },
		{ "not for a message that large", { 4096 * GIB, 65 * MIB, 1000000, 900000 },
		    MIB + 1, "message of 1 MiB: the file system" },
		{ "for one that fits", { 4096 * GIB, 65 * MIB, 1000000, 900000 }, MIB, NULL },
		{ "a size that nobody believes", { 4096 * GIB, GIB, 1000000, 900000 }, UINT64_MAX,
		    "stay free" },
		{ "a small one, above its 5 %", { 2 * MIB, 110000, 0, 0 }, 0, NULL },
		{ "a small one, below", { 2 * MIB, 104000, 0, 0 }, 0, "102.3 KiB stay free" },
		{ "nothing left", { 2 * MIB, 0, 0, 0 }, 0, "0 octets left of 2 MiB" },
		{ "few inodes of few", { 100 * GIB, 50 * GIB, 1000, 51 }, 0, NULL },
		{ "too few of few", { 100 * GIB, 50 * GIB, 1000, 50 }, 0,
		    "50 inodes left of 1000, and 50 stay free" },
		{ "few of many", { 100 * GIB, 50 * GIB, 10000000, 1001 }, 0, NULL },
		{ "too few of many", { 100 * GIB, 50 * GIB, 10000000, 1000 }, 0,
		    "1000 inodes left of 10000000" },
		{ "inodes are not counted", { 100 * GIB, 50 * GIB, 0, 0 }, 0, NULL },
		{ "nothing is counted, as ramfs does", { 0, 0, 0, 0 }, MIB, NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct error error = { 0 };
		int outcome = space_check(&rows[i].space, &usual, rows[i].wanted, &error);

		if (outcome != (rows[i].refusal != NULL ? -1 : 0))
			fail_msg("%s: %d, %s", rows[i].name, outcome, error.text);
		if (outcome == 0)
			continue;
		if (strstr(error.text, rows[i].refusal) == NULL)
			fail_msg("%s: %s", rows[i].name, error.text);
		assert_string_equal(error.status, "4.3.1");
		assert_string_not_equal(error.next, "");
	}
}

static void without_a_reserve_only_what_cannot_be_is_refused(void **state)
{
	static const struct space full = { 100 * GIB, 10, 1000, 0 };
	static const struct space_reserve none = { 0, 0 };
	static const struct space_reserve no_octets = { 0, 5 };
	static const struct space nearly = { 100 * GIB, 10, 1000, 1 };
	struct error error = { 0 };

	(void)state;
	assert_int_equal(space_check(&nearly, &none, 10, &error), 0);
	assert_int_equal(space_check(&nearly, &none, 11, &error), -1);
	assert_int_equal(space_check(&full, &none, 0, &error), -1);
	assert_int_equal(space_check(&nearly, &no_octets, 0, &error), -1);
}

static void a_directory_has_a_file_system(void **state)
{
	struct scratch scratch = scratch_make();
	struct space space = { 0 };
	struct error error = { 0 };
	static const struct space_reserve none = { 0, 0 };

	(void)state;
	assert_int_equal(space_look(scratch.fd, &space), 0);
	assert_true(space.size > 0 && space.left <= space.size);
	assert_int_equal(space_ask(scratch.fd, &none, 1, &error), 0);
	assert_int_equal(space_ask(scratch.fd, &none, UINT64_MAX, &error), -1);
	/* Writing will show. */
	assert_int_equal(space_look(-1, &space), -1);
	assert_int_equal(space_ask(-1, &none, UINT64_MAX, &error), 0);
	scratch_remove(&scratch);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_less_stays_free),
		cmocka_unit_test(without_a_reserve_only_what_cannot_be_is_refused),
		cmocka_unit_test(a_directory_has_a_file_system),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
