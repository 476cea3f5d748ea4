/* SPDX-License-Identifier: MIT */

/* Tests spool/checksum.c. */

#include "spool/checksum.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/support/guarded.h"

/* RFC 3720, B.4, and the check value of every catalogue of CRCs. */
static void known_values_come_out(void **state)
{
	char bytes[32];

	(void)state;
	assert_int_equal(checksum_extend(0, guarded_string("123456789")), 0xe3069283);
	assert_int_equal(checksum_extend(0, guarded_string("")), 0);
	memset(bytes, 0, sizeof bytes);
	assert_int_equal(checksum_extend(0, guarded(bytes, sizeof bytes)), 0x8a9136aa);
	memset(bytes, 0xff, sizeof bytes);
	assert_int_equal(checksum_extend(0, guarded(bytes, sizeof bytes)), 0x62a8ab43);
}

static void pieces_give_what_the_whole_gives(void **state)
{
	struct span text = guarded_string("the quick brown fox jumps over the lazy dog");
	uint32_t whole = checksum_extend(0, text);

	(void)state;
	for (size_t i = 0; i <= text.length; i++)
		assert_int_equal(
		    checksum_extend(checksum_extend(0, span_first(text, i)), span_after(text, i)),
		    whole);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_values_come_out),
		cmocka_unit_test(pieces_give_what_the_whole_gives),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
