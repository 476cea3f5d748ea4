/* SPDX-License-Identifier: MIT */

/* Tests sendmail/intake.c: who gets it, who sends it, and what the message is. */

#include "sendmail/intake.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "tests/sendmail/stdin.h"
#include "tests/support/cmocka.h"

static const size_t pieces[] = { 1, 2, 3, 7, 4096 };
enum { PIECES = sizeof pieces / sizeof pieces[0], NAMES = 6 };

/* "a@b|c@d": the recipients in order. */
static char *list_recipients(const struct intake *intake)
{
	struct buffer text;

	buffer_init(&text, 1 << 20);
	for (size_t i = 0; i < intake->envelope.recipient_count; i++) {
		buffer_append_string(&text, i != 0 ? "|" : "");
		buffer_append_string(&text, intake->envelope.recipients[i].address);
	}
	return buffer_take_string(&text);
}

static void check_recipients(const char *name, const struct intake *intake, const char *want)
{
	char *have CLEANUP(memory_free_string) = list_recipients(intake);

	if (strcmp(have, want) != 0)
		fail_msg("%s: \"%s\" instead of \"%s\"", name, have, want);
}

static struct options with_words(char **words, int count)
{
	return (struct options){ .recipients = words, .recipient_count = count };
}

static char *as_word(const char *text)
{
	return (char *)(uintptr_t)text;
}

