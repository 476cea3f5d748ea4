/* SPDX-License-Identifier: MIT */

/* Tests base/buffer.c. */

#include "base/buffer.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/memory.h"
#include "tests/support/guarded.h"

static void it_grows_to_its_limit_and_no_further(void **state)
{
	CLEANUP(buffer_finish) struct buffer buffer;

	(void)state;
	for (size_t limit = 0; limit < 300; limit++) {
		buffer_init(&buffer, limit);
		for (size_t i = 0; i < limit; i++)
			buffer_append_byte(&buffer, 'x');
		assert_false(buffer.has_overflowed);
		assert_int_equal(buffer.length, limit);
		assert_true(buffer.capacity <= limit + 1);
		buffer_append_byte(&buffer, 'x');
		assert_true(buffer.has_overflowed);
		assert_int_equal(buffer.length, limit);
		assert_int_equal(strlen(buffer_string(&buffer)), limit);
		buffer_finish(&buffer);
	}
}

static void what_does_not_fit_is_not_added_at_all(void **state)
{
	CLEANUP(buffer_finish) struct buffer buffer;

	(void)state;
	buffer_init(&buffer, 5);
	buffer_append_string(&buffer, "abc");
	buffer_append_string(&buffer, "def");
	assert_true(buffer.has_overflowed);
	assert_string_equal(buffer_string(&buffer), "abc");
	/* It sticks, though this fits. */
	buffer_append_string(&buffer, "d");
	assert_true(buffer.has_overflowed);
	buffer_clear(&buffer);
	assert_false(buffer.has_overflowed);
	assert_int_equal(buffer.length, 0);
	buffer_format(&buffer, "%d-%s", 12, "ab");
	assert_string_equal(buffer_string(&buffer), "12-ab");
	buffer_format(&buffer, "%s", "c");
	assert_true(buffer.has_overflowed);
}

static void no_limit_is_a_limit_too(void **state)
{
	CLEANUP(buffer_finish) struct buffer buffer;

	(void)state;
	buffer_init(&buffer, SIZE_MAX);
	for (int i = 0; i < 1000; i++)
		buffer_append_string(&buffer, "abc");
	assert_int_equal(buffer.length, 3000);
	assert_null(buffer_reserve(&buffer, SIZE_MAX));
	assert_true(buffer.has_overflowed);
	assert_int_equal(buffer.length, 3000);
}

static void spans_and_nul_pass(void **state)
{
	CLEANUP(buffer_finish) struct buffer buffer;

	(void)state;
	buffer_init(&buffer, 10);
	buffer_append_span(&buffer, guarded("a\0b", 3));
	buffer_append_span(&buffer, (struct span){ 0 });
	buffer_append(&buffer, NULL, 0);
	assert_int_equal(buffer.length, 3);
	assert_memory_equal(buffer_span(&buffer).start, "a\0b", 3);
}

static void reserved_room_is_filled_by_extend(void **state)
{
	CLEANUP(buffer_finish) struct buffer buffer;

	(void)state;
	buffer_init(&buffer, 100);
	buffer_append_string(&buffer, "abc");
	char *room = buffer_reserve(&buffer, 97);
	assert_non_null(room);
	memset(room, 'x', 97);
	buffer_extend(&buffer, 97);
	assert_int_equal(buffer.length, 100);
	assert_int_equal(strlen(buffer_string(&buffer)), 100);
	assert_null(buffer_reserve(&buffer, 1));
	assert_true(buffer.has_overflowed);
}

static void consume_drops_from_the_front(void **state)
{
	CLEANUP(buffer_finish) struct buffer buffer;

	(void)state;
	buffer_init(&buffer, 10);
	buffer_consume(&buffer, 0);
	buffer_append_string(&buffer, "abcdef");
	buffer_consume(&buffer, 2);
	assert_string_equal(buffer_string(&buffer), "cdef");
	buffer_consume(&buffer, 4);
	assert_string_equal(buffer_string(&buffer), "");
	assert_int_equal(buffer.length, 0);
}

static void an_empty_one_is_an_empty_string(void **state)
{
	struct buffer buffer;

	(void)state;
	buffer_init(&buffer, 10);
	assert_string_equal(buffer_string(&buffer), "");
	CLEANUP(memory_free_string) char *empty = buffer_take_string(&buffer);
	assert_string_equal(empty, "");
	buffer_finish(&buffer);
	buffer_finish(&buffer);
}

static void a_taken_string_leaves_it_finished(void **state)
{
	struct buffer buffer;

	(void)state;
	buffer_init(&buffer, 3);
	buffer_append_string(&buffer, "abc");
	CLEANUP(memory_free_string) char *string = buffer_take_string(&buffer);
	assert_string_equal(string, "abc");
	assert_null(buffer.start);
	assert_int_equal(buffer.length, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_grows_to_its_limit_and_no_further),
		cmocka_unit_test(what_does_not_fit_is_not_added_at_all),
		cmocka_unit_test(no_limit_is_a_limit_too),
		cmocka_unit_test(spans_and_nul_pass),
		cmocka_unit_test(reserved_room_is_filled_by_extend),
		cmocka_unit_test(consume_drops_from_the_front),
		cmocka_unit_test(an_empty_one_is_an_empty_string),
		cmocka_unit_test(a_taken_string_leaves_it_finished),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
