/* SPDX-License-Identifier: MIT */

/* Tests spool/preamble.c. */

#include "spool/preamble.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "tests/support/guarded.h"

static const struct preamble whole = {
	.records_length = 999999999999,
	.header_length = UINT64_MAX,
	.message_length = UINT64_MAX,
	.recipient_count = 10000,
	.has_8bit = true,
	.longest_line = UINT64_MAX,
	.checksum = 0x89abcdef,
};

static void format(const struct preamble *preamble, const struct queue_progress *progress,
    char text[PREAMBLE_SIZE])
{
	preamble_format_sealed(preamble, text);
	preamble_format_checksum(preamble->checksum, text + PREAMBLE_SEALED_SIZE);
	preamble_format_progress(progress, text + PREAMBLE_PROGRESS_OFFSET);
}

static void the_extremes_come_back(void **state)
{
	struct queue_progress progress = { INT64_MAX, UINT32_MAX, true, true, true, "" };
	struct preamble found;
	struct queue_progress found_progress;
	char text[PREAMBLE_SIZE];

	(void)state;
	memset(progress.last_reply, ' ', sizeof progress.last_reply - 1);
	format(&whole, &progress, text);
	assert_null(preamble_parse(guarded(text, sizeof text).start, &found, &found_progress));
	assert_int_equal(found.records_length, whole.records_length);
	assert_int_equal(found.header_length, whole.header_length);
	assert_int_equal(found.message_length, whole.message_length);
	assert_int_equal(found.recipient_count, whole.recipient_count);
	assert_int_equal(found.longest_line, whole.longest_line);
	assert_int_equal(found.checksum, whole.checksum);
	assert_true(found.has_8bit);
	assert_memory_equal(&found_progress, &progress, sizeof progress);
}

static void controls_in_a_reply_are_masked(void **state)
{
	struct queue_progress progress = { -5, 0, false, false, false,
		"450 a\r\nheld H\177\xc3\xa4" };
	struct preamble found;
	struct queue_progress found_progress;
	char text[PREAMBLE_SIZE];

	(void)state;
	format(&whole, &progress, text);
	assert_null(preamble_parse(text, &found, &found_progress));
	assert_string_equal(found_progress.last_reply, "450 a??held H?\xc3\xa4");
	assert_int_equal(found_progress.next_attempt, 0);
	assert_false(found_progress.is_held);
}

static void every_line_has_its_place(void **state)
{
	struct queue_progress progress = { 0 };
	struct preamble found = { .checksum = 42 };
	struct queue_progress found_progress = { .attempts = 42 };
	char text[PREAMBLE_SIZE];
	size_t lines = 0;

	(void)state;
	format(&whole, &progress, text);
	for (size_t i = 0; i < sizeof text; i++) {
		if (text[i] != '\n')
			continue;
		lines++;
		text[i] = ' ';
		const char *fault = preamble_parse(text, &found, &found_progress);
		text[i] = '\n';
		/* In the lines after "held" it is a torn progress, and no fault. */
		if (i < PREAMBLE_PROGRESS_OFFSET + 7) {
			assert_non_null(fault);
			assert_int_equal(found.checksum, 42);
			assert_int_equal(found_progress.attempts, 42);
		} else {
			assert_null(fault);
			assert_int_equal(found_progress.attempts, 0);
		}
	}
	assert_int_equal(lines, 15);
}

static void another_version_is_named(void **state)
{
	struct queue_progress progress = { 0 };
	struct preamble found;
	char text[PREAMBLE_SIZE];

	(void)state;
	format(&whole, &progress, text);
	text[strlen("mailchute queue file ")] = '2';
	assert_non_null(strstr(preamble_parse(text, &found, &progress), "first line"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_extremes_come_back),
		cmocka_unit_test(controls_in_a_reply_are_masked),
		cmocka_unit_test(every_line_has_its_place),
		cmocka_unit_test(another_version_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
