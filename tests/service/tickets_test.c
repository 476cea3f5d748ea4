/* SPDX-License-Identifier: MIT */

/* Tests service/tickets.c. */

#include "service/tickets.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "tests/support/cmocka.h"

static void check_taken(struct tickets *tickets, const char *smarthost, const char *want)
{
	size_t length = 99;
	CLEANUP(memory_free_string) char *taken = tickets_take(tickets, smarthost, &length);

	if (want == NULL) {
		assert_null(taken);
		assert_int_equal(length, 0);
		return;
	}
	assert_non_null(taken);
	assert_int_equal(length, strlen(want));
	assert_memory_equal(taken, want, length);
}

static void keep(struct tickets *tickets, const char *smarthost, const char *octets)
{
	tickets_keep(tickets, smarthost, span_from_string(octets));
}

static void each_smarthost_has_its_own_and_once(void **state)
{
	CLEANUP(tickets_finish) struct tickets tickets = { 0 };

	(void)state;
	check_taken(&tickets, "a", NULL);
	keep(&tickets, "a", "one");
	keep(&tickets, "b", "two");
	check_taken(&tickets, "A", NULL);
	check_taken(&tickets, "b", "two");
	check_taken(&tickets, "b", NULL);
	check_taken(&tickets, "a", "one");
	keep(&tickets, "a", "three");
	check_taken(&tickets, "a", "three");
	assert_int_equal(tickets.count, 2);
}

static void the_newest_counts(void **state)
{
	CLEANUP(tickets_finish) struct tickets tickets = { 0 };
	CLEANUP(memory_free_string) char *large = memory_allocate(100000);

	(void)state;
	keep(&tickets, "a", "one");
	keep(&tickets, "a", "another");
	/* Neither nothing nor too much replaces it. */
	keep(&tickets, "a", "");
	tickets_keep(&tickets, "a", span_from_bytes(large, 100000));
	check_taken(&tickets, "a", "another");
	keep(&tickets, "a", "left to be freed");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_smarthost_has_its_own_and_once),
		cmocka_unit_test(the_newest_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
