/* SPDX-License-Identifier: MIT */

/* Tests spool/queue_content.c; queue_file_test.c changes every octet of a file. */

#include "spool/queue_content.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/spool/scratch.h"

/* A file of one preamble and nothing else, of the size that is claimed. */
static int load(const struct preamble *preamble, off_t size, struct error *error)
{
	struct scratch scratch = scratch_make();
	struct queue_progress progress = { 0 };
	struct queue_summary found;
	char text[PREAMBLE_SIZE];

	preamble_format_sealed(preamble, text);
	preamble_format_checksum(0, text + PREAMBLE_SEALED_SIZE);
	preamble_format_progress(&progress, text + PREAMBLE_PROGRESS_OFFSET);
	int fd = openat(scratch.fd, "f", O_CREAT | O_RDWR | O_CLOEXEC, 0600);
	assert_int_equal(pwrite(fd, text, sizeof text, 0), sizeof text);
	int outcome = queue_content_summarize(fd, "ID", size, &found, error);
	if (outcome == 0)
		assert_int_equal(found.message_length, preamble->message_length);
	(void)close(fd);
	scratch_remove(&scratch);
	return outcome;
}

/* security.md 2.2: no sum of lengths from a file may wrap around. */
static void lengths_must_fit_the_file(void **state)
{
	static const struct row {
		const char *name;
		struct preamble preamble;
		off_t size;
		int want;
	} rows[] = {
		{ "exactly", { .records_length = 10, .message_length = 20, .recipient_count = 1 },
		    PREAMBLE_SIZE + 30, 0 },
		{ "replies behind",
		    { .records_length = 10, .message_length = 20, .recipient_count = 1 },
		    PREAMBLE_SIZE + 3000, 0 },
		{ "one short", { .records_length = 10, .message_length = 20, .recipient_count = 1 },
		    PREAMBLE_SIZE + 29, 3 },
		{ "a sum that wraps",
		    { .records_length = 10, .message_length = UINT64_MAX, .recipient_count = 1 },
		    PREAMBLE_SIZE + 30, 3 },
		{ "a sum that wraps to the size",
		    { .records_length = 10,
			.message_length = UINT64_MAX - 9 - PREAMBLE_SIZE,
			.recipient_count = 1 },
		    PREAMBLE_SIZE, 3 },
		{ "records past the limit",
		    { .records_length = 999999999999, .recipient_count = 1 },
		    PREAMBLE_SIZE + 999999999999, 3 },
		{ "a header longer than the message",
		    { .records_length = 10,
			.header_length = 21,
			.message_length = 20,
			.recipient_count = 1 },
		    PREAMBLE_SIZE + 30, 3 },
		{ "no recipient", { .records_length = 10, .message_length = 20 },
		    PREAMBLE_SIZE + 30, 3 },
		{ "too many recipients",
		    { .records_length = 10, .message_length = 20, .recipient_count = 10001 },
		    PREAMBLE_SIZE + 30, 3 },
	};
	struct error error;

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		int outcome = load(&rows[i].preamble, rows[i].size, &error);

		if (outcome != rows[i].want)
			fail_msg("%s: %d", rows[i].name, outcome);
	}
}

static void a_descriptor_that_cannot_be_read_is_no_damage(void **state)
{
	struct queue_summary summary;
	struct error error;

	(void)state;
	assert_int_equal(queue_content_summarize(-1, "ID", PREAMBLE_SIZE, &summary, &error), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lengths_must_fit_the_file),
		cmocka_unit_test(a_descriptor_that_cannot_be_read_is_no_damage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
