/* SPDX-License-Identifier: MIT */

/* Tests spool/queue_error.c. */

#include "spool/queue_error.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

static void the_file_and_the_reason_are_named(void **state)
{
	struct error error;

	(void)state;
	errno = EIO;
	assert_int_equal(queue_error_system(&error, "cannot sync", "ID"), -1);
	assert_string_equal(error.text, "cannot sync queue file ID: Input/output error");
	assert_string_equal(error.next, "");
	assert_int_equal(queue_error_damaged(&error, "ID", "it is empty"), QUEUE_DAMAGED);
	assert_string_equal(error.text, "queue file ID does not check out: it is empty");
}

static void a_full_disk_comes_with_a_step(void **state)
{
	static const int numbers[] = { ENOSPC, EDQUOT };
	struct error error;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		errno = numbers[i];
		assert_int_equal(queue_error_system(&error, "cannot write", ""), -1);
		assert_string_equal(error.status, "4.3.1");
		assert_true(error.next[0] != '\0');
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_file_and_the_reason_are_named),
		cmocka_unit_test(a_full_disk_comes_with_a_step),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
