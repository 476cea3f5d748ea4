/* SPDX-License-Identifier: MIT */

/* Tests service/usage.c. */

#include "service/usage.h"

#include "base/memory.h"
#include "tests/support/cmocka.h"

static void assert_figures(
    const struct usage *usage, int64_t uid, uint64_t messages, uint64_t octets)
{
	struct usage_figures figures = usage_of(usage, uid);

	assert_int_equal(figures.messages, messages);
	assert_int_equal(figures.octets, octets);
}

static void each_uid_has_figures_of_its_own(void **state)
{
	CLEANUP(usage_finish) struct usage usage = { 0 };

	(void)state;
	assert_figures(&usage, 1000, 0, 0);
	usage_add(&usage, 1000, 10);
	usage_add(&usage, 1000, 30);
	usage_add(&usage, -1, 5);
	usage_add(&usage, 7, 1);
	usage_add(&usage, INT64_C(4294967295), 2);
	assert_figures(&usage, 1000, 2, 40);
	assert_figures(&usage, -1, 1, 5);
	assert_figures(&usage, 7, 1, 1);
	assert_figures(&usage, INT64_C(4294967295), 1, 2);
	usage_remove(&usage, 1000, 10);
	assert_figures(&usage, 1000, 1, 30);
	assert_figures(&usage, 7, 1, 1);
}

static void nothing_is_kept_of_who_has_nothing(void **state)
{
	CLEANUP(usage_finish) struct usage usage = { 0 };

	(void)state;
	for (int64_t uid = 0; uid < 100; uid++)
		usage_add(&usage, (uid * 37) % 100, 1);
	assert_int_equal(usage.count, 100);
	for (int64_t uid = 0; uid < 100; uid++)
		assert_figures(&usage, uid, 1, 1);
	for (int64_t uid = 0; uid < 100; uid += 2)
		usage_remove(&usage, uid, 1);
	assert_int_equal(usage.count, 50);
	for (int64_t uid = 0; uid < 100; uid++)
		assert_figures(&usage, uid, uid % 2 != 0 ? 1 : 0, uid % 2 != 0 ? 1 : 0);
}

static void what_is_taken_off_twice_does_no_harm(void **state)
{
	CLEANUP(usage_finish) struct usage usage = { 0 };

	(void)state;
	usage_remove(&usage, 1000, 10);
	assert_figures(&usage, 1000, 0, 0);
	usage_add(&usage, 1000, 10);
	usage_add(&usage, 1000, 10);
	usage_remove(&usage, 1000, 500);
	assert_figures(&usage, 1000, 1, 0);
	usage_remove(&usage, 1000, 10);
	usage_remove(&usage, 1000, 10);
	assert_figures(&usage, 1000, 0, 0);
}

static void one_of_unknown_size_takes_its_share_along(void **state)
{
	CLEANUP(usage_finish) struct usage usage = { 0 };

	(void)state;
	usage_add(&usage, 1000, 10);
	usage_add(&usage, 1000, 30);
	usage_forget(&usage, 1000);
	assert_figures(&usage, 1000, 1, 20);
	usage_forget(&usage, 1000);
	assert_figures(&usage, 1000, 0, 0);
	usage_forget(&usage, 1000);
	assert_int_equal(usage.count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_uid_has_figures_of_its_own),
		cmocka_unit_test(nothing_is_kept_of_who_has_nothing),
		cmocka_unit_test(what_is_taken_off_twice_does_no_harm),
		cmocka_unit_test(one_of_unknown_size_takes_its_share_along),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