static void the_sender_is_read_in_every_form(void **state)
{
	static const struct row {
		const char *given;
		const char *sender; /* NULL: refused */
	} rows[] = {
		{ "", "" },
		{ "<>", "" },
		{ " <> ", "" },
		{ "a@b.c", "a@b.c" },
		{ " a@b.c ", "a@b.c" },
		{ "<a@b.c>", "a@b.c" },
		{ "A B <a@b.c>", "a@b.c" },
		{ "\"B, A\" <a@b.c>", "a@b.c" },
		{ "a@b.c (comment)", "a@b.c" },
		{ "root", "root" },
		{ "-bounce+x=y@b.c", "-bounce+x=y@b.c" },
		{ "\"a b\"@c.d", "\"a b\"@c.d" },
		{ "bounce+b\\=far.example@b.c", "bounce+b=far.example@b.c" },
		{ "-x\\=y@b.c", "-x=y@b.c" },
		{ "A <x\\=y@b.c>", "x=y@b.c" },
		{ "\\<\\>", "" },
		{ "\"a\\\"b\"@b.c", "\"a\\\"b\"@b.c" },
		{ "a\\ b@c.d", NULL },
		{ "a\\nb@c.d", NULL },
		{ "a\\@b@c.d", NULL },
		{ "a\\", NULL },
		{ "a@b@c", NULL },
		{ "a b@c.d", NULL },
		{ "<a@b.c", NULL },
		{ "<a", NULL },
		{ "a@b.c, d@e.f", NULL },
		{ "a@b.c\n", NULL },
		{ "a@b.c\nBcc: x@y.z", NULL },
		{ "a@b.c>\r\nRCPT TO:<x@y.z", NULL },
		{ "a\x01@b.c", NULL },
		{ "\"a\x7f\"@b.c", NULL },
		{ "\x1b[2J@b.c", NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char *words[] = { as_word("x@y.z") };
		struct options options = with_words(words, 1);
		struct intake intake CLEANUP(intake_finish) = { 0 };
		struct error error = { 0 };

		options.sender = rows[i].given;
		stdin_in_pieces(span_from_string("hello\n"), 4096);
		int outcome = intake_read(&intake, &options, &error);
		if (outcome != (rows[i].sender == NULL ? -1 : 0))
			fail_msg("\"%s\": %d %s", rows[i].given, outcome, error.text);
		assert_false(intake.sender_is_self);
		if (outcome == 0)
			assert_string_equal(intake.envelope.sender, rows[i].sender);
		else
			assert_int_equal(error.kind, ERROR_USAGE);
	}
}

static void without_f_the_sender_is_oneself(void **state)
{
	char *words[] = { as_word("x@y.z") };
	struct options options = with_words(words, 1);
	struct intake intake CLEANUP(intake_finish) = { 0 };
	struct error error = { 0 };

	(void)state;
	/* Neither the header nor the environment changes it. */
	(void)setenv("LOGNAME", "mallory", 1);
	(void)setenv("USER", "mallory", 1);
	stdin_in_pieces(span_from_string("From: other@example.org\nSender: third@x.y\n\n"), 4096);
	assert_int_equal(intake_read(&intake, &options, &error), 0);
	assert_true(intake.sender_is_self);
	assert_string_equal(intake.envelope.sender, "");
}

static void arguments_are_address_lists(void **state)
{
	static const struct row {
		const char *name;
		const char *words[NAMES];
		const char *recipients;
		size_t bad_count;
	} rows[] = {
		{ "one", { "a@b.c" }, "a@b.c", 0 },
		{ "bare", { "root" }, "root", 0 },
		{ "cron's list in one word", { "ops@x.y,bob@x.y" }, "ops@x.y|bob@x.y", 0 },
		{ "a list with blanks", { " a@b.c, d@e.f " }, "a@b.c|d@e.f", 0 },
		{ "a list with tabs", { "\ta@b.c,\td@e.f\t" }, "a@b.c|d@e.f", 0 },
		{ "with a name", { "A <a@b.c>", "\"Q, N\" <d@e.f>" }, "a@b.c|d@e.f", 0 },
		{ "with a comment", { "a@b.c (c (d))" }, "a@b.c", 0 },
		{ "a source route", { "@x.y:a@b.c" }, "a@b.c", 0 },
		{ "twice", { "a@b.c", "a@B.C", "a@b.c" }, "a@b.c", 0 },
		{ "local parts keep their case", { "A@b.c", "a@b.c" }, "A@b.c|a@b.c", 0 },
		{ "a quoted local part keeps its quotes", { "\"a@b\"@c.d" }, "\"a@b\"@c.d", 0 },
		{ "like an option", { "-i@b.c" }, "-i@b.c", 0 },
		{ "a bad one among good ones", { "a@b.c", "d@@e", "f@g.h" }, "a@b.c|f@g.h", 1 },
		{ "a bad one within a list", { "a@b.c, d@@e, f@g.h" }, "a@b.c|f@g.h", 1 },
		{ "an empty one among good ones", { "a@b.c", "", "f@g.h" }, "a@b.c|f@g.h", 1 },
		{ "a blank one among good ones", { "a@b.c", "  " }, "a@b.c", 1 },
		{ "the null address", { "a@b.c", "<>" }, "a@b.c", 1 },
		{ "a line feed within", { "a@b.c", "d@e.f\ng@h.i" }, "a@b.c", 1 },
		{ "CR LF within", { "a@b.c", "d@e.f>\r\nDATA" }, "a@b.c", 1 },
		{ "a control character", { "a@b.c", "d\x01@e.f" }, "a@b.c", 1 },
		{ "a delete", { "a@b.c", "d@e\x7f.f" }, "a@b.c", 1 },
		{ "a tab within quotes", { "a@b.c", "\"d\te\"@f.g" }, "a@b.c", 1 },
		{ "two without a comma", { "a@b.c", "d@e.f g@h.i" }, "a@b.c", 1 },
		{ "a group", { "g: a@b.c, D <d@e.f>;" }, "a@b.c|d@e.f", 0 },
		{ "an empty group", { "a@b.c", "undisclosed-recipients:;" }, "a@b.c", 0 },
		{ "a literal", { "a@[192.0.2.1]", "a@[IPv6:2001:db8::1]" },
		    "a@[192.0.2.1]|a@[IPv6:2001:db8::1]", 0 },
		{ "every atext", { "a!#$%&'*+-/=?^_`{|}~@b.c" }, "a!#$%&'*+-/=?^_`{|}~@b.c", 0 },
		{ "UTF-8", { "gr\xc3\xbcn@b\xc3\xbc.c" }, "gr\xc3\xbcn@b\xc3\xbc.c", 0 },
		{ "a program, a file and a list are names", { "|prog", "/tmp/file", "a@b.c" },
		    "|prog|/tmp/file|a@b.c", 0 },
		{ "a backslash for the shell", { "a\\=b@c.d", "\\root" }, "a=b@c.d|root", 0 },
		{ "a backslash before what no atom holds", { "a\\ b@c.d", "a@b.c" }, "a@b.c", 1 },
		{ "a hyphen alone", { "-", "a@b.c" }, "a@b.c", 1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char *words[NAMES] = { NULL };
		struct intake intake CLEANUP(intake_finish) = { 0 };
		struct error error = { 0 };
		int count = 0;

		for (; count < NAMES && rows[i].words[count] != NULL; count++)
			words[count] = as_word(rows[i].words[count]);
		struct options options = with_words(words, count);
		stdin_in_pieces(span_from_string("To: other@example.org\n\nhello\n"), 4096);
		if (intake_read(&intake, &options, &error) < 0)
			fail_msg("%s: %s", rows[i].name, error.text);
		check_recipients(rows[i].name, &intake, rows[i].recipients);
		if (intake.bad_count != rows[i].bad_count ||
		    (intake.fault[0] != '\0') != (rows[i].bad_count != 0))
			fail_msg("%s: %zu bad: %s", rows[i].name, intake.bad_count, intake.fault);
	}
}

static void t_takes_recipients_from_the_header(void **state)
{
	static const struct row {
		const char *name;
		const char *argument; /* or NULL */
		const char *input;
		const char *recipients;
		size_t bad_count;
	} rows[] = {
		{ "To, Cc and Bcc", NULL, "To: a@b.c\nCc: d@e.f\nBcc: g@h.i\n\n",
		    "a@b.c|d@e.f|g@h.i", 0 },
		{ "any case", NULL, "TO: a@b.c\ncC: d@e.f\nBCC: g@h.i\n\n", "a@b.c|d@e.f|g@h.i",
		    0 },
		{ "several fields of a name", NULL, "To: a@b.c\nSubject: x\nTo: d@e.f\n\n",
		    "a@b.c|d@e.f", 0 },
		{ "folded", NULL, "To: a@b.c,\n\td@e.f,\r\n  g@h.i\n\n", "a@b.c|d@e.f|g@h.i", 0 },
		{ "a blank before the colon", NULL, "Bcc : a@b.c\n\n", "a@b.c", 0 },
		{ "with the argument", "x@y.z", "To: a@b.c\n\n", "x@y.z|a@b.c", 0 },
		{ "the argument alone", "x@y.z", "Subject: x\n\n", "x@y.z", 0 },
		{ "the same once", "a@b.c", "To: a@b.c\nCc: a@B.C\n\n", "a@b.c", 0 },
		{ "header only", NULL, "To: a@b.c\nSubject: hello", "a@b.c", 0 },
		{ "the last line without its end", NULL, "Subject: x\nBcc: a@b.c", "a@b.c", 0 },
		{ "CRLF", NULL, "To: a@b.c\r\nBcc: d@e.f\r\n\r\nTo: no@b.c\r\n", "a@b.c|d@e.f", 0 },
		{ "CR CR LF", NULL, "To: a@b.c\r\r\nBcc: d@e.f\r\r\n\r\r\nTo: no@b.c\r\r\n",
		    "a@b.c|d@e.f", 0 },
		{ "LF and CRLF", NULL, "To: a@b.c\nBcc: d@e.f\r\n\nTo: no@b.c\n", "a@b.c|d@e.f",
		    0 },
		{ "not from the body", NULL, "To: a@b.c\n\nCc: no@b.c\n", "a@b.c", 0 },
		{ "not behind a line that is no field", NULL,
		    "To: a@b.c\nhttp x is down\nCc: no@b.c\n", "a@b.c", 0 },
		{ "behind a From_ line", NULL, "From a Mon Jan 1\nTo: a@b.c\n\n", "a@b.c", 0 },
		{ "behind \"From : x\"", NULL, "From : x@y.z\nTo: a@b.c\n\n", "a@b.c", 0 },
		{ "Resent alone where there is one", NULL,
		    "To: no@b.c\nBcc: no@d.e\nResent-To: a@b.c\nResent-Cc: d@e.f\n"
		    "Resent-Bcc: g@h.i\n\n",
		    "a@b.c|d@e.f|g@h.i", 0 },
		{ "Resent alone, with whatever Resent- field", "a@b.c",
		    "To: no@b.c\nresent-from: x@y.z\nResent-Date: x\n\n", "a@b.c", 0 },
		{ "junk hides no good one", NULL, "To: set escape, ops@x.y\n\n", "ops@x.y", 1 },
		{ "a malformed one in Cc", NULL, "To: a@b.c\nCc: d@@e, f@g.h\n\n", "a@b.c|f@g.h",
		    1 },
		{ "an empty group is nobody", NULL, "To: undisclosed-recipients:;\nBcc: a@b.c\n\n",
		    "a@b.c", 0 },
		{ "an empty field is nobody", NULL, "To:\nBcc: a@b.c\nCc: \n\n", "a@b.c", 0 },
		{ "a group has members", NULL, "To: all: a@b.c, d@e.f;, g@h.i\n\n",
		    "a@b.c|d@e.f|g@h.i", 0 },
		{ "files and programs are names", NULL, "To: |prog, /file, a@b.c\n\n",
		    "|prog|/file|a@b.c", 0 },
		{ "a lone dot ends the header too", NULL, "To: a@b.c\n.\nCc: no@b.c\n", "a@b.c",
		    0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		for (size_t k = 0; k < PIECES; k++) {
			char *words[] = { as_word(rows[i].argument) };
			struct options options = with_words(words, rows[i].argument != NULL);
			struct intake intake CLEANUP(intake_finish) = { 0 };
			struct error error = { 0 };

			options.reads_header = true;
			stdin_in_pieces(span_from_string(rows[i].input), pieces[k]);
			if (intake_read(&intake, &options, &error) < 0)
				fail_msg("%s: %s", rows[i].name, error.text);
			check_recipients(rows[i].name, &intake, rows[i].recipients);
			if (intake.bad_count != rows[i].bad_count)
				fail_msg("%s: %s", rows[i].name, intake.fault);
		}
	}
}

static void a_nul_in_an_address_is_no_end(void **state)
{
	static const char input[] = "To: a@b.c\0.evil, d@e.f\n\n";
	struct options options = { .reads_header = true };
	struct intake intake CLEANUP(intake_finish) = { 0 };
	struct error error = { 0 };

	(void)state;
	stdin_in_pieces(span_from_bytes(input, sizeof input - 1), 4096);
	assert_int_equal(intake_read(&intake, &options, &error), 0);
	check_recipients("NUL", &intake, "d@e.f");
	assert_int_equal(intake.bad_count, 1);
}

/* Only a shell that was meant and not there is a reason for it. */
static void a_backslash_in_the_header_is_a_fault(void **state)
{
	struct options options = { .reads_header = true };
	struct intake intake CLEANUP(intake_finish) = { 0 };
	struct error error = { 0 };

	(void)state;
	stdin_in_pieces(span_from_string("To: a\\=b@c.d, e@f.g\n\n"), 4096);
	assert_int_equal(intake_read(&intake, &options, &error), 0);
	check_recipients("backslash", &intake, "e@f.g");
	assert_int_equal(intake.bad_count, 1);
}

static void reports_are_asked_for_all(void **state)
{
	char *words[] = { as_word("x@y.z") };
	struct options options = with_words(words, 1);
	struct intake intake CLEANUP(intake_finish) = { 0 };
	struct error error = { 0 };

	(void)state;
	options.reads_header = true;
	options.notify = ENVELOPE_NOTIFY_SUCCESS | ENVELOPE_NOTIFY_DELAY;
	options.return_content = ENVELOPE_RETURN_HEADER;
	options.envid = "an id";
	stdin_in_pieces(span_from_string("To: a@b.c, d@e.f\n\n"), 4096);
	assert_int_equal(intake_read(&intake, &options, &error), 0);
	check_recipients("reports", &intake, "x@y.z|a@b.c|d@e.f");
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(intake.envelope.recipients[i].notify, options.notify);
	assert_int_equal(intake.envelope.return_content, ENVELOPE_RETURN_HEADER);
	assert_string_equal(intake.envelope.envid, "an id");
}

static void the_message_in_wire_form(void **state)
{
	static const struct row {
		const char *name;
		bool ignores_dots;
		const char *input;
		const char *message;
	} rows[] = {
		{ "empty", false, "", "" },
		{ "LF", false, "a: b\n\nc\n", "a: b\r\n\r\nc\r\n" },
		{ "CRLF", false, "a: b\r\n\r\nc\r\n", "a: b\r\n\r\nc\r\n" },
		{ "CR CR LF", false, "a: b\r\r\n\r\r\nc\r\r\n", "a: b\r\n\r\nc\r\n" },
		{ "a CR alone", false, "a\rb\n\rc\n", "a b\r\n c\r\n" },
		{ "no last line end", false, "a: b", "a: b\r\n" },
		{ "8-bit", false, "\n\xff\xfe\x80\n", "\r\n\xff\xfe\x80\r\n" },
		{ "a lone dot ends", false, "a\n.\nb\n", "a\r\n" },
		{ "a lone dot with CRLF ends", false, "a\r\n.\r\nb\r\n", "a\r\n" },
		{ "a lone dot first", false, ".\nb\n", "" },
		{ "a last dot without its line end", false, "a\n.", "a\r\n" },
		{ "with -i a lone dot is text", true, "a\n.\nb\n", "a\r\n.\r\nb\r\n" },
		{ "with -i a last dot is text", true, "a\n.", "a\r\n.\r\n" },
		{ "other dots stay", false, "..\n.x\n. \n...\n", "..\r\n.x\r\n. \r\n...\r\n" },
		{ "other dots stay with -i", true, "..\n.x\n. \n", "..\r\n.x\r\n. \r\n" },
		{ "the From_ line goes", false, "From a@b Mon Jan 1\na: b\n\nc\n",
		    "a: b\r\n\r\nc\r\n" },
		{ "the From_ line goes with CRLF", false, "From a\r\na: b\r\n", "a: b\r\n" },
		{ "a From_ line alone", false, "From a", "" },
		{ "a From_ line further down stays", false, "a: b\nFrom c\n",
		    "a: b\r\nFrom c\r\n" },
		{ "only one From_ line goes", false, "From a\nFrom b\n", "From b\r\n" },
		{ "From: stays", false, "From: a\n", "From: a\r\n" },
		{ "\"From : a\" stays", false, "From : a\n", "From : a\r\n" },
		{ "\"From\" stays", false, "From\n : a\n", "From\r\n : a\r\n" },
		{ "\"From \" goes, whatever follows", false, "From \n: a\n", ": a\r\n" },
		{ ">From stays", false, ">From a\n", ">From a\r\n" },
		{ "a dot behind the From_ line", false, "From a\n.\nb\n", "" },
		{ "^Z and form feed", false, "a\x1a\f\v\n", "a\x1a\f\v\r\n" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		for (size_t k = 0; k < PIECES; k++) {
			const struct row *row = &rows[i];
			char *words[] = { as_word("x@y.z") };
			struct options options = with_words(words, 1);
			struct intake intake CLEANUP(intake_finish) = { 0 };
			struct error error = { 0 };

			options.ignores_dots = row->ignores_dots;
			stdin_in_pieces(span_from_string(row->input), pieces[k]);
			if (intake_read(&intake, &options, &error) < 0)
				fail_msg("%s: %s", row->name, error.text);
			assert_true(intake.is_whole);
			if (!span_equals_string(buffer_span(&intake.front), row->message))
				fail_msg("%s, in pieces of %zu: \"%s\"", row->name, pieces[k],
				    buffer_string(&intake.front));
		}
	}
}

static void a_nul_is_an_octet_like_others(void **state)
{
	static const char input[] = "a\n\nb\0c\0\n.\0\n\0.\n.\nd";
	static const char message[] = "a\r\n\r\nb\0c\0\r\n.\0\r\n\0.\r\n";

	(void)state;
	for (size_t k = 0; k < PIECES; k++) {
		char *words[] = { as_word("x@y.z") };
		struct options options = with_words(words, 1);
		struct intake intake CLEANUP(intake_finish) = { 0 };
		struct error error = { 0 };

		stdin_in_pieces(span_from_bytes(input, sizeof input - 1), pieces[k]);
		assert_int_equal(intake_read(&intake, &options, &error), 0);
		assert_true(span_equals(
		    buffer_span(&intake.front), span_from_bytes(message, sizeof message - 1)));
	}
}

static void what_cannot_be_sent_says_why(void **state)
{
	static const struct row {
		const char *name;
		bool reads_header;
		const char *argument; /* or NULL */
		const char *input;
		enum error_kind kind;
		const char *words;
	} rows[] = {
		{ "no recipient", false, NULL, "To: a@b.c\n\n", ERROR_USAGE, "no recipients" },
		{ "no recipient with -t", true, NULL, "Subject: a\n\nTo: a@b.c\n", ERROR_DATA,
		    "To, Cc or Bcc" },
		{ "nothing at all with -t", true, NULL, "", ERROR_DATA, "To, Cc or Bcc" },
		{ "an empty group alone", true, NULL, "To: x:;\n\n", ERROR_DATA, "To, Cc or Bcc" },
		{ "resent to nobody", true, NULL, "To: a@b.c\nResent-From: x@y.z\n\n", ERROR_DATA,
		    "Resent-To, Resent-Cc or Resent-Bcc" },
		{ "only the null address", false, "<>", "a\n", ERROR_DATA, "\"<>\" (nobody" },
		{ "only an empty argument", false, "", "a\n", ERROR_DATA, "it is empty" },
		{ "only a malformed argument", false, "a@@b", "a\n", ERROR_DATA, "\"a@@b\"" },
		{ "only malformed ones with -t", true, NULL, "To: a@@b, set escape\n\n", ERROR_DATA,
		    "a@@b" },
		{ "only an injection", false, "a@b.c\nd@e.f", "a\n", ERROR_DATA,
		    "control character" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char *words[] = { as_word(rows[i].argument) };
		struct options options = with_words(words, rows[i].argument != NULL);
		struct intake intake CLEANUP(intake_finish) = { 0 };
		struct error error = { 0 };

		options.reads_header = rows[i].reads_header;
		stdin_in_pieces(span_from_string(rows[i].input), 4096);
		if (intake_read(&intake, &options, &error) != -1)
			fail_msg("%s: taken", rows[i].name);
		if (error.kind != rows[i].kind || strstr(error.text, rows[i].words) == NULL ||
		    strchr(error.text, '\n') != NULL)
			fail_msg("%s: %d %s", rows[i].name, (int)error.kind, error.text);
	}
}

static void an_unreadable_input_is_an_error(void **state)
{
	char *words[] = { as_word("x@y.z") };
	struct options options = with_words(words, 1);
	struct intake intake CLEANUP(intake_finish) = { 0 };
	struct error error = { 0 };
	int ends[2];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	(void)close(ends[0]);
	stdin_replace(ends[1]); /* open for writing alone */
	assert_int_equal(intake_read(&intake, &options, &error), -1);
	assert_non_null(strstr(error.text, "standard input"));
	assert_int_equal(error.kind, ERROR_IO);
}

/* A message of known octets: header_size octets of fields, then body_size octets of lines. */
static void build(struct buffer *input, size_t header_size, size_t body_size)
{
	buffer_init(input, header_size + body_size + 4096);
	while (input->length < header_size)
		buffer_format(input, "X-Filler-%zu: %0100d\n", input->length, 0);
	buffer_append_string(input, "Bcc: last@example.org\n\n");
	size_t end = input->length + body_size;
	while (input->length < end)
		buffer_format(input, "line %zu %0500d\n", input->length, 0);
}

static void check_streamed(struct intake *intake, struct span input)
{
	struct buffer whole CLEANUP(buffer_finish) = { 0 };
	struct error error = { 0 };
	char block[10000];
	ssize_t count;
	size_t at = 0;

	buffer_init(&whole, 2 * input.length + 64);
	buffer_append_span(&whole, buffer_span(&intake->front));
	while ((count = intake_read_more(intake, block, sizeof block, &error)) > 0)
		buffer_append(&whole, block, (size_t)count);
	assert_int_equal(count, 0);
	assert_int_equal(intake_read_more(intake, block, sizeof block, &error), 0);
	for (size_t i = 0; i < input.length; i++) {
		if (input.start[i] == '\n')
			assert_int_equal(whole.start[at++], '\r');
		assert_int_equal(whole.start[at++], input.start[i]);
	}
	assert_int_equal(at, whole.length);
}

static void what_is_long_is_streamed(void **state)
{
	static const struct row {
		const char *name;
		bool reads_header;
		size_t header_size;
		size_t body_size;
		bool is_whole;
		size_t ahead; /* at most this much is held in memory */
	} rows[] = {
		{ "a body past 256 KiB", false, 100, 3 << 20, false, INTAKE_AHEAD + 65536 },
		{ "a body past 256 KiB with -t", true, 100, 3 << 20, false, INTAKE_AHEAD + 65536 },
		{ "a header past 256 KiB", false, 700 << 10, 100, false, INTAKE_AHEAD + 65536 },
		{ "a header past 256 KiB with -t", true, 700 << 10, 3 << 20, false,
		    (700 << 10) + 131072 },
		{ "a header past 256 KiB with -t, and nothing more", true, 700 << 10, 0, false,
		    (700 << 10) + 131072 },
		{ "nearly every mail", true, 2000, 100 << 10, true, INTAKE_AHEAD },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char *words[] = { as_word("x@y.z") };
		struct options options = with_words(words, 1);
		struct buffer input CLEANUP(buffer_finish) = { 0 };
		struct intake intake CLEANUP(intake_finish) = { 0 };
		struct error error = { 0 };

		build(&input, rows[i].header_size, rows[i].body_size);
		options.reads_header = rows[i].reads_header;
		stdin_as_file(buffer_span(&input));
		if (intake_read(&intake, &options, &error) < 0)
			fail_msg("%s: %s", rows[i].name, error.text);
		check_recipients(rows[i].name, &intake,
		    rows[i].reads_header ? "x@y.z|last@example.org" : "x@y.z");
		if (intake.is_whole != rows[i].is_whole || intake.front.length > rows[i].ahead)
			fail_msg("%s: %zu octets ahead", rows[i].name, intake.front.length);
		check_streamed(&intake, buffer_span(&input));
		assert_true(intake.is_whole);
	}
}

static void a_header_without_end_is_refused(void **state)
{
	struct options options = { .reads_header = true };
	struct buffer input CLEANUP(buffer_finish) = { 0 };
	struct intake intake CLEANUP(intake_finish) = { 0 };
	struct error error = { 0 };

	(void)state;
	build(&input, 3 << 20, 0);
	stdin_as_file(buffer_span(&input));
	assert_int_equal(intake_read(&intake, &options, &error), -1);
	assert_int_equal(error.kind, ERROR_DATA);
	assert_non_null(strstr(error.text, "header"));
}

static void a_lone_dot_ends_what_is_streamed(void **state)
{
	char *words[] = { as_word("x@y.z") };
	struct options options = with_words(words, 1);
	struct buffer input CLEANUP(buffer_finish) = { 0 };
	struct intake intake CLEANUP(intake_finish) = { 0 };
	struct error error = { 0 };

	(void)state;
	build(&input, 100, 1 << 20);
	size_t length = input.length;
	buffer_append_string(&input, ".\nnot sent\n");
	stdin_as_file(buffer_span(&input));
	assert_int_equal(intake_read(&intake, &options, &error), 0);
	check_streamed(&intake, span_first(buffer_span(&input), length));
}

/* A fault names as many bad recipients as fit, and never too much. */
static void ten_thousand_bad_recipients_are_bearable(void **state)
{
	struct options options = { .reads_header = true };
	struct buffer input CLEANUP(buffer_finish) = { 0 };
	struct intake intake CLEANUP(intake_finish) = { 0 };
	struct error error = { 0 };

	(void)state;
	buffer_init(&input, 1 << 20);
	buffer_append_string(&input, "To: good@example.org");
	for (int i = 0; i < 10000; i++)
		buffer_format(&input, ",\n bad%d@@example.org", i);
	buffer_append_string(&input, "\n\n");
	stdin_as_file(buffer_span(&input));
	assert_int_equal(intake_read(&intake, &options, &error), 0);
	check_recipients("many", &intake, "good@example.org");
	assert_int_equal(intake.bad_count, 10000);
	assert_non_null(strstr(intake.fault, "bad0@@example.org"));
	assert_string_equal(intake.fault + strlen(intake.fault) - 3, "...");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_sender_is_read_in_every_form),
		cmocka_unit_test(without_f_the_sender_is_oneself),
		cmocka_unit_test(arguments_are_address_lists),
		cmocka_unit_test(t_takes_recipients_from_the_header),
		cmocka_unit_test(a_nul_in_an_address_is_no_end),
		cmocka_unit_test(a_backslash_in_the_header_is_a_fault),
		cmocka_unit_test(reports_are_asked_for_all),
		cmocka_unit_test(the_message_in_wire_form),
		cmocka_unit_test(a_nul_is_an_octet_like_others),
		cmocka_unit_test(what_cannot_be_sent_says_why),
		cmocka_unit_test(an_unreadable_input_is_an_error),
		cmocka_unit_test(what_is_long_is_streamed),
		cmocka_unit_test(a_header_without_end_is_refused),
		cmocka_unit_test(a_lone_dot_ends_what_is_streamed),
		cmocka_unit_test(ten_thousand_bad_recipients_are_bearable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
