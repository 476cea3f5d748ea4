/* SPDX-License-Identifier: MIT */

/* Tests service/whereabouts.c: where a setting stands. */

#include "service/whereabouts.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

static char file[] = "/etc/mailchute/mailchute.conf";
static const struct config_place place = { file, 12 };

static struct error make(const char *code, const char *next)
{
	struct error error;

	error_set(&error, ERROR_UNAVAILABLE, "4.7.0", "h refused: 450 no");
	error_code(&error, code);
	error_next(&error, "%s", next);
	return error;
}

static void test_steps(void **state)
{
	static const struct {
		const char *code;
		const char *smarthost;
		const char *next;
		const char *then;
	} rows[] = {
		{ "MC-RATE-08", "main", "in smarthost \"main\" write x",
		    "in smarthost \"main\" write x (/etc/mailchute/mailchute.conf line 12)" },
		{ "MC-RATE-08", "other", "in smarthost \"main\" write x",
		    "in smarthost \"main\" write x" },
		{ "MC-RATE-08", NULL, "in smarthost \"main\" write x",
		    "in smarthost \"main\" write x" },
		{ "MC-GREY-07", "main", "nothing", "nothing" },
		{ "", "main", "in smarthost \"main\" write x", "in smarthost \"main\" write x" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct error error = make(rows[i].code, rows[i].next);

		whereabouts_add(&place, rows[i].smarthost, &error);
		assert_string_equal(error.next, rows[i].then);
	}
}

static void test_places(void **state)
{
	static char variable[] = "MAILCHUTE_URL";
	const struct config_place nowhere = { NULL, 0 };
	const struct config_place in_variable = { variable, 0 };
	struct error error = make("MC-RATE-08", "smarthost \"main\"");
	char long_file[ERROR_NEXT_SIZE];

	(void)state;
	whereabouts_add(&nowhere, "main", &error);
	assert_string_equal(error.next, "smarthost \"main\"");
	memset(long_file, 'x', sizeof long_file - 1);
	long_file[sizeof long_file - 1] = '\0';
	const struct config_place far = { long_file, 1 };
	whereabouts_add(&far, "main", &error);
	assert_string_equal(error.next, "smarthost \"main\"");
	whereabouts_add(&in_variable, "main", &error);
	assert_string_equal(error.next, "smarthost \"main\" (MAILCHUTE_URL)");
}

static void test_lines(void **state)
{
	char line[200] = "MC-RATE-08 h: 450 no; fix: in smarthost \"main\" x; mail: NOT sent";
	char plain[200] = "h: 450 smarthost \"main\"; y";

	(void)state;
	whereabouts_add_to_line(&place, "main", line, sizeof line);
	assert_string_equal(line, "MC-RATE-08 h: 450 no; fix: in smarthost \"main\" x "
				  "(/etc/mailchute/mailchute.conf line 12); mail: NOT sent");
	whereabouts_add_to_line(&place, "main", plain, sizeof plain);
	assert_string_equal(plain, "h: 450 smarthost \"main\"; y");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_steps),
		cmocka_unit_test(test_places),
		cmocka_unit_test(test_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
