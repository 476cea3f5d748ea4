/* SPDX-License-Identifier: MIT */

/* Tests message/report.c; what Python's parser makes of it is in bounce_test.py. */

#include "message/report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/memory.h"
#include "tests/support/cmocka.h"
#include "tests/support/guarded.h"

static const char *const to[] = { "alice@example.org", "bob@example.org" };

static const struct report_recipient gone = {
	.address = "carl@far.example",
	.original = "carl",
	.status = "5.1.1",
	.diagnostic = "550 5.1.1 no such user",
	.words = "smtp.far.example refused RCPT TO:<carl@far.example>: 550 5.1.1 no such user",
	.remote_mta = "smtp.far.example",
	.last_attempt = 1000,
};

static struct report make_report(enum report_action action, const struct report_recipient *one)
{
	return (struct report){
		.action = action,
		.from = "alerts@example.com",
		.to = to,
		.to_count = 2,
		.reporting_mta = "here.example",
		.domain = "example.com",
		.queue_id = "1M83XG9E21BXP14T4N7EPVC1B",
		.envid = "QQ314",
		.arrived = 2000,
		.now = 3000,
		.recipients = one,
		.recipient_count = 1,
		.returns_message = true,
	};
}

/* All of the report of one recipient; the caller frees it. */
static char *write_report(struct report *report, const char *content)
{
	struct buffer output;

	buffer_init(&output, SIZE_MAX / 2);
	report_begin(report, &output);
	report_content(report, span_from_string(content), &output);
	report_end(report, &output);
	return buffer_take_string(&output);
}

static size_t count(const char *text, const char *words)
{
	size_t found = 0;

	for (const char *p = strstr(text, words); p != NULL; p = strstr(p + 1, words))
		found++;
	return found;
}

static void must_have(const char *text, const char *words)
{
	if (count(text, words) != 1)
		fail_msg("%zu times: %s\nin:\n%s", count(text, words), words, text);
}

static void every_field_has_its_place(void **state)
{
	struct report report = make_report(REPORT_FAILED, &gone);
	char *text CLEANUP(memory_free_string) = write_report(
	    &report, "Subject: x\r\n\r\nbody\r\n");

	(void)state;
	assert_ptr_equal(strstr(text, "From: \"Mail Delivery System\" <alerts@example.com>\r\n"
				      "To: <alice@example.org>,\r\n <bob@example.org>\r\n"
				      "Subject: Undelivered Mail Returned to Sender\r\n"
				      "Date: Thu, 1 Jan 1970 00:00:03 +0000\r\n"
				      "Message-ID: <"),
	    text);
	must_have(text, "\r\nAuto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\n"
			"Content-Type: multipart/report; report-type=delivery-status;\r\n "
			"boundary=\"=_report_");
	must_have(text, "\r\n<carl@far.example> (you wrote: carl)\r\n    smtp.far.example refused");
	must_have(text, "The message is attached.\r\n");
	must_have(text, "Content-Type: message/delivery-status\r\n\r\n"
			"Reporting-MTA: dns; here.example\r\n"
			"X-Mailchute-Queue-ID: 1M83XG9E21BXP14T4N7EPVC1B\r\n"
			"Original-Envelope-Id: QQ314\r\n"
			"Arrival-Date: Thu, 1 Jan 1970 00:00:02 +0000\r\n"
			"\r\n"
			"Original-Recipient: rfc822; carl\r\n"
			"Final-Recipient: rfc822; carl@far.example\r\n"
			"Action: failed\r\n"
			"Status: 5.1.1\r\n"
			"Remote-MTA: dns; smtp.far.example\r\n"
			"Diagnostic-Code: smtp; 550 5.1.1 no such user\r\n"
			"Last-Attempt-Date: Thu, 1 Jan 1970 00:00:01 +0000\r\n"
			"\r\n--=_report_");
	must_have(
	    text, "Content-Type: message/rfc822\r\n\r\nSubject: x\r\n\r\nbody\r\n\r\n--=_report_");
	assert_int_equal(count(text, report.boundary), 5);
	assert_int_equal(count(text, "Will-Retry-Until"), 0);
	assert_int_equal(count(text, "It was sent by"), 0);
	assert_int_equal(count(text, "8bit"), 0);
	assert_string_equal(text + strlen(text) - 4, "--\r\n");
}

