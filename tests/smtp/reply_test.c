/* SPDX-License-Identifier: MIT */

/* Tests smtp/reply.c. */

#include "smtp/reply.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/support/guarded.h"

static const struct row {
	const char *name;
	const char *input;
	ssize_t taken; /* -2: all of it */
	int code;
	const char *status;
	const char *text;
} rows[] = {
	{ "one line", "250 2.0.0 ok\r\n", -2, 250, "2.0.0", "ok" },
	{ "no status", "250 ok\r\n", -2, 250, "", "ok" },
	{ "LF alone", "250 ok\n", -2, 250, "", "ok" },
	{ "code alone", "250\r\n", -2, 250, "", "" },
	{ "code and blank", "250 \r\n", -2, 250, "", "" },
	{ "status alone", "250 2.0.0\r\n", -2, 250, "2.0.0", "" },
	{ "several lines", "550-5.1.1 no\r\n550-5.1.1\r\n550 5.1.1 user\r\n", -2, 550, "5.1.1",
	    "no\n\nuser" },
	{ "another status on the second line", "550-5.1.1 a\r\n550 5.2.2 b\r\n", -2, 550, "5.1.1",
	    "a\n5.2.2 b" },
	{ "status on the last line only", "550-a\r\n550 5.2.2 b\r\n", -2, 550, "5.2.2", "a\nb" },
	{ "last line without text", "250-a\r\n250\r\n", -2, 250, "", "a\n" },
	{ "status of another class stays text", "450 5.1.1 odd\r\n", -2, 450, "", "5.1.1 odd" },
	{ "354 has no status", "354 3.0.0 go\r\n", -2, 354, "", "3.0.0 go" },
	{ "the rest is left", "250 a\r\n250 b\r\n", 7, 250, "", "a" },
	{ "controls are masked", "250 a\x1b[2J\x01\r:\tb\x7f\r\n", -2, 250, "", "a?[2J??:\tb?" },
	{ "8-bit is kept", "250 \xc3\xa4\r\n", -2, 250, "", "\xc3\xa4" },
	{ "codes differ", "250-a\r\n251 b\r\n", -1, 0, "", "" },
	{ "codes differ in a middle line", "250-a\r\n550-b\r\n250 c\r\n", -1, 0, "", "" },
	{ "class 1", "150 a\r\n", -1, 0, "", "" },
	{ "class 6", "650 a\r\n", -1, 0, "", "" },
	{ "two digits", "25 a\r\n", -1, 0, "", "" },
	{ "four digits", "2500 a\r\n", -1, 0, "", "" },
	{ "a letter in the code", "2x0 a\r\n", -1, 0, "", "" },
	{ "tab after the code", "250\ta\r\n", -1, 0, "", "" },
	{ "blank before the code", " 250 a\r\n", -1, 0, "", "" },
	{ "empty line", "\r\n", -1, 0, "", "" },
	{ "empty line after a first one", "250-a\r\n\r\n", -1, 0, "", "" },
	{ "something else", "HTTP/1.1 400 Bad Request\r\n", -1, 0, "", "" },
};

static void replies_are_read_by_the_table(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct reply reply = { .code = 777 };
		struct error error = { 0 };
		ssize_t want = rows[i].taken == -2 ? (ssize_t)strlen(rows[i].input) : rows[i].taken;

		print_message("  %s\n", rows[i].name);
		assert_int_equal(reply_parse(guarded_string(rows[i].input), &reply, &error), want);
		if (want < 0) {
			assert_int_equal(reply.code, 777);
			assert_int_equal(error.kind, ERROR_UNAVAILABLE);
			continue;
		}
		assert_int_equal(reply.code, rows[i].code);
		assert_string_equal(reply.status, rows[i].status);
		assert_string_equal(reply.text, rows[i].text);
	}
}

/* Cut anywhere it is "not yet", and the reply stays untouched. */
static void a_prefix_is_never_a_reply(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		size_t length = rows[i].taken > 0 ? (size_t)rows[i].taken : strlen(rows[i].input);

		for (size_t cut = 0; rows[i].taken != -1 && cut < length; cut++) {
			struct reply reply = { .code = 777 };
			struct error error;

			assert_int_equal(
			    reply_parse(guarded(rows[i].input, cut), &reply, &error), 0);
			assert_int_equal(reply.code, 777);
		}
	}
}

/* Lines of this length, CRLF included, the last one closing the reply. */
static struct span make_reply(size_t lines, size_t length, bool is_closed)
{
	struct buffer input;

	buffer_init(&input, 1 << 20);
	for (size_t i = 0; i < lines; i++) {
		buffer_append_string(&input, i + 1 == lines && is_closed ? "250 " : "250-");
		for (size_t j = 6; j < length; j++)
			buffer_append_byte(&input, 'x');
		buffer_append_string(&input, "\r\n");
	}
	struct span copy = guarded(input.start, input.length);
	buffer_finish(&input);
	return copy;
}

