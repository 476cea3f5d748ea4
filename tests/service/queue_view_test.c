/* SPDX-License-Identifier: MIT */

/* Tests service/queue_view.c. */

#include "service/queue_view.h"

#include <regex.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/memory.h"
#include "tests/spool/scratch.h"
#include "tests/support/cmocka.h"

/* All lines with LF behind each; pieces of JSON likewise. */
struct page {
	struct buffer text;
	size_t lines;
	size_t wanted; /* 0: all */
};

static bool take(void *context, struct span line)
{
	struct page *page = context;

	assert_true(line.length <= QUEUE_VIEW_LINE);
	assert_int_equal(span_find_byte(line, '\n'), -1);
	buffer_append_span(&page->text, line);
	buffer_append_byte(&page->text, '\n');
	return ++page->lines != page->wanted;
}

struct scene {
	struct scratch scratch;
	struct page page;
	struct queue_view view;
};

static int set_up(void **state)
{
	struct scene *scene = memory_allocate(sizeof *scene);

	setenv("TZ", "UTC", 1);
	scene->scratch = scratch_make();
	buffer_init(&scene->page.text, 4 << 20);
	scene->view = (struct queue_view){
		.queue_directory = scene->scratch.fd,
		.viewer = { .uid = 0, .sees_all = true },
		.line = take,
		.context = &scene->page,
	};
	*state = scene;
	return 0;
}

static int tear_down(void **state)
{
	struct scene *scene = *state;

	scratch_remove(&scene->scratch);
	buffer_finish(&scene->page.text);
	free(scene);
	return 0;
}

static const char *show(struct scene *scene, enum queue_view_form form)
{
	struct error error;

	buffer_clear(&scene->page.text);
	scene->page.lines = 0;
	scene->view.form = form;
	assert_int_equal(queue_view_run(&scene->view, &error), 0);
	return buffer_string(&scene->page.text);
}

static void add(struct scene *scene, char id[static QUEUE_ID_SIZE])
{
	struct error error;

	assert_int_equal(scratch_commit(scene->scratch.fd, id, &error), 0);
}

/* What an attempt leaves: "." leaves the mark. */
struct trace {
	int64_t next; /* from now */
	uint32_t attempts;
	bool is_held;
	const char *last;
	const char marks[3];
	const char *replies[2];
};

static void leave(struct scene *scene, const char *id, const struct trace *trace)
{
	CLEANUP(queue_file_finish) struct queue_file file = { 0 };
	struct error error;

	assert_int_equal(queue_file_open(&file, scene->scratch.fd, id, &error), 0);
	file.progress.next_attempt = clock_wall() + trace->next;
	file.progress.attempts = trace->attempts;
	file.progress.is_held = trace->is_held;
	snprintf(file.progress.last_reply, sizeof file.progress.last_reply, "%s", trace->last);
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(queue_file_mark(&file, i, (enum recipient_mark)trace->marks[i],
				     trace->replies[i] != NULL ? trace->replies[i] : "", &error),
		    0);
	assert_int_equal(queue_file_save_progress(&file, &error), 0);
}

static void assert_matches(const char *text, const char *pattern)
{
	regex_t compiled;

	assert_int_equal(regcomp(&compiled, pattern, REG_EXTENDED | REG_NEWLINE), 0);
	int outcome = regexec(&compiled, text, 0, NULL, 0);
	regfree(&compiled);
	if (outcome != 0)
		fail_msg("no \"%s\" in\n%s", pattern, text);
}

static void assert_matches_not(const char *text, const char *pattern)
{
	regex_t compiled;

	assert_int_equal(regcomp(&compiled, pattern, REG_EXTENDED | REG_NEWLINE), 0);
	int outcome = regexec(&compiled, text, 0, NULL, 0);
	regfree(&compiled);
	if (outcome == 0)
		fail_msg("\"%s\" in\n%s", pattern, text);
}