static void what_is_not_known_is_not_said(void **state)
{
	const struct report_recipient bare = { .address = "c@d.example", .status = "5.0.0" };
	struct report report = make_report(REPORT_FAILED, &bare);

	(void)state;
	report.envid = NULL;
	report.returns_message = false;
	char *text CLEANUP(memory_free_string) = write_report(&report, "Subject: x\r\n\r\n");
	static const char *const absent[] = { "Original-", "Remote-MTA", "Diagnostic-Code",
		"Last-Attempt", "you wrote", "null" };
	for (size_t i = 0; i < sizeof absent / sizeof absent[0]; i++)
		if (count(text, absent[i]) != 0)
			fail_msg("%s in:\n%s", absent[i], text);
	must_have(text, "Content-Type: text/rfc822-headers\r\n\r\nSubject: x\r\n\r\n\r\n--");
}

static void an_action_has_its_words(void **state)
{
	static const struct row {
		enum report_action action;
		const char *words[3];
	} rows[] = {
		{ REPORT_FAILED, { "Subject: Undelivered Mail", "\r\nAction: failed\r\n",
				     "could not be delivered" } },
		{ REPORT_DELAYED,
		    { "Subject: Delayed Mail", "\r\nAction: delayed\r\n",
			"\r\nWill-Retry-Until: Thu, 1 Jan 1970 00:00:09 +0000\r\n" } },
		{ REPORT_RELAYED,
		    { "Subject: Successful Mail", "\r\nAction: relayed\r\n", "was handed on" } },
		{ REPORT_DELIVERED,
		    { "Subject: Successful Mail", "\r\nAction: delivered\r\n", "was delivered" } },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct report_recipient one = gone;
		struct report report = make_report(rows[i].action, &one);

		one.will_retry_until = rows[i].action == REPORT_DELAYED ? 9000 : 0;
		char *text CLEANUP(memory_free_string) = write_report(&report, "");
		for (size_t j = 0; j < 3; j++)
			must_have(text, rows[i].words[j]);
	}
}

