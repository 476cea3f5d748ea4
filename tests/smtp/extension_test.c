/* SPDX-License-Identifier: MIT */

/* Tests smtp/extension.c. */

#include "smtp/extension.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "smtp/reply.h"
#include "tests/support/guarded.h"

static void a_full_reply_is_read(void **state)
{
	struct extensions found;

	(void)state;
	extension_parse(guarded_string("250-mx.example.com at your service\r\n250-PIPELINING\r\n"
				       "250-size 35882577\n250-8BITMIME\r\n250-SMTPUTF8\r\n"
				       "250-DSN\r\n250-ENHANCEDSTATUSCODES\r\n250-STARTTLS\r\n"
				       "250-CHUNKING\r\n250-X-UNKNOWN a b\r\n250-\r\n"
				       "250-AUTH=LOGIN PLAIN\r\n250 AUTH plain XOAUTH2\r\n"),
	    &found);
	assert_true(found.is_extended && found.pipelining && found.chunking);
	assert_true(found.eight_bit_mime && found.smtputf8 && found.dsn);
	assert_true(found.enhanced_status_codes && found.starttls && found.size);
	assert_false(found.mailchute);
	assert_int_equal(found.size_limit, 35882577);
	assert_string_equal(found.auth, "LOGIN PLAIN XOAUTH2");
	assert_string_equal(found.name, "mx.example.com");
}

static void a_greeting_offers_nothing(void **state)
{
	struct extensions found;

	(void)state;
	extension_parse(guarded_string("250 PIPELINING SIZE\r\n"), &found);
	assert_true(found.is_extended);
	assert_false(found.pipelining || found.size);
	assert_string_equal(found.name, "PIPELINING");
	extension_parse(guarded_string("250"), &found);
	assert_string_equal(found.name, "");
	extension_parse(guarded_string(""), &found);
	assert_string_equal(found.name, "");
}

static void odd_lines_do_no_harm(void **state)
{
	static const struct row {
		const char *name;
		const char *line;
		bool size;
		uint64_t limit;
		const char *auth;
	} rows[] = {
		{ "no limit", "SIZE", true, 0, "" },
		{ "limit 0", "SIZE 0", true, 0, "" },
		{ "no number", "SIZE abc", true, 0, "" },
		{ "too large", "SIZE 99999999999999999999", true, 0, "" },
		{ "another word", "SIZES 5", false, 0, "" },
		{ "no mechanism", "AUTH", false, 0, "" },
		{ "twice", "AUTH PLAIN plain PLAIN", false, 0, "PLAIN" },
		{ "bad names", "AUTH PL;AIN ABCDEFGHIJKLMNOPQRSTU \x01 CRAM-MD5", false, 0,
		    "CRAM-MD5" },
		{ "old form, empty", "AUTH=", false, 0, "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char reply[200];
		struct extensions found;
		int length = snprintf(reply, sizeof reply, "250-a\r\n250 %s\r\n", rows[i].line);

		print_message("  %s\n", rows[i].name);
		extension_parse(guarded(reply, (size_t)length), &found);
		assert_int_equal(found.size, rows[i].size);
		assert_int_equal(found.size_limit, rows[i].limit);
		assert_string_equal(found.auth, rows[i].auth);
	}
}

static void long_lists_are_cut_between_names(void **state)
{
	char reply[4000];
	struct extensions found;
	int length = snprintf(reply, sizeof reply, "250-");

	(void)state;
	for (int i = 0; i < 300; i++)
		reply[length++] = 'n';
	length += snprintf(reply + length, 20, "\r\n250 AUTH");
	for (int i = 0; i < 100; i++)
		length += snprintf(reply + length, 20, " MECHANISM-%03d", i);
	extension_parse(guarded(reply, (size_t)length), &found);
	assert_int_equal(strlen(found.name), sizeof found.name - 1);
	/* 18 names of 13 octets and the blanks between them. */
	assert_int_equal(strlen(found.auth), 18 * 14 - 1);
}

static void what_is_written_is_read_the_same(void **state)
{
	struct extensions offered = { .is_extended = true,
		.pipelining = true,
		.chunking = true,
		.eight_bit_mime = true,
		.size = true,
		.size_limit = 1000,
		.mailchute = true,
		.auth = "PLAIN LOGIN",
		.name = "host.example" };
	struct extensions found;
	struct buffer text;
	struct buffer reply;

	(void)state;
	buffer_init(&text, 1000);
	buffer_init(&reply, 1000);
	extension_write(&offered, "host.example", &text);
	assert_string_equal(buffer_string(&text),
	    "host.example\nPIPELINING\nSIZE "
	    "1000\n8BITMIME\nCHUNKING\nXMAILCHUTE\nAUTH PLAIN LOGIN");
	reply_write(&reply, 250, "", buffer_string(&text));
	extension_parse(buffer_span(&reply), &found);
	assert_memory_equal(&found, &offered, sizeof found);
	buffer_finish(&text);
	buffer_finish(&reply);
}

static void nothing_offered_is_one_line(void **state)
{
	struct extensions offered = { 0 };
	struct buffer text;

	(void)state;
	buffer_init(&text, 1000);
	extension_write(&offered, "a", &text);
	assert_string_equal(buffer_string(&text), "a");
	buffer_finish(&text);
}

static void limits_are_read(void **state)
{
	static const struct row {
		const char *line;
		uint64_t mail;
		uint64_t rcpt;
	} rows[] = {
		{ "LIMITS MAILMAX=50 RCPTMAX=100 RCPTDOMAINMAX=1", 50, 100 },
		{ "limits rcptmax=7", 0, 7 },
		{ "LIMITS", 0, 0 },
		{ "LIMITS RCPTMAX=0 MAILMAX=x RCPTMAX", 0, 0 },
		{ "LIMITS RCPTMAX=99999999999999999999999", 0, 0 },
		{ "LIMIT RCPTMAX=7", 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct extensions found;
		char text[200];

		snprintf(text, sizeof text, "250-host.example\r\n250 %s\r\n", rows[i].line);
		extension_parse(guarded_string(text), &found);
		assert_int_equal(found.mail_limit, rows[i].mail);
		assert_int_equal(found.rcpt_limit, rows[i].rcpt);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(limits_are_read),
		cmocka_unit_test(a_full_reply_is_read),
		cmocka_unit_test(a_greeting_offers_nothing),
		cmocka_unit_test(odd_lines_do_no_harm),
		cmocka_unit_test(long_lists_are_cut_between_names),
		cmocka_unit_test(what_is_written_is_read_the_same),
		cmocka_unit_test(nothing_offered_is_one_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
