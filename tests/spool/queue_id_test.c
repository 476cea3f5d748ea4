/* SPDX-License-Identifier: MIT */

/* Tests spool/queue_id.c. */

#include "spool/queue_id.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "tests/support/guarded.h"

static void ids_have_their_form(void **state)
{
	char id[QUEUE_ID_SIZE];
	char other[QUEUE_ID_SIZE];

	(void)state;
	for (int i = 0; i < 1000; i++) {
		queue_id_generate(id);
		queue_id_generate(other);
		assert_int_equal(strlen(id), QUEUE_ID_LENGTH);
		assert_true(queue_id_is_valid(span_from_string(id)));
		assert_string_not_equal(id, other);
		for (const char *p = id; *p != '\0'; p++)
			assert_true((*p >= '0' && *p <= '9') || (*p >= 'A' && *p <= 'Z'));
	}
}

static int compare(const void *a, const void *b)
{
	return strcmp(a, b);
}

/* Of chance alone: 80 bits, all digits at all places, and no two the same. */
static void ids_are_unique(void **state)
{
	enum { COUNT = 100000 };
	static char ids[COUNT][QUEUE_ID_SIZE];
	static unsigned seen[QUEUE_ID_LENGTH][128];

	(void)state;
	for (size_t i = 0; i < COUNT; i++) {
		queue_id_generate(ids[i]);
		/* What is left without the time. */
		memset(ids[i], '0', 9);
		for (size_t j = 9; j < QUEUE_ID_LENGTH; j++)
			seen[j][(unsigned char)ids[i][j]]++;
	}
	qsort(ids, COUNT, sizeof ids[0], compare);
	for (size_t i = 1; i < COUNT; i++)
		assert_string_not_equal(ids[i - 1], ids[i]);
	for (size_t j = 9; j < QUEUE_ID_LENGTH; j++)
		for (const char *digit = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"; *digit != '\0';
		     digit++)
			/* 3,125 of each are due, and 60 more or fewer are no wonder. */
			assert_in_range(seen[j][(unsigned char)*digit], 2600, 3700);
}

static void an_id_knows_its_time(void **state)
{
	char id[QUEUE_ID_SIZE];
	int64_t before = clock_wall();

	(void)state;
	queue_id_generate(id);
	assert_true(queue_id_time(id) >= before);
	assert_true(queue_id_time(id) <= clock_wall());
}

static void ids_sort_by_time(void **state)
{
	static const char *sorted[] = { "0000000000000000000000000", "00000000A0000000000000000",
		"00000000Z0000000000000000", "0000000100000000000000000",
		"1JZQWE3K00000000000000000", "ZZZZZZZZZZZZZZZZZZZZZZZZZ" };

	(void)state;
	for (size_t i = 1; i < sizeof sorted / sizeof sorted[0]; i++) {
		assert_true(strcmp(sorted[i - 1], sorted[i]) < 0);
		assert_true(queue_id_time(sorted[i - 1]) < queue_id_time(sorted[i]));
	}
	assert_int_equal(queue_id_time("0000000100000000000000000"), 32);
	assert_int_equal(queue_id_time("ZZZZZZZZZZZZZZZZZZZZZZZZZ"), (INT64_C(1) << 45) - 1);
}

static void what_is_no_id_is_told(void **state)
{
	static const char *rows[] = { "", ".", "..", "t.00112233445566778899aabbccddeeff",
		"000000000000000000000000", "00000000000000000000000000",
		"000000000000000000000000U", "000000000000000000000000o",
		"000000000000/000000000000", "a000000000000000000000000" };

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		assert_false(queue_id_is_valid(guarded_string(rows[i])));
	/* strchr would find the NUL at the end of the alphabet. */
	char id[QUEUE_ID_SIZE] = "0000000000000000000000000";
	id[12] = '\0';
	assert_false(queue_id_is_valid(guarded(id, QUEUE_ID_LENGTH)));
}

static void packed_ids_come_back_and_sort_as_before(void **state)
{
	static const char first[] = "0000000000000000000000000";
	static const char last[] = "ZZZZZZZZZZZZZZZZZZZZZZZZZ";
	unsigned char previous[QUEUE_ID_PACKED];
	unsigned char packed[QUEUE_ID_PACKED];
	char ids[3][QUEUE_ID_SIZE];

	(void)state;
	memcpy(ids[0], first, sizeof first);
	for (int i = 0; i < 1000; i++) {
		/* Two that differ in one place. */
		queue_id_generate(ids[1]);
		memcpy(ids[2], ids[1], sizeof ids[2]);
		char *changed = &ids[2][i % QUEUE_ID_LENGTH];
		*changed = *changed == 'Z' ? '0' : 'Z';
		for (size_t j = 0; j < 3; j++) {
			char again[QUEUE_ID_SIZE];
			const char *other = ids[(j + 1) % 3];

			queue_id_pack(ids[j], packed);
			queue_id_unpack(packed, again);
			assert_string_equal(again, ids[j]);
			queue_id_pack(other, previous);
			assert_int_equal(
			    memcmp(previous, packed, sizeof packed) < 0, strcmp(other, ids[j]) < 0);
		}
		memcpy(ids[0], i == 500 ? last : ids[1], sizeof ids[0]);
	}
}

static void derived_ids_are_others_and_always_the_same(void **state)
{
	static const struct row {
		const char *id;
		uint64_t number;
		const char *derived;
	} rows[] = {
		{ "0000000000000000000000000", 1, "0000000000000000000000001" },
		{ "000000000000000000000000Z", 1, "0000000000000000000000000" },
		{ "1M847QBFT8X7SPECNQ82HQ1G6", 33, "1M847QBFT8X7SPECNQ82HQ1H7" },
		{ "000000000ZZZZZZZZZZZZZZZZ", (UINT64_C(1) << 60) - 1,
		    "000000000ZZZZYYYYYYYYYYYY" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char derived[QUEUE_ID_SIZE];

		queue_id_derive(rows[i].id, rows[i].number, derived);
		assert_string_equal(derived, rows[i].derived);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ids_have_their_form),
		cmocka_unit_test(ids_are_unique),
		cmocka_unit_test(an_id_knows_its_time),
		cmocka_unit_test(ids_sort_by_time),
		cmocka_unit_test(what_is_no_id_is_told),
		cmocka_unit_test(derived_ids_are_others_and_always_the_same),
		cmocka_unit_test(packed_ids_come_back_and_sort_as_before),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
