/* SPDX-License-Identifier: MIT */

/* Tests base/nearest.c. */

#include "base/nearest.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/support/guarded.h"

static void the_name_that_was_meant_is_found(void **state)
{
	static const char *const names[] = { "url", "secret", "from", "ca_file", "timeout" };
	static const struct row {
		const char *given;
		const char *want;
	} rows[] = {
		{ "URL", "url" },
		{ "uri", "url" },
		{ "form", "from" },
		{ "cafile", "ca_file" },
		{ "time_out", "timeout" },
		{ "secrets", "secret" },
		{ "password", NULL },
		{ "x", NULL },
		{ "", NULL },
		{ "a_name_longer_than_any_that_anybody_would_ever_give", NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const char *found = nearest_name(
		    guarded_string(rows[i].given), names, sizeof names / sizeof names[0]);

		if (rows[i].want == NULL && found != NULL)
			fail_msg("%s: found %s", rows[i].given, found);
		if (rows[i].want != NULL)
			assert_string_equal(found, rows[i].want);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_name_that_was_meant_is_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
