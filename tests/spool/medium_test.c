/* SPDX-License-Identifier: MIT */

/* Tests spool/medium.c. */

#include "spool/medium.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/guarded.h"

static void overlays_are_found_by_their_device(void **state)
{
	static const struct row {
		const char *name;
		const char *mounts;
		bool is_found;
		const char *upper;
		bool is_volatile;
	} rows[] = {
		{ "nothing", "", false, NULL, false },
		{ "another device",
		    "36 35 0:41 / /m rw - overlay overlay rw,upperdir=/u,workdir=/w\n", false, NULL,
		    false },
		{ "alone", "36 35 0:42 / /m rw - overlay overlay rw,upperdir=/u,workdir=/w\n", true,
		    "/u", false },
		{ "without a line end", "36 35 0:42 / /m rw - overlay o rw,upperdir=/u", true, "/u",
		    false },
		{ "optional fields",
		    "36 35 0:42 / /m rw master:1 shared:7 - overlay o rw,workdir=/w,upperdir=/u\n",
		    true, "/u", false },
		{ "the second",
		    "1 1 0:1 / / rw - ext4 /dev/a rw\n"
		    "36 35 0:42 / /m rw - overlay o rw,upperdir=/u\n",
		    true, "/u", false },
		{ "volatile", "36 35 0:42 / /m rw - overlay o rw,upperdir=/u,volatile\n", true,
		    "/u", true },
		{ "no upper", "36 35 0:42 / /m rw - overlay o ro,lowerdir=/l\n", true, NULL,
		    false },
		{ "escaped", "36 35 0:42 / /m rw - overlay o rw,upperdir=/a\\040b\\134c\n", true,
		    "/a b\\c", false },
		{ "escape cut short", "36 35 0:42 / /m rw - overlay o rw,upperdir=/a\\\n", true,
		    "/a\\", false },
		{ "another type", "36 35 0:42 / /m rw - ext4 o rw,upperdir=/u\n", false, NULL,
		    false },
		{ "no end of fields", "36 35 0:42 / /m rw overlay o rw,upperdir=/u\n", false, NULL,
		    false },
		{ "cut short", "36 35 0:42 / /m rw - overlay", false, NULL, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char *upper = NULL;
		bool is_volatile = false;

		print_message("%s\n", rows[i].name);
		assert_int_equal(medium_find_overlay(
				     guarded_string(rows[i].mounts), 0, 42, &upper, &is_volatile),
		    rows[i].is_found);
		assert_int_equal(is_volatile, rows[i].is_volatile);
		if (rows[i].upper == NULL)
			assert_null(upper);
		else
			assert_string_equal(upper, rows[i].upper);
		free(upper);
	}
}

static void a_short_escape_ends_with_the_text(void **state)
{
	static const char *const texts[] = { "\\0", "\\04", "\\", "\\4x", "\\777", "\\x41" };

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		char line[80];
		char *upper = NULL;
		bool is_volatile;

		snprintf(line, sizeof line, "1 1 0:42 / / rw - overlay o upperdir=%s", texts[i]);
		assert_true(medium_find_overlay(guarded_string(line), 0, 42, &upper, &is_volatile));
		assert_string_equal(upper, texts[i]);
		free(upper);
	}
}

static void memory_is_told(void **state)
{
	int fd = open("/dev/shm", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	(void)state;
	if (fd < 0)
		skip();
	assert_string_equal(medium_doubt(fd), "is in memory: mail does not survive a reboot");
	(void)close(fd);
	assert_null(medium_doubt(-1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(overlays_are_found_by_their_device),
		cmocka_unit_test(a_short_escape_ends_with_the_text),
		cmocka_unit_test(memory_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
