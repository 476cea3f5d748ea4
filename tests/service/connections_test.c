/* SPDX-License-Identifier: MIT */

/* Tests service/connections.c. */

#include "service/connections.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void fewer_for_a_while(void **state)
{
	struct connections connections = { 0 };

	(void)state;
	assert_int_equal(connections_limit(&connections, "a", 5, 0), 5);
	connections_lower(&connections, "a", 3, 1000);
	assert_int_equal(connections_limit(&connections, "a", 5, 1000), 3);
	assert_int_equal(connections_limit(&connections, "a", 2, 1000), 2);
	assert_int_equal(connections_limit(&connections, "b", 5, 1000), 5);
	connections_lower(&connections, "a", 1, 2000);
	assert_int_equal(connections.count, 1);
	assert_int_equal(connections_limit(&connections, "a", 5, 1999 + CONNECTIONS_MEMORY), 1);
	assert_int_equal(connections_limit(&connections, "a", 5, 2000 + CONNECTIONS_MEMORY), 5);
	connections_finish(&connections);
	assert_int_equal(connections_limit(&connections, "a", 5, 2000), 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fewer_for_a_while),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
