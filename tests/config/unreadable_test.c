/* SPDX-License-Identifier: MIT */

/* Tests config/unreadable.c. */

#include "config/unreadable.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void the_command_fits_the_file(void **state)
{
	char path[] = "/tmp/mailchute-unreadable-XXXXXX";
	char want[200];
	struct error error = { 0 };
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(chmod(path, 0200), 0);
	assert_int_equal(unreadable_refuse(path, EACCES, false, &error), -1);
	assert_int_equal(error.kind, ERROR_CONFIG);
	assert_string_equal(error.code, "MC-CONF-14");
	assert_string_equal(error.status, "4.3.5");
	snprintf(
	    want, sizeof want, "(%u): Permission denied, the file is 0200 ", (unsigned)geteuid());
	if (strstr(error.text, want) == NULL && strstr(error.text, "as uid ") == NULL)
		fail_msg("%s", error.text);
	/* One's own needs no group. */
	snprintf(want, sizeof want, "chmod u+r %s", path);
	assert_string_equal(error.next, want);
	unreadable_refuse(path, EACCES, true, &error);
	assert_non_null(strstr(error.next, "defaultMode: 0440 with fsGroup"));
	unreadable_refuse(path, ENODATA, false, &error);
	assert_non_null(strstr(error.next, "name a file"));
	assert_int_equal(unlink(path), 0);
	unreadable_refuse(path, EACCES, false, &error);
	assert_non_null(strstr(error.text, "the file is in a directory closed to it"));
	if (getgrnam("mailchute") != NULL)
		snprintf(want, sizeof want, "chgrp mailchute %s && chmod 640 %s", path, path);
	else
		snprintf(want, sizeof want, "start mailchute serve as root");
	assert_non_null(strstr(error.next, want));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_command_fits_the_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
