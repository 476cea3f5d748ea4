/* SPDX-License-Identifier: MIT */

/* Tests doctor/guise.c; but for the first all needs root. */

#include "doctor/guise.h"

#include <sys/wait.h>
#include <unistd.h>

#include "base/memory.h"
#include "tests/support/cmocka.h"

enum { SOMEBODY = 4711 };

static void need_root(void)
{
	if (geteuid() != 0) {
		print_message("needs root\n");
		skip();
	}
}

static void ones_own_guise_changes_nothing(void **state)
{
	struct guise guise CLEANUP(guise_take_off) = { 0 };
	struct error error;

	(void)state;
	assert_int_equal(guise_put_on(&guise, geteuid(), getegid(), &error), 0);
	assert_false(guise.is_on);
}

static void it_comes_off_again(void **state)
{
	struct error error;

	(void)state;
	need_root();
	{
		struct guise guise CLEANUP(guise_take_off) = { 0 };

		assert_int_equal(guise_put_on(&guise, SOMEBODY, SOMEBODY + 1, &error), 0);
		assert_int_equal(geteuid(), SOMEBODY);
		assert_int_equal(getegid(), SOMEBODY + 1);
		assert_int_equal(access("/proc/1/mem", R_OK), 0); /* by the real uid */
		assert_int_equal(eaccess("/root/.", X_OK) == 0, false);
	}
	assert_int_equal(geteuid(), 0);
	assert_int_equal(getegid(), 0);
}

static void whoever_is_become_stays(void **state)
{
	struct error error;
	int status;

	(void)state;
	need_root();
	pid_t child = fork();
	if (child == 0) {
		bool is_well = guise_become("4711", &error) == 0 && getuid() == SOMEBODY &&
			       geteuid() == SOMEBODY && getgid() == SOMEBODY && setuid(0) < 0 &&
			       getgroups(0, NULL) == 1;

		_exit(is_well ? 0 : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

static void who_is_nobody_is_told(void **state)
{
	struct error error;

	(void)state;
	assert_int_equal(guise_become("nobody-of-that-name", &error), -1);
	assert_int_equal(error.kind, ERROR_NO_USER);
	assert_int_equal(guise_become("99999999999", &error), -1);
	assert_int_equal(error.kind, ERROR_NO_USER);
	assert_int_equal(guise_become("", &error), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ones_own_guise_changes_nothing),
		cmocka_unit_test(it_comes_off_again),
		cmocka_unit_test(whoever_is_become_stays),
		cmocka_unit_test(who_is_nobody_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
