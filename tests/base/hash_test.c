/* SPDX-License-Identifier: MIT */

/* Tests base/hash.c against the vectors of its authors. */

#include "base/hash.h"

#include <string.h>

#include "tests/support/cmocka.h"

static void known_texts_have_known_hashes(void **state)
{
	static const struct row {
		const char *text;
		uint64_t want;
	} rows[] = {
		{ "", UINT64_C(0xcbf29ce484222325) },
		{ "a", UINT64_C(0xaf63dc4c8601ec8c) },
		{ "foobar", UINT64_C(0x85944171f73967e8) },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		size_t length = strlen(rows[i].text);

		assert_true(hash_add(HASH_EMPTY, rows[i].text, length) == rows[i].want);
		for (size_t cut = 0; cut <= length; cut++)
			assert_true(hash_add(hash_add(HASH_EMPTY, rows[i].text, cut),
					rows[i].text + cut, length - cut) == rows[i].want);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_texts_have_known_hashes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
