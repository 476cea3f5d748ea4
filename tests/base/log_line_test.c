/* SPDX-License-Identifier: MIT */

/* Tests base/log_line.c: each target's form, as its readers know it. */

#include "base/log_line.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/memory.h"
#include "tests/support/cmocka.h"

static const struct log_line text = {
	.level = 6,
	.program = "mailchute",
	.part = "smtp",
	.host = "box",
	.pid = 77,
	.wall = 1700000000123,
	.queue_id = "0AB",
	.text = { "0AB: removed", 12 },
};

static const struct log_line object = {
	.level = 3,
	.program = "mailchute",
	.host = "box",
	.pid = 77,
	.wall = 1700000000123,
	.text = { "{\"a\":1}", 7 },
	.is_json = true,
};

static void plain(const struct log_line *line, struct buffer *out)
{
	log_line_plain(line, false, out);
}

static void with_priority(const struct log_line *line, struct buffer *out)
{
	log_line_plain(line, true, out);
}

static void each_target_has_its_form(void **state)
{
	static const struct row {
		const char *name;
		const struct log_line *line;
		void (*act)(const struct log_line *line, struct buffer *out);
		const char *expected;
	} rows[] = {
		{ "plain", &text, plain, "mailchute/smtp: 0AB: removed\n" },
		{ "plain object", &object, plain, "{\"a\":1}\n" },
		{ "priority", &text, with_priority, "<6>mailchute/smtp: 0AB: removed\n" },
		{ "priority of an object", &object, with_priority, "<3>{\"a\":1}\n" },
		{ "dated", &text, log_line_dated,
		    "2023-11-14T22:13:20.123Z box mailchute/smtp[77]: 0AB: removed\n" },
		{ "dated object", &object, log_line_dated, "{\"a\":1}\n" },
		{ "syslog", &text, log_line_syslog,
		    "<22>Nov 14 22:13:20 mailchute/smtp[77]: 0AB: removed" },
		{ "syslog of an object", &object, log_line_syslog,
		    "<19>Nov 14 22:13:20 mailchute[77]: {\"a\":1}" },
		{ "journal", &text, log_line_journal,
		    "PRIORITY=6\nSYSLOG_FACILITY=2\nSYSLOG_IDENTIFIER=mailchute/smtp\n"
		    "MAILCHUTE_QUEUE_ID=0AB\nMESSAGE=0AB: removed\n" },
		{ "journal of an object", &object, log_line_journal,
		    "PRIORITY=3\nSYSLOG_FACILITY=2\nSYSLOG_IDENTIFIER=mailchute\n"
		    "MESSAGE={\"a\":1}\n" },
	};

	(void)state;
	(void)setenv("TZ", "UTC", 1);
	tzset();
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct buffer out CLEANUP(buffer_finish) = { 0 };

		buffer_init(&out, 1000);
		rows[i].act(rows[i].line, &out);
		if (strcmp(buffer_string(&out), rows[i].expected) != 0)
			fail_msg("%s: %s", rows[i].name, buffer_string(&out));
	}
}

static void days_of_one_digit_keep_their_place(void **state)
{
	struct buffer out CLEANUP(buffer_finish) = { 0 };
	struct log_line line = text;

	(void)state;
	buffer_init(&out, 1000);
	line.wall = 946857600000; /* 2000-01-03 00:00 */
	log_line_syslog(&line, &out);
	assert_string_equal(
	    buffer_string(&out), "<22>Jan  3 00:00:00 mailchute/smtp[77]: 0AB: removed");
}

static void times_are_those_of_rfc_3339(void **state)
{
	char when[LOG_LINE_TIME_SIZE];

	(void)state;
	log_line_time(0, when);
	assert_string_equal(when, "1970-01-01T00:00:00.000Z");
	log_line_time(4107542399999, when);
	assert_string_equal(when, "2100-02-28T23:59:59.999Z");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_target_has_its_form),
		cmocka_unit_test(days_of_one_digit_keep_their_place),
		cmocka_unit_test(times_are_those_of_rfc_3339),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
