/* SPDX-License-Identifier: MIT */

/* Tests smtp/client/scram.c. */

#include "smtp/client/scram.h"

#include "tests/support/cmocka.h"
#include "tests/support/guarded.h"

static void rounds_have_a_limit(void **state)
{
	static const struct row {
		const char *name;
		const char *message;
		bool want;
	} rows[] = {
		{ "as usual", "r=abc,s=QSXCR+Q6sek8bf92,i=4096", true },
		{ "the last that is borne", "r=a,s=b,i=1000000", true },
		{ "one more", "r=a,s=b,i=1000001", false },
		{ "all that fits 32 bits", "r=a,s=b,i=4294967295", false },
		{ "more than fits 64 bits", "r=a,s=b,i=18446744073709551617", false },
		{ "hidden behind a small one", "r=a,s=b,i=1,i=1000001", false },
		{ "hidden before a small one", "r=a,s=b,i=1000001,i=1", false },
		{ "no number", "r=a,s=b,i=", false },
		{ "a sign", "r=a,s=b,i=+1", false },
		{ "a blank", "r=a,s=b,i= 1", false },
		{ "in a nonce it is none", "r=i=1000001x,s=b,i=1", true },
		{ "the server's proof", "v=rmF9pqV8S7suAoZWja4dJRkFsKQ=", true },
		{ "nothing", "", true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		if (scram_is_bearable(guarded_string(rows[i].message)) != rows[i].want)
			fail_msg("%s", rows[i].name);
}

static void refusals_have_a_reason(void **state)
{
	struct span reason = { 0 };

	(void)state;
	assert_true(scram_is_refusal(guarded_string("e=invalid-proof"), &reason));
	assert_true(span_equals_string(reason, "invalid-proof"));
	assert_true(scram_is_refusal(guarded_string("e="), &reason));
	assert_int_equal(reason.length, 0);
	assert_false(scram_is_refusal(guarded_string("v=abc"), &reason));
	assert_false(scram_is_refusal(guarded_string("r=abc,e=x"), &reason));
	assert_false(scram_is_refusal(guarded_string("e"), &reason));
	assert_false(scram_is_refusal(guarded_string(""), &reason));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rounds_have_a_limit),
		cmocka_unit_test(refusals_have_a_reason),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
