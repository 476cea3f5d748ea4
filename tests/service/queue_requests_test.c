/* SPDX-License-Identifier: MIT */

/* Tests service/queue_requests.c: the service at the other end of a channel. */

#include "service/queue_requests.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "tests/support/cmocka.h"
#include "tests/support/guarded.h"

static const char id[] = "0123456789ABCDEFGHJKMNPQR";

static void counts_are_written_and_read(void **state)
{
	static const struct row {
		struct queue_counts counts;
		const char *text;
	} rows[] = {
		{ { 0, 0, 0, -1 }, "due=0 active=0 later=0 next=-1" },
		{ { 1, 2, 3, 4000 }, "due=1 active=2 later=3 next=4000" },
		{ { 50000, 129, 1, 0 }, "due=50000 active=129 later=1 next=0" },
	};
	static const char *const wrong[] = { "", "due=1", "due=1 active=2 later=3",
		"due=1 active=2 later=3 next=", "due=1 active=2 later=3 next=x",
		"due=1 active=2 later=3 next=-2", "due= active=2 later=3 next=4",
		"active=2 due=1 later=3 next=4", "due=1 active=2 later=3 next=4 more=5",
		"due=-1 active=2 later=3 next=4" };

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct queue_counts counts = { 9, 9, 9, 9 };
		char text[QUEUE_COUNTS_SIZE];

		queue_counts_format(&rows[i].counts, text);
		assert_string_equal(text, rows[i].text);
		assert_true(queue_counts_parse(guarded_string(text), &counts));
		assert_memory_equal(&counts, &rows[i].counts, sizeof counts);
	}
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		struct queue_counts counts;

		if (queue_counts_parse(guarded_string(wrong[i]), &counts))
			fail_msg("%s", wrong[i]);
	}
}

static void counts_are_added(void **state)
{
	struct queue_counts sum = { .next = -1 };

	(void)state;
	queue_counts_add(&sum, &(struct queue_counts){ 1, 2, 3, 500 });
	assert_int_equal(sum.next, 500);
	queue_counts_add(&sum, &(struct queue_counts){ 1, 1, 1, -1 });
	assert_int_equal(sum.next, 500);
	queue_counts_add(&sum, &(struct queue_counts){ 0, 0, 1, 7 });
	queue_counts_add(&sum, &(struct queue_counts){ 0, 0, 1, 900 });
	assert_memory_equal(&sum, (&(struct queue_counts){ 2, 3, 6, 7 }), sizeof sum);
}

/* Both ends; what the service says is there before it is asked. */
struct pair {
	struct channel child;
	struct channel service;
};

static void connect_pair(struct pair *pair)
{
	int ends[2];

	assert_int_equal(channel_pair(ends), 0);
	channel_init_take_fd(&pair->child, ends[0]);
	channel_init_take_fd(&pair->service, ends[1]);
}

static void finish_pair(struct pair *pair)
{
	channel_finish(&pair->child);
	channel_finish(&pair->service);
}

static void answer(struct pair *pair, enum notice_kind kind, const char *text)
{
	struct notice notice = { .kind = kind, .id = NOTICE_NO_ID, .status = "4.2.0" };

	snprintf(notice.text, sizeof notice.text, "%s", text);
	assert_int_equal(notice_send(&pair->service, &notice), 0);
}

static void a_change_is_asked_for_until_the_file_is_free(void **state)
{
	struct queue_change change = { 0 };
	struct notice asked = { 0 };
	struct error error;
	struct pair pair;

	(void)state;
	connect_pair(&pair);
	/* Of something else, from before. */
	answer(&pair, NOTICE_PAUSED, "tried 3 seconds ago");
	answer(&pair, NOTICE_CHANGED, "~busy");
	answer(&pair, NOTICE_CHANGED, "-is being delivered now");
	assert_int_equal(queue_requests_change(&pair.child, id, QUEUE_REMOVE, &change, &error), 0);
	assert_int_equal(change.sign, QUEUE_CHANGE_REFUSED);
	assert_string_equal(change.text, "is being delivered now");
	assert_string_equal(change.status, "4.2.0");
	for (int i = 0; i < 2; i++) {
		if (i == 0)
			assert_true(channel_fill(&pair.service) > 0);
		assert_int_equal(notice_take(&pair.service, &asked), 1);
		assert_int_equal(asked.kind, NOTICE_CHANGE);
		assert_string_equal(asked.id, id);
		assert_string_equal(asked.text, "M");
	}
	finish_pair(&pair);
}

static void an_answer_is_what_was_meant(void **state)
{
	struct queue_change change = { 0 };
	struct queue_change again = { 0 };
	struct notice notice = { .id = NOTICE_NO_ID };
	struct error error;
	struct pair pair;

	(void)state;
	queue_change_set(&change, QUEUE_CHANGE_DONE, "2.0.0", "%s", "held");
	queue_requests_answer(&change, &notice);
	connect_pair(&pair);
	assert_int_equal(notice_send(&pair.service, &notice), 0);
	assert_int_equal(queue_requests_change(&pair.child, id, QUEUE_HOLD, &again, &error), 0);
	assert_int_equal(again.sign, QUEUE_CHANGE_DONE);
	assert_string_equal(again.text, "held");
	finish_pair(&pair);
}

static void who_is_gone_or_raves_is_no_service(void **state)
{
	static const char *const rows[] = { "", "x", NULL };

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct queue_change change = { 0 };
		struct queue_counts counts;
		struct error error;
		struct pair pair;

		connect_pair(&pair);
		if (rows[i] != NULL) {
			answer(&pair, NOTICE_CHANGED, rows[i]);
			answer(&pair, NOTICE_COUNTED, rows[i]);
		} else {
			channel_finish(&pair.service);
		}
		assert_int_equal(
		    queue_requests_change(&pair.child, id, QUEUE_HOLD, &change, &error), -1);
		assert_string_equal(error.status, "4.3.2");
		assert_int_equal(
		    queue_requests_count(&pair.child, span_from_string(""), &counts, &error), -1);
		finish_pair(&pair);
	}
	struct channel none = { .fd = -1 };
	struct queue_change change;
	struct error error;
	assert_int_equal(queue_requests_change(&none, id, QUEUE_HOLD, &change, &error), -1);
}

static void counting_takes_the_ids_along(void **state)
{
	CLEANUP(buffer_finish) struct buffer lines = { 0 };
	struct queue_counts counts = { 0 };
	struct notice asked = { 0 };
	struct error error;
	struct pair pair;

	(void)state;
	connect_pair(&pair);
	answer(&pair, NOTICE_COUNTED, "due=1 active=2 later=3 next=4");
	assert_int_equal(
	    queue_requests_count(&pair.child, span_from_string("A\nB\n"), &counts, &error), 0);
	assert_int_equal(counts.later, 3);
	buffer_init(&lines, NOTICE_LINES);
	assert_true(channel_fill(&pair.service) > 0);
	assert_int_equal(notice_take_lines(&pair.service, &asked, &lines), 1);
	assert_int_equal(asked.kind, NOTICE_COUNT);
	assert_string_equal(buffer_string(&lines), "A\nB\n");
	finish_pair(&pair);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counts_are_written_and_read),
		cmocka_unit_test(counts_are_added),
		cmocka_unit_test(a_change_is_asked_for_until_the_file_is_free),
		cmocka_unit_test(an_answer_is_what_was_meant),
		cmocka_unit_test(who_is_gone_or_raves_is_no_service),
		cmocka_unit_test(counting_takes_the_ids_along),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
