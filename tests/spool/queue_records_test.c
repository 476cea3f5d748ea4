/* SPDX-License-Identifier: MIT */

/* Tests spool/queue_records.c. */

#include "spool/queue_records.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/memory.h"
#include "tests/spool/scratch.h"
#include "tests/support/guarded.h"

#define START "sender 1:a\n"

/* As many marks as recipients; the envelope that comes out, or why not. */
static const struct row {
	const char *name;
	const char *text;
	size_t count;
	bool is_right;
} rows[] = {
	{ "sender and recipient", START "recipient . 1:b\n\n", 1, true },
	{ "all marks",
	    START "recipient . 1:b\nrecipient D 1:c\nrecipient F 1:d\nrecipient U 1:e\n\n", 4,
	    true },
	{ "the null sender", "sender 0:\nrecipient . 1:b\n\n", 1, true },
	{ "original and notify", START "recipient . 1:b\noriginal 1:x\nnotify 1:6\n\n", 1, true },
	{ "negative uid", START "uid 2:-1\nrecipient . 1:b\n\n", 1, true },
	{ "no end", START "recipient . 1:b\n", 1, false },
	{ "something behind the end", START "recipient . 1:b\n\n\n", 1, false },
	{ "nothing", "", 0, false },
	{ "no recipient", START "\n", 0, false },
	{ "no sender", "recipient . 1:b\n\n", 1, false },
	{ "two senders", START START "recipient . 1:b\n\n", 1, false },
	{ "fewer recipients", START "recipient . 1:b\n\n", 2, false },
	{ "more recipients", START "recipient . 1:b\nrecipient . 1:c\n\n", 1, false },
	{ "a mark of another kind", START "recipient x 1:b\n\n", 1, false },
	{ "a recipient without a mark", START "recipient 1:b\n\n", 0, false },
	{ "a sender with a mark", "sender . 1:a\nrecipient . 1:b\n\n", 2, false },
	{ "the same recipient twice", START "recipient . 1:b\nrecipient . 1:b\n\n", 2, false },
	{ "an empty recipient", START "recipient . 0:\n\n", 1, false },
	{ "a line end in an address", START "recipient . 3:b\nc\n\n", 1, false },
	{ "a NUL in an address", START "recipient . 3:b@@\n\n", 1, false },
	{ "notify alone", START "notify 1:1\nrecipient . 1:b\n\n", 1, false },
	{ "notify too large", START "recipient . 1:b\nnotify 2:16\n\n", 1, false },
	{ "an unknown record", START "colour 3:red\nrecipient . 1:b\n\n", 1, false },
	{ "return of another kind", START "return 4:some\nrecipient . 1:b\n\n", 1, false },
	{ "report of another kind", START "report 5:maybe\nrecipient . 1:b\n\n", 1, false },
	{ "a uid that is no number", START "uid 1:x\nrecipient . 1:b\n\n", 1, false },
	{ "a uid too large", START "uid 19:9999999999999999999\nrecipient . 1:b\n\n", 1, false },
	{ "about a message", START "about 25:1M847QBFT8X7SPECNQ82HQ1G6\nrecipient . 1:b\n\n", 1,
	    true },
	{ "about what is no ID", START "about 5:../..\nrecipient . 1:b\n\n", 1, false },
	{ "about nothing", START "about 0:\nrecipient . 1:b\n\n", 1, false },
	{ "a long entrance", START "entrance 16:0123456789abcdef\nrecipient . 1:b\n\n", 1, false },
};

static const char *parse(const char *text, size_t length, size_t count, struct envelope *envelope)
{
	CLEANUP(buffer_finish) struct buffer buffer = { 0 };
	struct queue_attributes attributes = { 0 };
	char marks[8];
	uint64_t offsets[8];

	buffer_init(&buffer, 4096);
	buffer_append(&buffer, text, length);
	const char *fault = queue_records_take_marks(&buffer, count, marks, offsets);
	if (fault != NULL)
		return fault;
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(text[offsets[i]], marks[i]);
		assert_int_equal(buffer.start[offsets[i]], '.');
	}
	return queue_records_parse(guarded(buffer.start, buffer.length), envelope, &attributes);
}

static void rows_are_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		CLEANUP(envelope_finish) struct envelope envelope = { 0 };
		const char *fault = parse(
		    rows[i].text, strlen(rows[i].text), rows[i].count, &envelope);

		if ((fault == NULL) != rows[i].is_right)
			fail_msg("%s: %s", rows[i].name, fault != NULL ? fault : "read");
		if (rows[i].is_right)
			assert_int_equal(envelope.recipient_count, rows[i].count);
	}
}

static void every_prefix_is_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		for (size_t length = 0; length < strlen(rows[i].text); length++) {
			CLEANUP(envelope_finish) struct envelope envelope = { 0 };

			/* But a row may hold a right one at its start. */
			if (rows[i].is_right)
				assert_non_null(
				    parse(rows[i].text, length, rows[i].count, &envelope));
		}
}

static void what_is_written_is_read(void **state)
{
	CLEANUP(envelope_finish) struct envelope envelope = { 0 };
	CLEANUP(envelope_finish) struct envelope found = { 0 };
	CLEANUP(buffer_finish) struct buffer buffer = { 0 };
	struct queue_attributes attributes = scratch_attributes();
	struct queue_attributes found_attributes = { 0 };
	char marks[2];
	uint64_t offsets[2];

	(void)state;
	scratch_envelope(&envelope);
	buffer_init(&buffer, QUEUE_RECORDS_LIMIT);
	queue_records_write(&envelope, &attributes, &buffer);
	assert_null(queue_records_take_marks(&buffer, 2, marks, offsets));
	assert_memory_equal(marks, "..", 2);
	assert_null(queue_records_parse(buffer_span(&buffer), &found, &found_attributes));
	assert_true(scratch_is_same_envelope(&envelope, &found));
	assert_memory_equal(&found_attributes, &attributes, sizeof attributes);
}

/* A part of the records is enough, as soon as it has them. */
static void the_submitter_is_found_in_every_prefix(void **state)
{
	static const char text[] = START "received 1:7\nuid 4:1234\nentrance 5:local\n"
					 "report 3:yes\nrecipient . 1:b\nuid 1:9\n\n";
	size_t uid_end = (size_t)(strstr(text, "entrance") - text);
	size_t report_end = (size_t)(strstr(text, "recipient") - text);

	(void)state;
	for (size_t length = 0; length < sizeof text; length++) {
		int64_t uid = 0;
		bool is_report = false;

		queue_records_find_submitter(guarded(text, length), &uid, &is_report);
		assert_int_equal(uid, length >= uid_end ? 1234 : -1);
		assert_int_equal(is_report, length >= report_end);
	}
	int64_t uid = 0;
	bool is_report = true;
	queue_records_find_submitter(guarded_string(START "uid 1:x\n"), &uid, &is_report);
	assert_int_equal(uid, -1);
	assert_false(is_report);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_are_read),
		cmocka_unit_test(every_prefix_is_refused),
		cmocka_unit_test(what_is_written_is_read),
		cmocka_unit_test(the_submitter_is_found_in_every_prefix),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