static void limits_hold(void **state)
{
	static const struct limit {
		const char *name;
		size_t lines;
		size_t length;
		bool is_closed;
		int outcome;
	} limits[] = {
		{ "longest line", 1, 2048, true, 1 },
		{ "line too long", 1, 2049, true, -1 },
		{ "most lines", 128, 100, true, 1 },
		{ "lines too many", 129, 100, true, -1 },
		{ "lines too many, and no end", 128, 100, false, -1 },
		{ "most octets", 32, 2048, true, 1 },
		{ "octets too many", 33, 2048, true, -1 },
		{ "octets too many, and no end", 33, 2048, false, -1 },
		{ "still waiting", 31, 2048, false, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
		struct reply reply;
		struct error error;
		struct span input = make_reply(
		    limits[i].lines, limits[i].length, limits[i].is_closed);
		ssize_t outcome = reply_parse(input, &reply, &error);

		print_message("  %s\n", limits[i].name);
		assert_int_equal(outcome < 0 ? -1 : outcome > 0, limits[i].outcome);
	}
}

static void an_endless_line_is_refused_before_its_end(void **state)
{
	char line[REPLY_LINE_LIMIT];
	struct reply reply;
	struct error error;

	(void)state;
	memset(line, '2', sizeof line);
	assert_int_equal(reply_parse(guarded(line, sizeof line - 1), &reply, &error), 0);
	assert_int_equal(reply_parse(guarded(line, sizeof line), &reply, &error), -1);
}

static void a_text_too_long_is_cut(void **state)
{
	struct reply reply;
	struct error error;

	(void)state;
	assert_true(reply_parse(make_reply(10, 1000, true), &reply, &error) > 0);
	assert_int_equal(strlen(reply.text), REPLY_TEXT_SIZE - 1);
}

static void lines_for_people(void **state)
{
	static const struct line {
		struct reply reply;
		size_t size;
		const char *want;
	} lines[] = {
		{ { 550, "5.1.1", "no such user" }, 100, "550 5.1.1 no such user" },
		{ { 550, "", "no\nsuch\tuser" }, 100, "550 no / such user" },
		{ { 550, "5.1.1", "" }, 100, "550 5.1.1" },
		{ { 250, "", "" }, 100, "250" },
		{ { 550, "5.1.1", "no such user" }, 23, "550 5.1.1 no such user" },
		{ { 550, "5.1.1", "no such user" }, 22, "550 5.1.1 no such ..." },
		{ { 550, "5.1.1", "no such user" }, 8, "550 ..." },
		{ { 550, "5.1.1", "no\nsuch user" }, 14, "550 5.1.1 ..." },
	};

	(void)state;
	for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
		char text[100];

		memset(text, '#', sizeof text);
		reply_line(&lines[i].reply, text, lines[i].size);
		assert_string_equal(text, lines[i].want);
	}
}

static void status_follows_from_the_code(void **state)
{
	struct reply reply = { .code = 552 };

	(void)state;
	assert_string_equal(reply_status(&reply), "5.0.0");
	reply.code = 421;
	assert_string_equal(reply_status(&reply), "4.0.0");
	reply.code = 250;
	assert_string_equal(reply_status(&reply), "2.0.0");
	memcpy(reply.status, "2.1.5", 6);
	assert_string_equal(reply_status(&reply), "2.1.5");
}

static void replies_are_written(void **state)
{
	static const struct written {
		int code;
		const char *status;
		const char *text;
		const char *want;
	} written[] = {
		{ 250, "2.0.0", "ok", "250 2.0.0 ok\r\n" },
		{ 250, "", "a\nb", "250-a\r\n250 b\r\n" },
		{ 550, "5.1.1", "a\n\nb\n", "550-5.1.1 a\r\n550-5.1.1\r\n550 5.1.1 b\r\n" },
		{ 250, "", "", "250 \r\n" },
		{ 250, "2.0.0", "", "250 2.0.0\r\n" },
		{ 334, "", "", "334 \r\n" },
		{ 250, "", "a\rb\x1b\tc\x7f", "250 a?b?\tc?\r\n" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof written / sizeof written[0]; i++) {
		struct buffer output;

		buffer_init(&output, 1000);
		reply_write(&output, written[i].code, written[i].status, written[i].text);
		assert_string_equal(buffer_string(&output), written[i].want);
		buffer_finish(&output);
	}
}

static void what_is_written_can_be_read(void **state)
{
	char text[2001];
	struct buffer output;
	struct reply reply;
	struct error error;

	(void)state;
	memset(text, 'x', sizeof text - 1);
	text[1000] = '\n';
	text[2000] = '\0';
	buffer_init(&output, 10000);
	reply_write(&output, 550, "5.7.1", text);
	struct span input = guarded(output.start, output.length);
	assert_int_equal(reply_parse(input, &reply, &error), input.length);
	assert_int_equal(reply.code, 550);
	assert_string_equal(reply.status, "5.7.1");
	assert_int_equal(strlen(reply.text), 500 + 1 + 500);
	buffer_finish(&output);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(replies_are_read_by_the_table),
		cmocka_unit_test(a_prefix_is_never_a_reply),
		cmocka_unit_test(limits_hold),
		cmocka_unit_test(an_endless_line_is_refused_before_its_end),
		cmocka_unit_test(a_text_too_long_is_cut),
		cmocka_unit_test(lines_for_people),
		cmocka_unit_test(status_follows_from_the_code),
		cmocka_unit_test(replies_are_written),
		cmocka_unit_test(what_is_written_can_be_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