/* Whether mail waits or not, and never behind what monitors look at. */
static void capture_is_always_said(void **state)
{
	struct scene *scene = *state;
	char id[QUEUE_ID_SIZE];

	scene->view.capture = "/the/\"Maildir\"";
	assert_string_equal(show(scene, QUEUE_VIEW_TEXT),
	    "-- capture is on: all mail is kept in /the/\"Maildir\", none is sent\n"
	    "Mail queue is empty\n");
	assert_string_equal(
	    show(scene, QUEUE_VIEW_JSON), "{\"capture\": \"/the/\\\"Maildir\\\"\"}\n");
	assert_string_equal(show(scene, QUEUE_VIEW_COUNT), "");
	add(scene, id);
	assert_matches(show(scene, QUEUE_VIEW_TEXT), "^-- capture is on: .* none is sent$");
	assert_matches(show(scene, QUEUE_VIEW_TEXT), "^-- [0-9]+ Kbytes in 1 Request.$");
	assert_matches(show(scene, QUEUE_VIEW_JSON), "\"queue_id\"");
	scene->view.capture = NULL;
}

static void an_empty_queue_says_so(void **state)
{
	struct scene *scene = *state;

	assert_string_equal(show(scene, QUEUE_VIEW_TEXT), "Mail queue is empty\n");
	assert_string_equal(show(scene, QUEUE_VIEW_JSON), "");
	assert_string_equal(show(scene, QUEUE_VIEW_COUNT), "");
	assert_int_equal(scene->view.messages, 0);
}

/* Their regular expressions: monitoring-plugins, Checkmk, collectd and Prometheus exporters. */
static void monitors_find_what_they_look_for(void **state)
{
	struct scene *scene = *state;
	char id[QUEUE_ID_SIZE];

	add(scene, id);
	add(scene, id);
	const char *text = show(scene, QUEUE_VIEW_TEXT);
	assert_matches(
	    text, "^-Queue ID- +--Size-- ----Arrival Time---- -Sender/Recipient-------$");
	assert_matches(text, "^-- [0-9]+ Kbytes in 2 Requests\\.$");
	assert_matches(text, "^[0-9A-Z]{25}[*! ] +[0-9]+ +Sun Nov 23 06:06:40 +alice@example.org$");
	assert_matches(text, "^ {57}bob@example.net$");
	assert_int_equal(scene->view.messages, 2);
	/* A message that nothing is known about: head, recipients, and an empty line between two.
	 */
	assert_int_equal(scene->page.lines, 1 + 3 + 1 + 3 + 2);
	unlinkat(scene->scratch.fd, id, 0);
	assert_matches(show(scene, QUEUE_VIEW_TEXT), "^-- 1 Kbytes in 1 Request\\.$");
}

