/* SPDX-License-Identifier: MIT */

/* Tests service/flushes.c. */

#include "service/flushes.h"

#include "tests/support/cmocka.h"

static void a_uid_waits_ten_seconds_and_no_other_does(void **state)
{
	struct flushes flushes = { 0 };
	int64_t ago = -1;

	(void)state;
	assert_true(flushes_begin(&flushes, 1000, 50000, &ago));
	assert_false(flushes_begin(&flushes, 1000, 53500, &ago));
	assert_int_equal(ago, 3500);
	assert_true(flushes_begin(&flushes, 1001, 53500, &ago));
	assert_false(flushes_begin(&flushes, 1000, 59999, &ago));
	/* From the one that was granted, not from the last that was asked. */
	assert_true(flushes_begin(&flushes, 1000, 60000, &ago));
	assert_false(flushes_begin(&flushes, 1001, 63499, &ago));
	assert_true(flushes_begin(&flushes, 1001, 63500, &ago));
}

static void many_uids_find_the_table_full_for_a_while(void **state)
{
	struct flushes flushes = { 0 };
	int64_t ago = -1;

	(void)state;
	for (int64_t i = 0; i < 10 * FLUSHES_LIMIT; i++)
		assert_int_equal(flushes_begin(&flushes, i, 1000 + i, &ago), i < FLUSHES_LIMIT);
	assert_int_equal(flushes.count, FLUSHES_LIMIT);
	/* The first of them makes room. */
	assert_false(flushes_begin(&flushes, 5000, 1000 + FLUSHES_PAUSE - 1, &ago));
	assert_true(flushes_begin(&flushes, 5000, 1000 + FLUSHES_PAUSE, &ago));
	assert_false(flushes_begin(&flushes, 5001, 1000 + FLUSHES_PAUSE, &ago));
	/* All are old: none is left over. */
	assert_true(flushes_begin(&flushes, 1, 100000, &ago));
	assert_int_equal(flushes.count, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_uid_waits_ten_seconds_and_no_other_does),
		cmocka_unit_test(many_uids_find_the_table_full_for_a_while),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