static void addresses_have_their_type(void **state)
{
	static const struct row {
		const char *original;
		const char *address;
		const char *want;
	} rows[] = {
		{ NULL, "a@b.c", "\r\n\r\nFinal-Recipient: rfc822; a@b.c\r\n" },
		{ "rfc822;x@y.z", "a@b.c", "\r\nOriginal-Recipient: rfc822; x@y.z\r\n" },
		{ "X400;c=us", "a@b.c", "\r\nOriginal-Recipient: X400; c=us\r\n" },
		{ "root", "a@b.c", "\r\nOriginal-Recipient: rfc822; root\r\n" },
		{ "\"a;b\"@c.d", "a@b.c", "\r\nOriginal-Recipient: rfc822; \"a;b\"@c.d\r\n" },
		{ ";x", "a@b.c", "\r\nOriginal-Recipient: rfc822; ;x\r\n" },
		{ "utf-8;\xc3\xa4@b.c", "a@b.c", "\r\nOriginal-Recipient: utf-8; \\x{E4}@b.c\r\n" },
		{ NULL, "\xc3\xa4+\xf0\x9f\x93\xa7\\@b.c",
		    "\r\nFinal-Recipient: utf-8; \\x{E4}\\x{2B}\\x{1F4E7}\\x{5C}@b.c\r\n" },
		{ NULL, "\xff\x80@b.c", "\r\nFinal-Recipient: utf-8; ??@b.c\r\n" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const struct report_recipient one = {
			.address = rows[i].address,
			.original = rows[i].original,
			.status = "5.1.1",
		};
		struct report report = make_report(REPORT_FAILED, &one);
		char *text CLEANUP(memory_free_string) = write_report(&report, "");

		must_have(text, rows[i].want);
	}
}

static void advice_follows_the_status(void **state)
{
	static const char *const rows[][2] = {
		{ "5.1.1", "spelled right" },
		{ "4.4.7", "send it again." },
		{ "5.2.2", "takes no mail at present" },
		{ "5.2.3", "smaller pieces" },
		{ "5.3.4", "smaller pieces" },
		{ "5.7.1", "does not allow this" },
		{ "5.0.0", "The words above say why" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct report_recipient one = gone;
		struct report report = make_report(REPORT_FAILED, &one);

		memcpy(one.status, rows[i][0], sizeof "5.1.1");
		char *text CLEANUP(memory_free_string) = write_report(&report, "");
		must_have(text, rows[i][1]);
	}
}

/* Printable ASCII in lines that any server takes. */
static void must_be_harmless(const char *text, const char *what)
{
	size_t length = 0;

	for (const char *p = text; *p != '\0'; p++) {
		bool is_end = p[0] == '\r' && p[1] == '\n';

		length = is_end ? 0 : length + 1;
		if (is_end)
			p++;
		else if (*p < ' ' || *p > '~' || length > 998)
			fail_msg(
			    "%s: octet 0x%02x at %zu of a line", what, (unsigned char)*p, length);
	}
}

static void no_octet_from_outside_gets_through(void **state)
{
	(void)state;
	for (int octet = 1; octet < 256; octet++) {
		char words[40];

		snprintf(words, sizeof words, "a%cb\r\nBcc: x%c", octet, octet);
		const struct report_recipient one = {
			.address = words,
			.original = words,
			.status = "5.1.1",
			.diagnostic = words,
			.words = words,
			.remote_mta = words,
		};
		const char *const addresses[] = { words };
		struct report report = make_report(REPORT_FAILED, &one);

		report.envid = words;
		report.reporting_mta = words;
		report.to = addresses;
		report.to_count = 1;
		char *text CLEANUP(memory_free_string) = write_report(&report, "");
		must_be_harmless(text, "an octet");
		assert_int_equal(count(text, "\nBcc:"), 0);
		must_have(text, "To: undisclosed-recipients:;\r\n");
	}
}

static void long_words_are_broken(void **state)
{
	char *words = memory_allocate(5001);
	char *blanks = memory_allocate(5001);

	(void)state;
	for (size_t i = 0; i < 5000; i++) {
		words[i] = 'x';
		blanks[i] = i % 7 == 6 ? ' ' : 'y';
	}
	const struct report_recipient several[] = {
		{ .address = "a@b.c", .status = "5.1.1", .diagnostic = words, .original = words },
		{ .address = words, .status = "5.1.1", .diagnostic = blanks, .words = blanks },
	};
	struct report report = make_report(REPORT_FAILED, several);
	report.recipient_count = 2;
	struct buffer output;
	buffer_init(&output, SIZE_MAX / 2);
	report_begin(&report, &output);
	report_end(&report, &output);
	const char *status = strstr(buffer_string(&output), "message/delivery-status");
	assert_non_null(status);
	must_be_harmless(status, "a long word");
	assert_int_equal(count(status, "yyyyyy"), 714);
	buffer_finish(&output);
	free(words);
	free(blanks);
}

static void a_header_in_utf_8_is_returned_in_ascii_whatever_the_pieces(void **state)
{
	static const char content[] = "Subject: gr\xc3\xbc\xc3\x9f"
				      "e = \r\n\r\n--x\r\nt\xff"
				      "xt \r\n";
	static const char want[] =
	    "Content-Type: message/global\r\n"
	    "Content-Transfer-Encoding: quoted-printable\r\n\r\n"
	    "Subject: gr=C3=BC=C3=9Fe =3D=20\r\n\r\n=2D-x\r\nt=FFxt=20\r\n\r\n--";

	(void)state;
	for (size_t size = 1; size < sizeof content; size++) {
		struct report report = make_report(REPORT_FAILED, &gone);
		struct buffer output;

		report.header_has_8bit = true;
		report.body_has_8bit = true;
		assert_false(report_is_8bit(&report));
		buffer_init(&output, SIZE_MAX / 2);
		report_begin(&report, &output);
		for (struct span rest = span_from_string(content); rest.length != 0;
		     rest = span_after(rest, size))
			report_content(&report, span_first(rest, size), &output);
		report_end(&report, &output);
		must_be_harmless(buffer_string(&output), "the message");
		must_have(buffer_string(&output), want);
		buffer_finish(&output);
	}
}

static void an_8_bit_body_is_returned_as_it_is(void **state)
{
	struct report report = make_report(REPORT_FAILED, &gone);

	(void)state;
	report.body_has_8bit = true;
	assert_true(report_is_8bit(&report));
	char *text CLEANUP(memory_free_string) = write_report(&report, "A: b\r\n\r\n\xff\r\n");
	assert_int_equal(count(text, "\r\nContent-Transfer-Encoding: 8bit\r\n"), 2);
	must_have(text, "8bit\r\n\r\nA: b\r\n\r\n\xff\r\n\r\n--");
	report.returns_message = false;
	assert_false(report_is_8bit(&report));
}

static void a_message_that_lacks_its_last_line_end_gets_one(void **state)
{
	static const char *const rows[][2] = {
		{ "A: b\r\n\r\nx", "\r\n\r\nx\r\n\r\n--=_report_" },
		{ "A: b\r\n\r\nx\r\n", "\r\n\r\nx\r\n\r\n--=_report_" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct report report = make_report(REPORT_FAILED, &gone);
		char *text CLEANUP(memory_free_string) = write_report(&report, rows[i][0]);

		must_have(text, rows[i][1]);
	}
}

static void an_address_that_is_not_ascii_is_in_the_envelope_alone(void **state)
{
	static const char *const mixed[] = { "\xc3\xa4@example.org", "bob@example.org" };
	struct report report = make_report(REPORT_FAILED, &gone);

	(void)state;
	report.to = mixed;
	char *text CLEANUP(memory_free_string) = write_report(&report, "");
	must_have(text, "\r\nTo: <bob@example.org>\r\n");
	report.to_count = 1;
	char *alone CLEANUP(memory_free_string) = write_report(&report, "");
	must_have(alone, "\r\nTo: undisclosed-recipients:;\r\n");
}

static void the_header_ends_at_its_empty_line(void **state)
{
	struct report report = make_report(REPORT_FAILED, &gone);
	char *text CLEANUP(memory_free_string) = write_report(&report, "");

	(void)state;
	size_t length = report_header_length(span_from_string(text));
	assert_memory_equal(text + length - 4, "\r\n\r\n", 4);
	assert_ptr_equal(strstr(text, "This is a report in MIME"), text + length);
}

static void a_boundary_is_never_the_same(void **state)
{
	struct report one = make_report(REPORT_FAILED, &gone);
	struct report other = make_report(REPORT_FAILED, &gone);
	char *first CLEANUP(memory_free_string) = write_report(&one, "");
	char *second CLEANUP(memory_free_string) = write_report(&other, "");

	(void)state;
	assert_non_null(strstr(first, one.boundary));
	assert_non_null(strstr(second, other.boundary));
	assert_string_not_equal(one.boundary, other.boundary);
	/* RFC 2046, 5.1.1: 70 at most. */
	assert_true(strlen(one.boundary) >= 32 && strlen(one.boundary) <= 70);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_field_has_its_place),
		cmocka_unit_test(what_is_not_known_is_not_said),
		cmocka_unit_test(an_action_has_its_words),
		cmocka_unit_test(addresses_have_their_type),
		cmocka_unit_test(advice_follows_the_status),
		cmocka_unit_test(no_octet_from_outside_gets_through),
		cmocka_unit_test(long_words_are_broken),
		cmocka_unit_test(a_header_in_utf_8_is_returned_in_ascii_whatever_the_pieces),
		cmocka_unit_test(an_8_bit_body_is_returned_as_it_is),
		cmocka_unit_test(a_message_that_lacks_its_last_line_end_gets_one),
		cmocka_unit_test(an_address_that_is_not_ascii_is_in_the_envelope_alone),
		cmocka_unit_test(the_header_ends_at_its_empty_line),
		cmocka_unit_test(a_boundary_is_never_the_same),
	};

	(void)setenv("TZ", "UTC0", 1);
	tzset();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