static void what_has_become_of_it_is_said(void **state)
{
	static const struct row {
		const char *name;
		struct trace trace;
		const char *queue_name;
		const char *has[4];
		const char *has_not;
	} rows[] = {
		{ "new", { .marks = "..", .last = "" }, "incoming", { "^[0-9A-Z]{25} " }, "\\(" },
		{ "put off", { .marks = "..", .last = "", .next = 100000 }, "incoming",
		    { "\\(0 attempts, next in 1m40s\\)$" }, "reason" },
		{ "deferred",
		    { .marks = "..", .last = "452 4.3.1 full", .attempts = 3, .next = 100000 },
		    "deferred",
		    { "^ +\\(3 attempts, next in 1m40s\\)$",
			"^ +\\(452 4.3.1 full\\)\n {57}bob@example.net\n {57}carol@example.com$" },
		    "failed" },
		{ "due", { .marks = "..", .last = "x", .attempts = 1 }, "deferred",
		    { "\\(1 attempts, next now\\)" }, NULL },
		{ "one delivered",
		    { .marks = "D.",
			.last = "old",
			.attempts = 1,
			.replies = { "250 ok", "451 b" } },
		    "deferred", { "^ +\\(451 b\\)\n {57}carol@example.com$" },
		    "bob@example.net|250 ok|old" },
		{ "one failed",
		    { .marks = "F.", .last = "451 b", .attempts = 1, .replies = { "550 a" } },
		    "deferred",
		    { "^ +\\(failed for good: 550 a\\)\n {57}bob@example.net\n +\\(451 b\\)\n" },
		    NULL },
		{ "in doubt", { .marks = "U.", .last = "", .attempts = 1, .replies = { "lost" } },
		    "deferred",
		    { "\\(in doubt: lost\\)\n {57}bob@example.net\n +\\(reason unavailable\\)\n" },
		    NULL },
		{ "held", { .marks = "..", .last = "", .attempts = 2, .is_held = true }, "hold",
		    { "^[0-9A-Z]{25}! ", "\\(held, 2 attempts\\)" }, "next" },
		{ "failed", { .marks = "FD", .last = "", .attempts = 2, .replies = { "550 a" } },
		    "failed", { "\\(failed for good: 550 a\\)\n {57}bob@example.net$" },
		    "carol|next" },
		{ "controls", { .marks = "..", .last = "a\x1b[31m\xff", .attempts = 1 }, "deferred",
		    { "\\(a\\?\\[31m\\?\\)" }, "\x1b" },
	};
	struct scene *scene = *state;

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char id[QUEUE_ID_SIZE];

		add(scene, id);
		leave(scene, id, &rows[i].trace);
		const char *text = show(scene, QUEUE_VIEW_TEXT);
		for (size_t k = 0; k < 4 && rows[i].has[k] != NULL; k++)
			assert_matches(text, rows[i].has[k]);
		if (rows[i].has_not != NULL)
			assert_matches_not(text, rows[i].has_not);
		char *name CLEANUP(memory_free_string) = memory_format(
		    "^\\{\"queue_name\": \"%s\", \"queue_id\": \"%s\", ", rows[i].queue_name, id);
		assert_matches(show(scene, QUEUE_VIEW_JSON), name);
		unlinkat(scene->scratch.fd, id, 0);
	}
}

static void an_object_has_its_keys(void **state)
{
	static const struct trace trace = { .marks = "UF",
		.last = "",
		.attempts = 1,
		.replies = { "lost \"it\"", "550 5.1.1 no" } };
	struct scene *scene = *state;
	char id[QUEUE_ID_SIZE];

	add(scene, id);
	leave(scene, id, &trace);
	const char *text = show(scene, QUEUE_VIEW_JSON);
	char *pattern CLEANUP(memory_free_string) = memory_format(
	    "^\\{\"queue_name\": \"deferred\", \"queue_id\": \"%s\", \"arrival_time\": 1763878000, "
	    "\"message_size\": [0-9]+, \"sender\": \"alice@example.org\", \"uid\": 1000, "
	    "\"attempts\": 1, \"next_attempt\": [0-9]{10}, \"recipients\": \\[ "
	    "\\{\"address\": \"bob@example.net\", \"delay_reason\": \"lost \\\\\"it\\\\\"\", "
	    "\"state\": \"in doubt\"\\}, \\{\"address\": \"carol@example.com\", "
	    "\"delay_reason\": \"550 5.1.1 no\", \"state\": \"failed\"\\}\\]\\}$",
	    id);
	assert_matches(text, pattern);
	assert_int_equal(scene->page.lines, 1);
}

static void what_is_being_delivered_is_marked(void **state)
{
	CLEANUP(queue_file_finish) struct queue_file file = { 0 };
	struct scene *scene = *state;
	struct error error;
	char id[QUEUE_ID_SIZE];

	add(scene, id);
	assert_int_equal(queue_file_open(&file, scene->scratch.fd, id, &error), 0);
	assert_matches(show(scene, QUEUE_VIEW_TEXT), "^[0-9A-Z]{25}\\* ");
	assert_matches(show(scene, QUEUE_VIEW_JSON), "\"queue_name\": \"active\"");
	queue_file_finish(&file);
	assert_matches(show(scene, QUEUE_VIEW_TEXT), "^[0-9A-Z]{25}  ");
	/* Looking has not left it locked. */
	assert_int_equal(queue_file_open(&file, scene->scratch.fd, id, &error), 0);
}

