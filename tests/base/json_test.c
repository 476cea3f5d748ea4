/* SPDX-License-Identifier: MIT */

/* Tests base/json.c: members as any parser takes them, whatever octets they are made of. */

#include "base/json.h"

#include "base/memory.h"
#include "tests/support/cmocka.h"
#include "tests/support/guarded.h"

struct row {
	const char *given;
	size_t length; /* 0: up to its NUL */
	const char *text;
};

static void a_string_is_valid_whatever_comes_in(void **state)
{
	static const struct row rows[] = {
		{ "", 0, "\"\"" },
		{ "plain", 0, "\"plain\"" },
		{ "a\"b\\c", 0, "\"a\\\"b\\\\c\"" },
		{ "\\", 0, "\"\\\\\"" },
		{ "gr\xc3\xb6\xc3\x9f\x65", 0, "\"gr\xc3\xb6\xc3\x9f\x65\"" },
		{ "a\r\nb", 0, "\"a??b\"" },
		{ "a\0b", 3, "\"a?b\"" },
		{ "\x1b[2J", 0, "\"?[2J\"" },
		{ "\x7f\xff\xc3", 0, "\"???\"" },
		{ "\xc3\"}", 0, "\"?\\\"}\"" },
		{ "\xed\xa0\x80", 0, "\"???\"" },
		{ "\xe2\x80\xa8", 0, "\"???\"" },
		{ "\xc2\x9b", 0, "\"??\"" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct buffer out CLEANUP(buffer_finish) = { 0 };
		size_t length = rows[i].length != 0 ? rows[i].length : strlen(rows[i].given);

		buffer_init(&out, 100);
		json_append_string(&out, guarded(rows[i].given, length));
		assert_string_equal(buffer_string(&out), rows[i].text);
	}
}

static void members_stand_behind_each_other(void **state)
{
	struct buffer out CLEANUP(buffer_finish) = { 0 };

	(void)state;
	buffer_init(&out, 1000);
	json_string(&out, "a", span_from_string("x"));
	json_number(&out, "b", -1);
	json_number(&out, "c", INT64_MIN);
	json_number(&out, "d", INT64_MAX);
	json_bool(&out, "e", true);
	json_bool(&out, "f", false);
	json_seconds(&out, "g", 0);
	json_seconds(&out, "h", 61007);
	json_seconds(&out, "i", -5);
	assert_string_equal(buffer_string(&out),
	    "\"a\":\"x\",\"b\":-1,\"c\":-9223372036854775808,\"d\":9223372036854775807,"
	    "\"e\":true,\"f\":false,\"g\":0.000,\"h\":61.007,\"i\":0.000");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_string_is_valid_whatever_comes_in),
		cmocka_unit_test(members_stand_behind_each_other),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
