/* SPDX-License-Identifier: MIT */

/* Tests delivery/counted.c. */

#include "delivery/counted.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/memory.h"
#include "tests/support/guarded.h"

static void what_is_put_is_taken(void **state)
{
	CLEANUP(buffer_finish) struct buffer buffer = { 0 };
	char text[4];

	(void)state;
	buffer_init(&buffer, 4096);
	counted_put_number(&buffer, UINT64_MAX);
	counted_put_span(&buffer, span_from_bytes("a\0b", 3));
	counted_put_string(&buffer, NULL);
	counted_put_string(&buffer, "");
	counted_put_string(&buffer, "abc");
	counted_put_number(&buffer, 1);

	struct counted counted = { guarded(buffer.start, buffer.length), false };
	assert_true(counted_take_number(&counted, UINT64_MAX) == UINT64_MAX);
	assert_true(span_equals(counted_take_span(&counted), span_from_bytes("a\0b", 3)));
	assert_null(counted_take_string(&counted));
	CLEANUP(memory_free_string) char *empty = counted_take_string(&counted);
	assert_string_equal(empty, "");
	counted_take_text(&counted, text, sizeof text);
	assert_string_equal(text, "abc");
	assert_false(counted_is_complete(&counted));
	assert_true(counted_take_flag(&counted));
	assert_true(counted_is_complete(&counted));
}

static void what_is_wrong_sticks(void **state)
{
	struct counted counted = { guarded("\0\0\0\0\0\0\0\2\0\0\0\0\0\0\0\1", 16), false };

	(void)state;
	assert_int_equal(counted_take_number(&counted, 1), 0);
	assert_true(counted.is_wrong);
	assert_int_equal(counted_take_number(&counted, 1), 0);
	assert_int_equal(counted_take_span(&counted).length, 0);
	assert_null(counted_take_string(&counted));
	assert_false(counted_is_complete(&counted));
}

static void counts_beyond_the_end_are_wrong(void **state)
{
	static const char *counts[] = { "\0\0\0\0\0\0\0\2", "\377\377\377\377\377\377\377\376",
		"\200\0\0\0\0\0\0\0" };

	(void)state;
	for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
		char octets[9] = { 0 };
		char text[100];

		memcpy(octets, counts[i], 8);
		struct span input = guarded(octets, sizeof octets);
		struct counted counted = { input, false };
		assert_null(counted_take_string(&counted));
		assert_true(counted.is_wrong);
		counted = (struct counted){ input, false };
		counted_take_text(&counted, text, sizeof text);
		assert_true(counted.is_wrong);
	}
}

static void strings_have_no_nul_and_fit(void **state)
{
	static const char nul[] = "\0\0\0\0\0\0\0\3a\0b";
	static const char three[] = "\0\0\0\0\0\0\0\3abc";
	char text[3];

	(void)state;
	struct counted counted = { guarded(nul, 11), false };
	assert_null(counted_take_string(&counted));
	assert_true(counted.is_wrong);
	counted = (struct counted){ guarded(three, 11), false };
	counted_take_text(&counted, text, sizeof text);
	assert_true(counted.is_wrong);
	assert_string_equal(text, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_put_is_taken),
		cmocka_unit_test(what_is_wrong_sticks),
		cmocka_unit_test(counts_beyond_the_end_are_wrong),
		cmocka_unit_test(strings_have_no_nul_and_fit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
