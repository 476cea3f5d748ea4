/* SPDX-License-Identifier: MIT */

/* Tests import/postfix.c. */

#include "import/predecessor.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/import/samples.h"

static void samples_become_ours(void **state)
{
	(void)state;
	samples_check("postfix", 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(samples_become_ours),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
