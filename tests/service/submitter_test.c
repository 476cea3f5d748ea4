/* SPDX-License-Identifier: MIT */

/* Tests service/submitter.c. */

#include "service/submitter.h"

#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "tests/support/cmocka.h"

static char domain[] = "d.example";
static const struct config config = { .domain = domain };

/* No passwd line has this one. */
enum { NAMELESS = 3999999 };

static void a_uid_has_an_address(void **state)
{
	static const struct row {
		int64_t uid;
		const char *address;
	} rows[] = {
		{ 0, "root@d.example" },
		{ NAMELESS, "uid-3999999@d.example" },
		{ -1, "nobody@d.example" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char name[64] = "";
		CLEANUP(memory_free_string)
		char *address = submitter_address(&config, rows[i].uid, name, sizeof name);
		CLEANUP(memory_free_string)
		char *without = submitter_address(&config, rows[i].uid, NULL, 0);

		assert_string_equal(address, rows[i].address);
		assert_string_equal(without, rows[i].address);
		if (rows[i].uid != 0)
			assert_string_equal(name, "");
	}
}

static void the_full_name_is_that_of_gecos(void **state)
{
	const struct passwd *root = getpwuid(0);
	char name[64] = "";
	char given[64] = "Given";
	char small[2] = "";

	(void)state;
	assert_non_null(root);
	size_t length = strcspn(root->pw_gecos, ",");
	assert_true(length > 1);
	free(submitter_address(&config, 0, name, sizeof name));
	assert_int_equal(strlen(name), length);
	assert_memory_equal(name, root->pw_gecos, length);
	/* What was given counts, and what does not fit is left out. */
	free(submitter_address(&config, 0, given, sizeof given));
	assert_string_equal(given, "Given");
	free(submitter_address(&config, 0, small, sizeof small));
	assert_string_equal(small, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_uid_has_an_address),
		cmocka_unit_test(the_full_name_is_that_of_gecos),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
