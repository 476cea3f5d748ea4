/* SPDX-License-Identifier: MIT */

/* Tests service/stumbles.c. */

#include "service/stumbles.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void a_stumble_is_remembered_for_a_while(void **state)
{
	struct stumbles stumbles = { 0 };

	(void)state;
	assert_false(stumbles_has(&stumbles, "a", 0));
	stumbles_note(&stumbles, "a", 1000);
	stumbles_note(&stumbles, "b", 2000);
	assert_true(stumbles_has(&stumbles, "a", 1000));
	assert_true(stumbles_has(&stumbles, "a", 999 + STUMBLES_MEMORY));
	assert_false(stumbles_has(&stumbles, "a", 1000 + STUMBLES_MEMORY));
	assert_true(stumbles_has(&stumbles, "b", 1000 + STUMBLES_MEMORY));
	assert_false(stumbles_has(&stumbles, "c", 1000));
	/* Once more: from then on. */
	stumbles_note(&stumbles, "a", 5000);
	assert_int_equal(stumbles.count, 2);
	assert_true(stumbles_has(&stumbles, "a", 1000 + STUMBLES_MEMORY));
	stumbles_finish(&stumbles);
	assert_false(stumbles_has(&stumbles, "a", 5000));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_stumble_is_remembered_for_a_while),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
