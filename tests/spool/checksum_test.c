/* SPDX-License-Identifier: MIT */

/* Tests spool/checksum.c. */

#include "spool/checksum.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/random.h"
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

static void every_length_and_place_gives_what_the_table_gives(void **state)
{
	char bytes[512];

	(void)state;
	random_fill(bytes, sizeof bytes);
	for (size_t start = 0; start < 16; start++)
		for (size_t length = 0; length + start <= 200; length++) {
			struct span span = guarded(bytes + start, length);

			assert_int_equal(checksum_extend((uint32_t)length, span),
			    checksum_extend_by_table((uint32_t)length, span));
			span = span_from_bytes(bytes + start, length);
			assert_int_equal(
			    checksum_extend(0, span), checksum_extend_by_table(0, span));
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_values_come_out),
		cmocka_unit_test(pieces_give_what_the_whole_gives),
		cmocka_unit_test(every_length_and_place_gives_what_the_table_gives),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
