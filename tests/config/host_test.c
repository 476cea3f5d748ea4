/* SPDX-License-Identifier: MIT */

/* Tests config/host.c. */

#include "config/host.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/memory.h"
#include "config/check.h"

static void the_machine_has_names_fit_for_smtp(void **state)
{
	const struct check_place place = { "host", "name" };
	CLEANUP(memory_free_string) char *name = host_name();
	CLEANUP(memory_free_string) char *literal = host_address_literal();
	CLEANUP(memory_free_string) char *full = host_fully_qualified();
	struct error error;

	(void)state;
	assert_int_equal(check_domain(&place, name, false, &error), 0);
	assert_int_equal(check_domain(&place, literal, true, &error), 0);
	assert_int_equal(literal[0], '[');
	/* Where there is one, it says where in the world this is. */
	if (full == NULL)
		return;
	assert_int_equal(check_domain(&place, full, false, &error), 0);
	assert_non_null(strchr(full, '.'));
	assert_int_not_equal(strncmp(full, "localhost.", 10), 0);
}

/* The second answer comes from what the first has left, and the third from the resolver. */
static void the_full_name_stays_the_same(void **state)
{
	CLEANUP(memory_free_string) char *first = host_fully_qualified();
	CLEANUP(memory_free_string) char *second = host_fully_qualified();

	(void)state;
	host_forget();
	CLEANUP(memory_free_string) char *third = host_fully_qualified();
	assert_string_equal(first != NULL ? first : "", second != NULL ? second : "");
	assert_string_equal(first != NULL ? first : "", third != NULL ? third : "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_machine_has_names_fit_for_smtp),
		cmocka_unit_test(the_full_name_stays_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
