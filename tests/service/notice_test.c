/* SPDX-License-Identifier: MIT */

/* Tests service/notice.c: the service believes nothing that a receive process says. */

#include "service/notice.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/cmocka.h"

struct ends {
	struct channel a;
	struct channel b;
};

static void open_ends(struct ends *ends)
{
	int fds[2];

	assert_int_equal(channel_pair(fds), 0);
	channel_init_take_fd(&ends->a, fds[0]);
	channel_init_take_fd(&ends->b, fds[1]);
}

static void close_ends(struct ends *ends)
{
	channel_finish(&ends->a);
	channel_finish(&ends->b);
}

static struct notice good_notice(void)
{
	struct notice notice = {
		.kind = NOTICE_QUEUED, .wants_outcome = true, .status = "2.0.0", .text = "queued"
	};

	queue_id_generate(notice.id);
	return notice;
}

static void a_notice_arrives_as_it_was_sent(void **state)
{
	struct ends ends;
	struct notice sent = good_notice();
	struct notice got = { 0 };

	(void)state;
	open_ends(&ends);
	assert_int_equal(notice_take(&ends.b, &got), 0);
	assert_int_equal(notice_send(&ends.a, &sent), 0);
	assert_int_equal(channel_fill(&ends.b), 1);
	assert_int_equal(notice_take(&ends.b, &got), 1);
	assert_int_equal(got.kind, sent.kind);
	assert_true(got.wants_outcome);
	assert_string_equal(got.id, sent.id);
	assert_string_equal(got.text, sent.text);
	close_ends(&ends);
}

static void lines_travel_behind_a_notice(void **state)
{
	struct ends ends;
	struct notice sent = good_notice();
	struct notice got = { 0 };
	struct buffer lines;

	(void)state;
	open_ends(&ends);
	buffer_init(&lines, NOTICE_LINES);
	sent.kind = NOTICE_TRACE;
	assert_int_equal(notice_send_lines(&ends.a, &sent, span_from_string("one\ntwo\n")), 0);
	assert_int_equal(notice_send(&ends.a, &sent), 0);
	assert_int_equal(notice_send_lines(&ends.a, &sent, span_from_string("not asked for\n")), 0);
	assert_int_equal(channel_fill(&ends.b), 1);
	assert_int_equal(notice_take_lines(&ends.b, &got, &lines), 1);
	assert_int_equal(got.kind, NOTICE_TRACE);
	assert_string_equal(got.id, sent.id);
	assert_string_equal(buffer_string(&lines), "one\ntwo\n");
	assert_int_equal(notice_take_lines(&ends.b, &got, &lines), 1);
	assert_string_equal(buffer_string(&lines), "one\ntwo\n");
	assert_int_equal(notice_take(&ends.b, &got), -1);
	buffer_finish(&lines);
	close_ends(&ends);
}

static size_t count_open(void)
{
	size_t count = 0;

	for (int fd = 0; fd < 200; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

static void a_descriptor_travels_with_a_notice(void **state)
{
	struct ends ends;
	struct notice sent = good_notice();
	struct notice got = { 0 };
	int fd = -1;

	(void)state;
	open_ends(&ends);
	size_t before = count_open();
	assert_int_equal(notice_send_descriptor(&ends.a, &sent, STDIN_FILENO), 0);
	assert_int_equal(channel_fill(&ends.b), 1);
	assert_int_equal(notice_take_descriptor(&ends.b, &got, NULL, &fd), 1);
	assert_true(fd > STDERR_FILENO);
	assert_true(fcntl(fd, F_GETFD) >= 0);
	(void)close(fd);
	/* Who wants none keeps none, whatever else is wrong. */
	assert_int_equal(notice_send_descriptor(&ends.a, &sent, STDIN_FILENO), 0);
	memset(sent.text, 'x', sizeof sent.text);
	assert_int_equal(notice_send_descriptor(&ends.a, &sent, STDIN_FILENO), 0);
	assert_int_equal(channel_fill(&ends.b), 1);
	assert_int_equal(notice_take(&ends.b, &got), 1);
	while (ends.b.input.length == 0)
		assert_int_equal(channel_fill(&ends.b), 1);
	fd = -1;
	assert_int_equal(notice_take_descriptor(&ends.b, &got, NULL, &fd), -1);
	assert_int_equal(fd, -1);
	assert_int_equal(count_open(), before);
	close_ends(&ends);
}

static void refuse(struct notice bad, size_t length)
{
	struct ends ends;
	struct notice got = { 0 };

	open_ends(&ends);
	assert_int_equal(channel_send(&ends.a, span_from_bytes((const char *)&bad, length), -1), 0);
	assert_int_equal(channel_fill(&ends.b), 1);
	assert_int_equal(notice_take(&ends.b, &got), -1);
	assert_int_equal(got.kind, 0);
	close_ends(&ends);
}

static void what_is_no_notice_is_refused(void **state)
{
	struct notice bad = good_notice();

	(void)state;
	refuse(bad, sizeof bad - 1);
	refuse(bad, 0);
	memset(bad.id, 'A', sizeof bad.id);
	refuse(bad, sizeof bad);
	bad = good_notice();
	memcpy(bad.id, "../../../../etc/passwd", sizeof "../../../../etc/passwd");
	refuse(bad, sizeof bad);
	bad = good_notice();
	memset(bad.text, 'x', sizeof bad.text);
	refuse(bad, sizeof bad);
	bad = good_notice();
	memset(bad.status, '5', sizeof bad.status);
	refuse(bad, sizeof bad);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_notice_arrives_as_it_was_sent),
		cmocka_unit_test(lines_travel_behind_a_notice),
		cmocka_unit_test(a_descriptor_travels_with_a_notice),
		cmocka_unit_test(what_is_no_notice_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