static void a_damaged_file_does_not_hide_the_others(void **state)
{
	struct scene *scene = *state;
	char ids[3][QUEUE_ID_SIZE];

	for (size_t i = 0; i < 3; i++)
		add(scene, ids[i]);
	CLEANUP(file_close)
	int fd = openat(scene->scratch.fd, ids[1], O_WRONLY | O_TRUNC | O_CLOEXEC);
	assert_true(fd >= 0);
	const char *text = show(scene, QUEUE_VIEW_TEXT);
	assert_matches(text, "in 3 Requests");
	assert_matches(text, "\\(does not check out: .* is empty\\)");
	assert_matches(show(scene, QUEUE_VIEW_JSON),
	    "^\\{\"queue_name\": \"damaged\", .*\"recipients\": "
	    "\\[\\], \"error\": \".*empty\"\\}$");
	assert_int_equal(scene->view.messages, 3);
}

static void an_ordinary_user_sees_his_own_alone(void **state)
{
	struct scene *scene = *state;
	char id[QUEUE_ID_SIZE];

	add(scene, id);
	scene->view.viewer = (struct queue_viewer){ .uid = 1000 };
	assert_matches(show(scene, QUEUE_VIEW_TEXT), "in 1 Request");
	scene->view.viewer = (struct queue_viewer){ .uid = 1001 };
	assert_string_equal(show(scene, QUEUE_VIEW_TEXT), "Mail queue is empty\n");
	assert_string_equal(show(scene, QUEUE_VIEW_JSON), "");
	assert_int_equal(scene->view.messages + scene->view.octets, 0);
}

/* Every piece but the first of an object begins otherwise, so that lines can be made of them. */
static void very_many_recipients_come_in_pieces(void **state)
{
	struct scene *scene = *state;
	struct queue_attributes attributes = scratch_attributes();
	CLEANUP(envelope_finish) struct envelope envelope = { 0 };
	CLEANUP(queue_file_finish) struct queue_file file = { 0 };
	size_t heads = 0;
	size_t addresses = 0;
	struct error error;
	char id[QUEUE_ID_SIZE];

	add(scene, id);
	assert_int_equal(envelope_set_sender(&envelope, span_from_string("a@b.c"), &error), 0);
	for (int i = 0; i < ENVELOPE_RECIPIENT_LIMIT; i++) {
		char address[64];

		snprintf(address, sizeof address, "\"%d\\\"\"@example.org", i);
		assert_int_equal(envelope_add_recipient(&envelope, span_from_string(address),
				     span_from_string(""), 0, &error),
		    0);
	}
	assert_int_equal(
	    queue_file_create(&file, scene->scratch.fd, &envelope, &attributes, &error), 0);
	assert_int_equal(queue_file_commit(&file, &error), 0);
	queue_file_finish(&file);
	add(scene, id);
	struct span rest = span_from_string(show(scene, QUEUE_VIEW_JSON));
	struct span line;
	while (span_take_line(&rest, &line)) {
		heads += span_starts_with(line, "{");
		for (size_t i = 0; i + 9 < line.length; i++)
			addresses += memcmp(line.start + i, "\"address\"", 9) == 0;
	}
	assert_int_equal(heads, 3);
	assert_int_equal(addresses, ENVELOPE_RECIPIENT_LIMIT + 4);
	assert_in_range(scene->page.lines, 20, 1000);
}

static void who_has_seen_enough_gets_no_more(void **state)
{
	struct scene *scene = *state;
	char id[QUEUE_ID_SIZE];

	for (size_t i = 0; i < 3; i++)
		add(scene, id);
	for (size_t wanted = 1; wanted < 10; wanted++) {
		scene->page.wanted = wanted;
		(void)show(scene, QUEUE_VIEW_TEXT);
		assert_int_equal(scene->page.lines, wanted);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(an_empty_queue_says_so, set_up, tear_down),
		cmocka_unit_test_setup_teardown(capture_is_always_said, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    monitors_find_what_they_look_for, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_has_become_of_it_is_said, set_up, tear_down),
		cmocka_unit_test_setup_teardown(an_object_has_its_keys, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    what_is_being_delivered_is_marked, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    a_damaged_file_does_not_hide_the_others, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    an_ordinary_user_sees_his_own_alone, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    very_many_recipients_come_in_pieces, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    who_has_seen_enough_gets_no_more, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
