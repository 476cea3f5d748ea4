/* SPDX-License-Identifier: MIT */

/* Tests smtp/server/server_reply.c. */

#include "smtp/server/server.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

static void a_reply_is_set_whole(void **state)
{
	struct server_reply reply = { .closes = true };

	(void)state;
	server_reply_set(&reply, 550, "5.1.1", "no %s", "user");
	assert_int_equal(reply.code, 550);
	assert_string_equal(reply.status, "5.1.1");
	assert_string_equal(reply.text, "no user");
	assert_false(reply.closes);
}

static void a_reply_may_quote_itself(void **state)
{
	struct server_reply reply = { 0 };

	(void)state;
	server_reply_set(&reply, 550, "5.1.1", "inner");
	server_reply_set(&reply, 451, reply.status, "outer: %s", reply.text);
	assert_string_equal(reply.status, "5.1.1");
	assert_string_equal(reply.text, "outer: inner");
}

static void codes_follow_from_the_status(void **state)
{
	static const struct row {
		const char *status;
		int code;
		const char *shown;
	} rows[] = {
		{ "4.3.1", 452, "4.3.1" },
		{ "4.5.3", 452, "4.5.3" },
		{ "4.4.1", 451, "4.4.1" },
		{ "4.3.0", 451, "4.3.0" },
		{ "5.1.1", 550, "5.1.1" },
		{ "5.1.2", 550, "5.1.2" },
		{ "5.1.3", 553, "5.1.3" },
		{ "5.1.7", 553, "5.1.7" },
		{ "5.1.10", 550, "5.1.10" },
		{ "5.3.1", 552, "5.3.1" },
		{ "5.3.4", 552, "5.3.4" },
		{ "5.3.5", 554, "5.3.5" },
		{ "5.5.2", 501, "5.5.2" },
		{ "5.6.0", 554, "5.6.0" },
		{ "5.7.1", 550, "5.7.1" },
		{ "5.7.8", 535, "5.7.8" },
		{ "", 451, "4.3.0" },
		{ "2.0.0", 451, "4.3.0" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct server_reply reply = { .closes = true };
		struct error error;

		print_message("  '%s'\n", rows[i].status);
		error_set(&error, ERROR_SYSTEM, rows[i].status, "100%% wrong");
		server_reply_from_error(&reply, &error);
		assert_int_equal(reply.code, rows[i].code);
		assert_string_equal(reply.status, rows[i].shown);
		assert_string_equal(reply.text, "100% wrong");
		assert_false(reply.closes);
	}
}

/* Nothing of an error is lost on its way through the lines of a reply. */
static void a_long_error_arrives_whole(void **state)
{
	char words[ERROR_TEXT_SIZE];
	struct error error;
	struct server_reply reply;
	struct buffer output;
	struct reply read;
	char want[2000];

	(void)state;
	for (size_t i = 0; i < sizeof words - 1; i++)
		words[i] = i % 10 == 9 ? ' ' : (char)('a' + (int)(i % 26));
	words[sizeof words - 1] = '\0';
	error_set(&error, ERROR_CONFIG, "5.3.5", "%s", words);
	error_next(&error, "%s", words + ERROR_TEXT_SIZE - 300);
	server_reply_from_error(&reply, &error);

	buffer_init(&output, 10000);
	reply_write(&output, reply.code, reply.status, reply.text);
	assert_true(reply_parse(buffer_span(&output), &read, &error) > 0);
	assert_string_equal(read.text, reply.text);
	for (char *p = read.text; *p != '\0'; p++)
		if (*p == '\n')
			*p = ' ';
	snprintf(want, sizeof want, "%s %s", words, words + ERROR_TEXT_SIZE - 300);
	assert_string_equal(read.text, want);
	buffer_finish(&output);
}

static void words_without_blanks_are_broken_anywhere(void **state)
{
	char words[ERROR_TEXT_SIZE];
	struct error error;
	struct server_reply reply;
	size_t longest = 0;
	size_t total = 0;

	(void)state;
	memset(words, 'x', sizeof words - 1);
	words[sizeof words - 1] = '\0';
	error_set(&error, ERROR_CONFIG, "5.3.5", "%s", words);
	server_reply_from_error(&reply, &error);
	struct span rest = span_from_string(reply.text);
	struct span line;
	while (span_take_line(&rest, &line)) {
		longest = line.length > longest ? line.length : longest;
		total += line.length;
	}
	assert_true(longest <= 500);
	assert_int_equal(total, sizeof words - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_reply_is_set_whole),
		cmocka_unit_test(a_reply_may_quote_itself),
		cmocka_unit_test(codes_follow_from_the_status),
		cmocka_unit_test(a_long_error_arrives_whole),
		cmocka_unit_test(words_without_blanks_are_broken_anywhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
