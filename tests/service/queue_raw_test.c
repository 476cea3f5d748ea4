/* SPDX-License-Identifier: MIT */

/* Tests service/queue_raw.c. */

#include "service/queue_raw.h"

#include "base/memory.h"
#include "tests/support/cmocka.h"
#include "tests/support/guarded.h"

static void every_octet_comes_back_from_printable_text(void **state)
{
	CLEANUP(buffer_finish) struct buffer text = { 0 };
	CLEANUP(buffer_finish) struct buffer again = { 0 };
	char octets[256];

	(void)state;
	for (size_t i = 0; i < sizeof octets; i++)
		octets[i] = (char)i;
	buffer_init(&text, 1000);
	buffer_init(&again, 1000);
	queue_raw_encode(guarded(octets, sizeof octets), &text);
	for (size_t i = 0; i < text.length; i++)
		assert_in_range(text.start[i], 0x20, 0x7e);
	assert_true(queue_raw_decode(guarded(text.start, text.length), &again));
	assert_int_equal(again.length, sizeof octets);
	assert_memory_equal(again.start, octets, sizeof octets);
}

static void what_is_no_such_text_is_refused(void **state)
{
	static const char *const rows[] = { "=", "a=4", "=4G", "=ag", "==", "=3=", "=\0\0" };

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		CLEANUP(buffer_finish) struct buffer octets = { 0 };

		buffer_init(&octets, 100);
		assert_false(queue_raw_decode(guarded_string(rows[i]), &octets));
	}
	CLEANUP(buffer_finish) struct buffer octets = { 0 };
	buffer_init(&octets, 100);
	assert_false(queue_raw_decode(guarded("=\0\0", 3), &octets));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_octet_comes_back_from_printable_text),
		cmocka_unit_test(what_is_no_such_text_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
