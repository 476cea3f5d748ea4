/* SPDX-License-Identifier: MIT */

/* Tests service/quota.c. */

#include "service/quota.h"

#include <string.h>

#include "tests/support/cmocka.h"

#define MIB ((uint64_t)1 << 20)

static void what_waits_is_bounded(void **state)
{
	static const struct row {
		const char *name;
		struct usage_figures waiting;
		uint64_t octets;
		const char *refusal; /* NULL: taken */
	} rows[] = {
		{ "nothing waits", { 0, 0 }, 0, NULL },
		{ "nothing waits, so it may be of any size", { 0, 0 }, 5000 * MIB, NULL },
		{ "one waits", { 1, 2000 }, 2000, NULL },
		{ "the last that may", { 999, 2000 }, 2000, NULL },
		{ "one too many", { 1000, 2000 }, 0,
		    "too many messages of uid 1000 wait in the queue: 1000, and 1000 may" },
		{ "far too many", { 70000, 2000 }, 0, ": 70000, and 1000 may" },
		{ "up to the last octet", { 1, 99 * MIB }, MIB, NULL },
		{ "an octet too many", { 1, 99 * MIB }, MIB + 1,
		    "too much mail of uid 1000 waits in the queue: 99 MiB in 1 message, and this "
		    "one has 1 MiB, and 100 MiB may" },
		{ "of unknown size", { 2, 100 * MIB - 1 }, 0, NULL },
		{ "of unknown size, and there is no room", { 2, 100 * MIB }, 0,
		    "100 MiB in 2 messages, and 100 MiB may" },
		{ "behind a large one", { 1, 300 * MIB }, 1, "300 MiB in 1 message" },
		{ "a size that nobody believes", { 1, 1 }, UINT64_MAX, "this one has 15.9 EiB" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct error error = { 0 };
		int outcome = quota_check(
		    &config_default_limits, &rows[i].waiting, 1000, rows[i].octets, &error);

		if (outcome != (rows[i].refusal != NULL ? -1 : 0))
			fail_msg("%s: %d, %s", rows[i].name, outcome, error.text);
		if (outcome == 0)
			continue;
		if (strstr(error.text, rows[i].refusal) == NULL)
			fail_msg("%s: %s", rows[i].name, error.text);
		assert_string_equal(error.status, "4.2.2");
		assert_non_null(strstr(error.next, "_per_uid } in mailchute.conf"));
	}
}

static void a_limit_can_be_switched_off(void **state)
{
	static const struct usage_figures much = { 5000000, 5000 * MIB };
	struct config_limits limits = config_default_limits;
	struct error error = { 0 };

	(void)state;
	limits.messages_per_uid = 0;
	assert_int_equal(quota_check(&limits, &much, 1000, 1, &error), -1);
	assert_non_null(strstr(error.next, "size_per_uid"));
	limits.size_per_uid = 0;
	assert_int_equal(quota_check(&limits, &much, 1000, 1, &error), 0);
	limits.messages_per_uid = 1000;
	assert_int_equal(quota_check(&limits, &much, -1, 1, &error), -1);
	assert_non_null(strstr(error.next, "messages_per_uid"));
	assert_non_null(strstr(error.text, "users of unknown uid"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_waits_is_bounded),
		cmocka_unit_test(a_limit_can_be_switched_off),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
