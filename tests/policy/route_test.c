/* SPDX-License-Identifier: MIT */

/* Tests policy/route.c. */

#include "policy/route.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void the_first_smarthost_takes_all(void **state)
{
	struct config_smarthost smarthosts[2] = { 0 };
	struct config config = { .smarthosts = smarthosts, .smarthost_count = 2 };
	const struct envelope envelope = { 0 };

	(void)state;
	assert_ptr_equal(route_choose(&config, &envelope), &smarthosts[0]);
	config.smarthost_count = 0;
	assert_null(route_choose(&config, &envelope));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_smarthost_takes_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
