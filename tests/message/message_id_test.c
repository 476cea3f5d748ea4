/* SPDX-License-Identifier: MIT */

/* Tests message/message_id.c. */

#include "message/message_id.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/memory.h"

static void it_is_a_date_and_random_digits(void **state)
{
	CLEANUP(memory_free_string) char *id = message_id_generate("mail.example");
	char random[17];
	char domain[20];
	unsigned long long date;

	(void)state;
	assert_int_equal(strlen(id), 1 + 14 + 1 + 16 + 1 + 12 + 1);
	assert_int_equal(sscanf(id, "<%14llu.%16[0-9a-z]@%19[a-z.]>", &date, random, domain), 3);
	assert_true(date > 20200101000000ULL && date < 99991231235959ULL);
	assert_int_equal(strlen(random), 16);
	assert_string_equal(domain, "mail.example");
	assert_int_equal(id[strlen(id) - 1], '>');
}

static void none_is_made_twice(void **state)
{
	enum { COUNT = 300 };
	char *ids[COUNT];

	(void)state;
	for (size_t i = 0; i < COUNT; i++) {
		ids[i] = message_id_generate("x");
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(ids[i], ids[j]);
	}
	/* Every one of the 80 bits is used: each digit takes many values. */
	for (size_t place = 16; place < 32; place++) {
		char seen[256] = { 0 };
		int different = 0;

		for (size_t i = 0; i < COUNT; i++)
			seen[(unsigned char)ids[i][place]] = 1;
		for (size_t i = 0; i < sizeof seen; i++)
			different += seen[i];
		assert_in_range(different, 25, 32);
	}
	for (size_t i = 0; i < COUNT; i++)
		memory_free_string(&ids[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_a_date_and_random_digits),
		cmocka_unit_test(none_is_made_twice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
