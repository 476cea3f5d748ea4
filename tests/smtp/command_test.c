/* SPDX-License-Identifier: MIT */

/* Tests smtp/command.c. */

#include "smtp/command.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "tests/support/guarded.h"

static void verbs_are_known_in_any_case(void **state)
{
	static const struct row {
		const char *line;
		enum command_verb verb;
		const char *argument;
	} rows[] = {
		{ "EHLO me.example", COMMAND_EHLO, "me.example" },
		{ "ehlo\t me.example  ", COMMAND_EHLO, "me.example" },
		{ "HELO [127.0.0.1]", COMMAND_HELO, "[127.0.0.1]" },
		{ "LhLo x", COMMAND_LHLO, "x" },
		{ "DATA", COMMAND_DATA, "" },
		{ "data  ", COMMAND_DATA, "" },
		{ "RSET", COMMAND_RSET, "" },
		{ "NOOP", COMMAND_NOOP, "" },
		{ "NOOP what ever", COMMAND_NOOP, "what ever" },
		{ "HELP", COMMAND_HELP, "" },
		{ "VRFY a", COMMAND_VRFY, "a" },
		{ "VRFY <a@b.example> smtputf8", COMMAND_VRFY, "<a@b.example> smtputf8" },
		{ "XPLAIN", COMMAND_XPLAIN, "" },
		{ "EXPN list", COMMAND_EXPN, "list" },
		{ "STARTTLS", COMMAND_STARTTLS, "" },
		{ "AUTH PLAIN AGEAYg==", COMMAND_AUTH, "PLAIN AGEAYg==" },
		{ "QUIT", COMMAND_QUIT, "" },
		{ "XQUEUE LIST", COMMAND_XQUEUE, "LIST" },
		{ "XEXPLAIN <> <a>", COMMAND_XEXPLAIN, "<> <a>" },
		{ "", COMMAND_UNKNOWN, NULL },
		{ "  ", COMMAND_UNKNOWN, NULL },
		{ "DATAX", COMMAND_UNKNOWN, NULL },
		{ "DAT", COMMAND_UNKNOWN, NULL },
		{ "MAILFROM:<a@b>", COMMAND_UNKNOWN, NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct command command;
		struct error error = { 0 };

		print_message("  '%s'\n", rows[i].line);
		assert_int_equal(command_parse(guarded_string(rows[i].line), &command, &error), 0);
		assert_int_equal(command.verb, rows[i].verb);
		if (rows[i].argument != NULL)
			assert_true(span_equals_string(command.argument, rows[i].argument));
	}
}

static void addresses_are_taken_in_their_forms(void **state)
{
	static const struct row {
		const char *line;
		const char *address;
	} rows[] = {
		{ "MAIL FROM:<a@b.example>", "a@b.example" },
		{ "mail from:<A@b.example>", "A@b.example" },
		{ "MAIL FROM: <a@b.example>", "a@b.example" },
		{ "MAIL FROM : <a@b.example>", "a@b.example" },
		{ "MAIL FROM:<>", "" },
		{ "MAIL FROM:<root>", "root" },
		{ "MAIL FROM:a@b.example", "a@b.example" },
		{ "MAIL FROM:a@b.example SIZE=5", "a@b.example" },
		{ "MAIL FROM:<@x.example,@y.example:a@b.example>", "a@b.example" },
		{ "RCPT TO:<\"a>b\"@b.example>", "\"a>b\"@b.example" },
		{ "RCPT TO:<\"a\\\">b\"@b.example>", "\"a\\\">b\"@b.example" },
		{ "RCPT TO:<\"a b\"@b.example>", "\"a b\"@b.example" },
		{ "RCPT TO:<\xc3\xa4@b.example>", "\xc3\xa4@b.example" },
		{ "RCPT TO:<a@[192.0.2.1]>", "a@[192.0.2.1]" },
		{ "RCPT TO:<Postmaster>", "Postmaster" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct command command;
		struct error error = { 0 };

		print_message("  %s\n", rows[i].line);
		assert_int_equal(command_parse(guarded_string(rows[i].line), &command, &error), 0);
		assert_true(span_equals_string(command.address, rows[i].address));
	}
}

static void a_question_about_a_message_is_read(void **state)
{
	static const struct row {
		const char *line;
		const char *sender;
		const char *recipient;
		bool is_self;
		bool is_online;
	} rows[] = {
		{ "XEXPLAIN <a@b.example> <c@d.example>", "a@b.example", "c@d.example", false,
		    false },
		{ "xexplain <> <root>", "", "root", false, false },
		{ "XEXPLAIN  <a>\t<c> ", "a", "c", false, false },
		{ "XEXPLAIN self <c>", "", "c", true, false },
		{ "XEXPLAIN SELF <c>", "", "c", true, false },
		{ "XEXPLAIN <self> <c>", "self", "c", false, false },
		{ "XEXPLAIN self <c> online", "", "c", true, true },
		{ "XEXPLAIN <a> <c> ONLINE ", "a", "c", false, true },
		{ "XEXPLAIN <\"a> <b\"@d.example> <\"c>\\\"\"@d.example> ONLINE",
		    "\"a> <b\"@d.example", "\"c>\\\"\"@d.example", false, true },
		{ "XEXPLAIN <@x.example:a> <@y.example:\xc3\xa4@b.example>", "a",
		    "\xc3\xa4@b.example", false, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct command command;
		struct error error = { 0 };

		print_message("  %s\n", rows[i].line);
		assert_int_equal(command_parse(guarded_string(rows[i].line), &command, &error), 0);
		assert_int_equal(command.verb, COMMAND_XEXPLAIN);
		assert_true(span_equals_string(command.address, rows[i].sender));
		assert_true(span_equals_string(command.recipient, rows[i].recipient));
		assert_int_equal(command.mail.sender_is_self, rows[i].is_self);
		assert_int_equal(command.is_online, rows[i].is_online);
	}
}

static void wrong_arguments_get_their_code(void **state)
{
	static const struct row {
		const char *line;
		enum command_verb verb;
		const char *status;
		int code;
	} rows[] = {
		{ "EHLO", COMMAND_EHLO, "5.5.2", 501 },
		{ "HELO ", COMMAND_HELO, "5.5.2", 501 },
		{ "AUTH", COMMAND_AUTH, "5.5.2", 501 },
		{ "VRFY", COMMAND_VRFY, "5.5.2", 501 },
		{ "VRFY <>", COMMAND_VRFY, "5.5.2", 501 },
		{ "VRFY <a@b.example", COMMAND_VRFY, "5.5.2", 501 },
		{ "VRFY a@", COMMAND_VRFY, "5.5.2", 501 },
		{ "VRFY Joe Doe", COMMAND_VRFY, "5.5.2", 501 },
		{ "VRFY a SMTPUTF8 SMTPUTF8", COMMAND_VRFY, "5.5.2", 501 },
		{ "XPLAIN x", COMMAND_XPLAIN, "5.5.2", 501 },
		{ "XEXPLAIN", COMMAND_XEXPLAIN, "5.5.2", 501 },
		{ "XEXPLAIN self", COMMAND_XEXPLAIN, "5.5.2", 501 },
		{ "XEXPLAIN <a>", COMMAND_XEXPLAIN, "5.5.2", 501 },
		{ "XEXPLAIN a <b>", COMMAND_XEXPLAIN, "5.5.2", 501 },
		{ "XEXPLAIN self b", COMMAND_XEXPLAIN, "5.5.2", 501 },
		{ "XEXPLAIN selfish <b>", COMMAND_XEXPLAIN, "5.5.2", 501 },
		{ "XEXPLAIN <a><b>", COMMAND_XEXPLAIN, "5.5.2", 501 },
		{ "XEXPLAIN <a> <>", COMMAND_XEXPLAIN, "5.5.2", 501 },
		{ "XEXPLAIN <a> <b", COMMAND_XEXPLAIN, "5.5.2", 501 },
		{ "XEXPLAIN <a <b>", COMMAND_XEXPLAIN, "5.1.7", 553 },
		{ "XEXPLAIN <a> <b> OFFLINE", COMMAND_XEXPLAIN, "5.5.2", 501 },
		{ "XEXPLAIN <a> <b> ONLINE <c>", COMMAND_XEXPLAIN, "5.5.2", 501 },
		{ "XEXPLAIN <a> <b> <c>", COMMAND_XEXPLAIN, "5.5.2", 501 },
		{ "XEXPLAIN <a b> <c>", COMMAND_XEXPLAIN, "5.1.7", 553 },
		{ "XEXPLAIN <a@> <c>", COMMAND_XEXPLAIN, "5.1.7", 553 },
		{ "XEXPLAIN <a> <b c>", COMMAND_XEXPLAIN, "5.1.3", 553 },
		{ "XEXPLAIN self <@c>", COMMAND_XEXPLAIN, "5.1.3", 553 },
		{ "DATA x", COMMAND_DATA, "5.5.2", 501 },
		{ "RSET x", COMMAND_RSET, "5.5.2", 501 },
		{ "QUIT x", COMMAND_QUIT, "5.5.2", 501 },
		{ "STARTTLS x", COMMAND_STARTTLS, "5.5.2", 501 },
		{ "BDAT", COMMAND_BDAT, "5.5.2", 501 },
		{ "BDAT x", COMMAND_BDAT, "5.5.2", 501 },
		{ "BDAT -1", COMMAND_BDAT, "5.5.2", 501 },
		{ "BDAT +1", COMMAND_BDAT, "5.5.2", 501 },
		{ "BDAT 1x", COMMAND_BDAT, "5.5.2", 501 },
		{ "BDAT 0x10", COMMAND_BDAT, "5.5.2", 501 },
		{ "BDAT 18446744073709551616", COMMAND_BDAT, "5.5.2", 501 },
		{ "BDAT 5 FIRST", COMMAND_BDAT, "5.5.2", 501 },
		{ "BDAT 5 LAST LAST", COMMAND_BDAT, "5.5.2", 501 },
		{ "BDAT LAST", COMMAND_BDAT, "5.5.2", 501 },
		{ "MAIL", COMMAND_MAIL, "5.5.2", 501 },
		{ "MAIL FROM", COMMAND_MAIL, "5.5.2", 501 },
		{ "MAIL FROM:", COMMAND_MAIL, "5.5.2", 501 },
		{ "MAIL TO:<a@b.example>", COMMAND_MAIL, "5.5.2", 501 },
		{ "MAIL FROM:<a@b.example", COMMAND_MAIL, "5.5.2", 501 },
		{ "MAIL FROM:<a@b.example>x", COMMAND_MAIL, "5.5.2", 501 },
		{ "MAIL FROM:<\"a@b.example>", COMMAND_MAIL, "5.5.2", 501 },
		{ "MAIL FROM:<\"a\\>", COMMAND_MAIL, "5.5.2", 501 },
		{ "MAIL FROM:<\"a\\", COMMAND_MAIL, "5.5.2", 501 },
		{ "MAIL FROM:<a b@b.example>", COMMAND_MAIL, "5.1.7", 553 },
		{ "MAIL FROM:<@b.example>", COMMAND_MAIL, "5.1.7", 553 },
		{ "MAIL FROM:<a@b.example><c@d.example>", COMMAND_MAIL, "5.5.2", 501 },
		{ "RCPT TO:<>", COMMAND_RCPT, "5.1.3", 553 },
		{ "RCPT TO:<a b@b.example>", COMMAND_RCPT, "5.1.3", 553 },
		{ "RCPT TO:<a@b.example> SIZE=5", COMMAND_RCPT, "5.5.4", 555 },
		{ "MAIL FROM:<a@b.example> FOO=bar", COMMAND_MAIL, "5.5.4", 555 },
		{ "MAIL FROM:<a@b.example> NOTIFY=NEVER", COMMAND_MAIL, "5.5.4", 555 },
		{ "MAIL FROM:<a@b.example> =", COMMAND_MAIL, "5.5.4", 555 },
		{ "MAIL FROM:<a@b.example> SIZE", COMMAND_MAIL, "5.5.2", 501 },
		{ "MAIL FROM:<a@b.example> SIZE=", COMMAND_MAIL, "5.5.2", 501 },
		{ "MAIL FROM:<a@b.example> SIZE=-1", COMMAND_MAIL, "5.5.2", 501 },
		{ "MAIL FROM:<a@b.example> SIZE=1 SIZE=2", COMMAND_MAIL, "5.5.2", 501 },
		{ "MAIL FROM:<a@b.example> BODY=BINARYMIME", COMMAND_MAIL, "5.5.2", 501 },
		{ "MAIL FROM:<a@b.example> SMTPUTF8=1", COMMAND_MAIL, "5.5.2", 501 },
		{ "MAIL FROM:<a@b.example> RET=SOME", COMMAND_MAIL, "5.5.2", 501 },
		{ "MAIL FROM:<a@b.example> ENVID=a+0Ab", COMMAND_MAIL, "5.5.2", 501 },
		{ "MAIL FROM:<a@b.example> ENVID=a+C3", COMMAND_MAIL, "5.5.2", 501 },
		{ "MAIL FROM:<a@b.example> XNAME=a+0D", COMMAND_MAIL, "5.5.2", 501 },
		{ "MAIL FROM:<a@b.example> XSENDER=other", COMMAND_MAIL, "5.5.2", 501 },
		{ "MAIL FROM:<a@b.example> XWAIT=long", COMMAND_MAIL, "5.5.2", 501 },
		{ "MAIL FROM:<a@b.example> XTRACE=1", COMMAND_MAIL, "5.5.2", 501 },
		{ "MAIL FROM:<a@b.example> XLIVE=1", COMMAND_MAIL, "5.5.2", 501 },
		{ "RCPT TO:<a@b.example> NOTIFY=", COMMAND_RCPT, "5.5.2", 501 },
		{ "RCPT TO:<a@b.example> NOTIFY=NEVER,DELAY", COMMAND_RCPT, "5.5.2", 501 },
		{ "RCPT TO:<a@b.example> NOTIFY=DELAY,,FAILURE", COMMAND_RCPT, "5.5.2", 501 },
		{ "RCPT TO:<a@b.example> ORCPT=a@b.example", COMMAND_RCPT, "5.5.2", 501 },
		{ "RCPT TO:<a@b.example> ORCPT=;a@b.example", COMMAND_RCPT, "5.5.2", 501 },
		{ "RCPT TO:<a@b.example> ORCPT=rfc822;a+0A", COMMAND_RCPT, "5.5.2", 501 },
		{ "MAIL FROM:<a@b.example>\rRSET", COMMAND_MAIL, "5.5.1", 500 },
		{ "BDAT 5\x01", COMMAND_BDAT, "5.5.1", 500 },
		{ "FOO\x01", COMMAND_UNKNOWN, "5.5.1", 500 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct command command;
		struct error error = { 0 };

		print_message("  %s\n", rows[i].line);
		assert_int_equal(command_parse(guarded_string(rows[i].line), &command, &error), -1);
		assert_int_equal(command.verb, rows[i].verb);
		assert_string_equal(error.status, rows[i].status);
		assert_int_equal(command_error_code(&error), rows[i].code);
	}
}

static void a_nul_is_no_part_of_a_command(void **state)
{
	struct command command;
	struct error error;

	(void)state;
	assert_int_equal(
	    command_parse(guarded("RCPT TO:<a@b.example\0>", 22), &command, &error), -1);
	assert_int_equal(command_error_code(&error), 500);
}

static void bdat_tells_size_and_last(void **state)
{
	struct command command;
	struct error error;

	(void)state;
	assert_int_equal(command_parse(guarded_string("BDAT 0"), &command, &error), 0);
	assert_int_equal(command.chunk_size, 0);
	assert_false(command.is_last);
	assert_int_equal(
	    command_parse(guarded_string("bdat 18446744073709551615 last"), &command, &error), 0);
	assert_true(command.chunk_size == UINT64_MAX);
	assert_true(command.is_last);
}

static void parameters_are_read(void **state)
{
	struct command command;
	struct error error;

	(void)state;
	assert_int_equal(
	    command_parse(guarded_string("MAIL FROM:<a@b.example> size=12 Body=8bitmime SMTPUTF8"
					 " RET=hdrs ENVID=x+2By AUTH=<> XNAME=J+C3+B6rg+20M"
					 " XSENDER=self XWAIT=outcome XTRACE"),
		&command, &error),
	    0);
	assert_true(command.mail.has_size && command.mail.size == 12);
	assert_true(command.mail.is_8bit && command.mail.smtputf8);
	assert_int_equal(command.mail.return_content, ENVELOPE_RETURN_HEADER);
	assert_string_equal(command.mail.envid, "x+y");
	assert_string_equal(command.mail.full_name, "J\xc3\xb6rg M");
	assert_true(command.mail.sender_is_self && command.mail.trace);
	assert_int_equal(command.mail.wait, COMMAND_WAIT_OUTCOME);

	assert_int_equal(command_parse(guarded_string("RCPT TO:<a@b.example> "
						      "NOTIFY=success,DELAY ORCPT=rfc822;c+3Dd"),
			     &command, &error),
	    0);
	assert_int_equal(command.rcpt.notify, ENVELOPE_NOTIFY_SUCCESS | ENVELOPE_NOTIFY_DELAY);
	assert_string_equal(command.rcpt.original, "rfc822;c=d");

	assert_int_equal(
	    command_parse(guarded_string("MAIL FROM:<a@b.example> BODY=7BIT"), &command, &error),
	    0);
	assert_false(command.mail.is_8bit || command.mail.has_size || command.mail.trace);
	assert_int_equal(
	    command_parse(guarded_string("MAIL FROM:<a@b.example> XLIVE"), &command, &error), 0);
	assert_true(command.mail.trace && command.mail.trace_is_live);
	assert_string_equal(command.mail.envid, "");
}

/* "NAME=" with this many octets behind. */
static int parse_long(const char *start, size_t length)
{
	char line[2000];
	struct command command;
	struct error error;
	size_t at = (size_t)snprintf(line, sizeof line, "%s", start);

	memset(line + at, 'x', length);
	return command_parse(guarded(line, at + length), &command, &error);
}

static void values_have_limits(void **state)
{
	(void)state;
	assert_int_equal(parse_long("MAIL FROM:<a@b.example> ENVID=", ENVELOPE_ENVID_LIMIT), 0);
	assert_int_equal(
	    parse_long("MAIL FROM:<a@b.example> ENVID=", ENVELOPE_ENVID_LIMIT + 1), -1);
	assert_int_equal(parse_long("MAIL FROM:<a@b.example> XNAME=", COMMAND_NAME_LIMIT), 0);
	assert_int_equal(parse_long("MAIL FROM:<a@b.example> XNAME=", COMMAND_NAME_LIMIT + 1), -1);
	assert_int_equal(
	    parse_long("RCPT TO:<a@b.example> ORCPT=rfc822;", ENVELOPE_ORIGINAL_LIMIT - 7), 0);
	assert_int_equal(
	    parse_long("RCPT TO:<a@b.example> ORCPT=rfc822;", ENVELOPE_ORIGINAL_LIMIT - 6), -1);
}

static const struct extensions everything = { .is_extended = true,
	.chunking = true,
	.eight_bit_mime = true,
	.smtputf8 = true,
	.dsn = true,
	.size = true,
	.mailchute = true };
static const struct extensions nothing = { 0 };

static void lines_are_written_with_what_is_offered(void **state)
{
	const struct mail_parameters mail = { .has_size = true,
		.size = 5,
		.is_8bit = true,
		.smtputf8 = true,
		.return_content = ENVELOPE_RETURN_FULL,
		.envid = "a b",
		.sender_is_self = true,
		.full_name = "J D",
		.wait = COMMAND_WAIT_DISK,
		.trace = true };
	char address[] = "b@c.example";
	char original[] = "x+y@c.example";
	char typed[] = "utf-8;x=y";
	struct recipient recipient = { .address = address,
		.original = original,
		.notify = ENVELOPE_NOTIFY_FAILURE | ENVELOPE_NOTIFY_DELAY };
	struct buffer output;

	(void)state;
	buffer_init(&output, 4000);
	command_write_hello(&output, COMMAND_EHLO, "me.example");
	command_write_hello(&output, COMMAND_LHLO, "[127.0.0.1]");
	command_write_mail(&output, "a@b.example", &mail, &everything);
	command_write_mail(&output, "", &mail, &nothing);
	const struct mail_parameters live = { .trace = true, .trace_is_live = true };
	command_write_mail(&output, "", &live, &everything);
	command_write_rcpt(&output, &recipient, &everything);
	command_write_rcpt(&output, &recipient, &nothing);
	recipient.original = typed;
	recipient.notify = ENVELOPE_NOTIFY_NEVER;
	command_write_rcpt(&output, &recipient, &everything);
	command_write_bdat(&output, UINT64_MAX, true);
	command_write_bdat(&output, 0, false);
	command_write_plain(&output, COMMAND_STARTTLS);
	command_write_auth(&output, "PLAIN", "=");
	command_write_auth(&output, "LOGIN", NULL);
	assert_string_equal(buffer_string(&output),
	    "EHLO me.example\r\n"
	    "LHLO [127.0.0.1]\r\n"
	    "MAIL FROM:<a@b.example> SIZE=5 BODY=8BITMIME SMTPUTF8 RET=FULL ENVID=a+20b"
	    " XNAME=J+20D XSENDER=self XWAIT=disk XTRACE\r\n"
	    "MAIL FROM:<>\r\n"
	    "MAIL FROM:<> XLIVE\r\n"
	    "RCPT TO:<b@c.example> NOTIFY=FAILURE,DELAY ORCPT=rfc822;x+2By@c.example\r\n"
	    "RCPT TO:<b@c.example>\r\n"
	    "RCPT TO:<b@c.example> NOTIFY=NEVER ORCPT=utf-8;x+3Dy\r\n"
	    "BDAT 18446744073709551615 LAST\r\n"
	    "BDAT 0\r\n"
	    "STARTTLS\r\n"
	    "AUTH PLAIN =\r\n"
	    "AUTH LOGIN\r\n");
	buffer_finish(&output);
}

/* What the server's end would refuse, ours included, is not written at all. */
static void an_original_that_is_too_long_is_left_out(void **state)
{
	static const struct row {
		const char *start;
		size_t length; /* filled up to this */
		bool is_written;
	} rows[] = {
		{ "", ENVELOPE_ORIGINAL_LIMIT - 14, true },
		{ "", ENVELOPE_ORIGINAL_LIMIT - 13, false },
		{ "", ENVELOPE_ORIGINAL_LIMIT, false },
		{ "rfc822;", ENVELOPE_ORIGINAL_LIMIT - 7, true },
		{ "rfc822;", ENVELOPE_ORIGINAL_LIMIT - 6, false },
		{ "rfc822;+++", 300, true },
	};
	char address[] = "b@c.example";

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char original[ENVELOPE_ORIGINAL_LIMIT + 1];
		struct recipient recipient = { .address = address, .original = original };
		struct command command;
		struct buffer output;
		struct error error;

		memset(original, 'x', rows[i].length);
		original[rows[i].length] = '\0';
		memcpy(original, rows[i].start, strlen(rows[i].start));
		buffer_init(&output, COMMAND_LINE_LIMIT);
		command_write_rcpt(&output, &recipient, &everything);
		assert_int_equal(
		    command_parse(span_trim(buffer_span(&output)), &command, &error), 0);
		assert_int_equal(command.rcpt.original[0] != '\0', rows[i].is_written);
		buffer_finish(&output);
	}
}

/* A word that is too long for a type is a part of the address. */
static void a_type_has_a_limit(void **state)
{
	char original[ENVELOPE_ORIGINAL_LIMIT / 2 + 3];
	char address[] = "b@c.example";
	struct recipient recipient = { .address = address, .original = original };
	struct command command;
	struct buffer output;
	struct error error;

	(void)state;
	memset(original, 'x', sizeof original);
	memcpy(original + sizeof original - 3, ";y", 3);
	buffer_init(&output, COMMAND_LINE_LIMIT);
	command_write_rcpt(&output, &recipient, &everything);
	assert_int_equal(command_parse(span_trim(buffer_span(&output)), &command, &error), 0);
	assert_memory_equal(command.rcpt.original, "rfc822;xx", 9);
	buffer_finish(&output);
}

static void what_is_written_is_parsed_the_same(void **state)
{
	const struct mail_parameters mail = { .has_size = true,
		.size = UINT64_MAX,
		.is_8bit = true,
		.smtputf8 = true,
		.return_content = ENVELOPE_RETURN_HEADER,
		.envid = "+=a",
		.sender_is_self = true,
		.full_name = "\xc3\xa4 + =",
		.wait = COMMAND_WAIT_OUTCOME,
		.trace = true };
	struct buffer output;
	struct command command;
	struct error error;
	struct span rest;
	struct span line;

	(void)state;
	buffer_init(&output, 4000);
	command_write_mail(&output, "\"a>\\\" b\"@b.example", &mail, &everything);
	rest = buffer_span(&output);
	assert_true(span_take_line(&rest, &line));
	assert_int_equal(command_parse(line, &command, &error), 0);
	assert_true(span_equals_string(command.address, "\"a>\\\" b\"@b.example"));
	assert_memory_equal(&command.mail.size, &mail.size, sizeof mail.size);
	assert_string_equal(command.mail.envid, mail.envid);
	assert_string_equal(command.mail.full_name, mail.full_name);
	assert_int_equal(command.mail.wait, mail.wait);
	buffer_finish(&output);
}

static void every_verb_has_its_name(void **state)
{
	(void)state;
	for (int verb = COMMAND_HELO; verb <= COMMAND_XPLAIN; verb++) {
		struct command command;
		struct error error;
		struct span name = span_from_string(command_verb_name((enum command_verb)verb));

		(void)command_parse(name, &command, &error);
		assert_int_equal(command.verb, verb);
	}
	assert_string_equal(command_verb_name(COMMAND_UNKNOWN), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(verbs_are_known_in_any_case),
		cmocka_unit_test(addresses_are_taken_in_their_forms),
		cmocka_unit_test(a_question_about_a_message_is_read),
		cmocka_unit_test(wrong_arguments_get_their_code),
		cmocka_unit_test(a_nul_is_no_part_of_a_command),
		cmocka_unit_test(bdat_tells_size_and_last),
		cmocka_unit_test(parameters_are_read),
		cmocka_unit_test(values_have_limits),
		cmocka_unit_test(lines_are_written_with_what_is_offered),
		cmocka_unit_test(an_original_that_is_too_long_is_left_out),
		cmocka_unit_test(a_type_has_a_limit),
		cmocka_unit_test(what_is_written_is_parsed_the_same),
		cmocka_unit_test(every_verb_has_its_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
