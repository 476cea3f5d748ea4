/* SPDX-License-Identifier: MIT */

/* Tests sendmail/options.c: every spelling that callers use (callers.md, compat.md). */

#include "sendmail/options.h"

#include <stdio.h>
#include <string.h>

#include "tests/support/cmocka.h"
#include "tests/support/guarded.h"

enum { WORDS = 10 };

/* The words of a row, so that the parser may reorder them; behind each NUL is an unreadable page.
 */
struct call {
	char *words[WORDS + 1];
	int count;
};

static struct call make_call(const char *const words[WORDS])
{
	struct call call = { 0 };

	while (call.count < WORDS && words[call.count] != NULL) {
		const char *word = words[call.count];

		call.words[call.count] = (char *)(uintptr_t)guarded(word, strlen(word) + 1).start;
		call.count++;
	}
	return call;
}

static void check_string(const char *name, const char *have, const char *want)
{
	if ((have == NULL) != (want == NULL) || (have != NULL && strcmp(have, want) != 0))
		fail_msg("%s: \"%s\" instead of \"%s\"", name, have != NULL ? have : "(null)",
		    want != NULL ? want : "(null)");
}

static void the_sender_comes_in_every_spelling(void **state)
{
	static const struct row {
		const char *name;
		const char *words[WORDS];
		const char *sender;
	} rows[] = {
		{ "none", { "sendmail", "x" }, NULL },
		{ "attached", { "sendmail", "-fa@b", "x" }, "a@b" },
		{ "a word of its own", { "sendmail", "-f", "a@b", "x" }, "a@b" },
		{ "-r", { "sendmail", "-ra@b", "x" }, "a@b" },
		{ "-r, a word of its own", { "sendmail", "-r", "a@b", "x" }, "a@b" },
		{ "empty", { "sendmail", "-f", "", "x" }, "" },
		{ "null", { "sendmail", "-f", "<>", "x" }, "<>" },
		{ "null attached", { "sendmail", "-f<>", "x" }, "<>" },
		{ "behind a bundle", { "sendmail", "-tifa@b", "x" }, "a@b" },
		{ "behind a bundle, a word of its own", { "sendmail", "-itf", "a@b", "x" }, "a@b" },
		{ "a value that begins with -", { "sendmail", "-f", "-bounce+x=y@b", "x" },
		    "-bounce+x=y@b" },
		{ "a value that is --", { "sendmail", "-f", "--", "x" }, "--" },
		{ "a value that is an option", { "sendmail", "-f", "-t", "x" }, "-t" },
		{ "the last one wins", { "sendmail", "-fa", "-r", "b", "-f", "c", "x" }, "c" },
		{ "full form", { "sendmail", "-f", "A B <a@b>", "x" }, "A B <a@b>" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct call call = make_call(rows[i].words);
		struct options options;
		struct error error = { 0 };

		if (options_parse(call.count, call.words, &options, &error) < 0)
			fail_msg("%s: %s", rows[i].name, error.text);
		check_string(rows[i].name, options.sender, rows[i].sender);
		assert_false(options.recipient_count != 1);
		check_string(rows[i].name, options.recipients[0], "x");
	}
}

static void what_the_flags_say(void **state)
{
	static const struct row {
		const char *name;
		const char *words[WORDS];
		bool reads_header;
		bool ignores_dots;
		enum command_wait wait;
		const char *full_name;
	} rows[] = {
		{ "nothing", { "sendmail" }, false, false, COMMAND_WAIT_UNSAID, NULL },
		{ "-t", { "sendmail", "-t" }, true, false, COMMAND_WAIT_UNSAID, NULL },
		{ "-i", { "sendmail", "-i" }, false, true, COMMAND_WAIT_UNSAID, NULL },
		{ "-oi", { "sendmail", "-oi" }, false, true, COMMAND_WAIT_UNSAID, NULL },
		{ "-oitrue", { "sendmail", "-oitrue" }, false, true, COMMAND_WAIT_UNSAID, NULL },
		{ "-ti", { "sendmail", "-ti" }, true, true, COMMAND_WAIT_UNSAID, NULL },
		{ "-it", { "sendmail", "-it" }, true, true, COMMAND_WAIT_UNSAID, NULL },
		{ "-tiv", { "sendmail", "-tiv" }, true, true, COMMAND_WAIT_OUTCOME, NULL },
		{ "-odb -v", { "sendmail", "-v", "-odb" }, false, false, COMMAND_WAIT_OUTCOME,
		    NULL },
		{ "-odq -v", { "sendmail", "-odq", "-ov" }, false, false, COMMAND_WAIT_DISK, NULL },
		{ "-toi", { "sendmail", "-toi" }, true, true, COMMAND_WAIT_UNSAID, NULL },
		{ "twice", { "sendmail", "-t", "-i", "-oi", "-fx", "-t" }, true, true,
		    COMMAND_WAIT_UNSAID, NULL },
		{ "-odi", { "sendmail", "-odi" }, false, false, COMMAND_WAIT_OUTCOME, NULL },
		{ "-odb", { "sendmail", "-odb" }, false, false, COMMAND_WAIT_UNSAID, NULL },
		{ "-odq", { "sendmail", "-odq" }, false, false, COMMAND_WAIT_DISK, NULL },
		{ "the last -od wins", { "sendmail", "-odq", "-odb" }, false, false,
		    COMMAND_WAIT_UNSAID, NULL },
		{ "-F", { "sendmail", "-F", "A User" }, false, false, COMMAND_WAIT_UNSAID,
		    "A User" },
		{ "-F attached", { "sendmail", "-FCronDaemon" }, false, false, COMMAND_WAIT_UNSAID,
		    "CronDaemon" },
		{ "-F like an option", { "sendmail", "-F", "-t" }, false, false,
		    COMMAND_WAIT_UNSAID, "-t" },
		{ "-O IgnoreDots", { "sendmail", "-O", "IgnoreDots=true" }, false, true,
		    COMMAND_WAIT_UNSAID, NULL },
		{ "-OIgnoreDots", { "sendmail", "-OIgnoreDots=True" }, false, true,
		    COMMAND_WAIT_UNSAID, NULL },
		{ "-O IgnoreDots=false", { "sendmail", "-OIgnoreDots=false" }, false, false,
		    COMMAND_WAIT_UNSAID, NULL },
		{ "-om is not -i", { "sendmail", "-om" }, false, false, COMMAND_WAIT_UNSAID, NULL },
		{ "-o i in two words", { "sendmail", "-o", "i" }, false, true, COMMAND_WAIT_UNSAID,
		    NULL },
		{ "-oifalse", { "sendmail", "-i", "-oifalse" }, false, false, COMMAND_WAIT_UNSAID,
		    NULL },
		{ "-O IgnoreDots=n", { "sendmail", "-i", "-O", " IgnoreDots = n" }, false, false,
		    COMMAND_WAIT_UNSAID, NULL },
		{ "-O IgnoreDots = Yes", { "sendmail", "-O", " ignoredots = Yes " }, false, true,
		    COMMAND_WAIT_UNSAID, NULL },
		{ "-O alone", { "sendmail", "-OIgnoreDots" }, false, true, COMMAND_WAIT_UNSAID,
		    NULL },
		{ "-O alike", { "sendmail", "-OIgnoreDotsX=true" }, false, false,
		    COMMAND_WAIT_UNSAID, NULL },
		{ "-O empty", { "sendmail", "-O", "" }, false, false, COMMAND_WAIT_UNSAID, NULL },
		{ "-o empty", { "sendmail", "-o", "" }, false, false, COMMAND_WAIT_UNSAID, NULL },
		{ "-O DELIVERYMODE=i", { "sendmail", "-ODeliveryMode=i" }, false, false,
		    COMMAND_WAIT_OUTCOME, NULL },
		{ "-O DELIVERYMODE=queue", { "sendmail", "-O", "DeliveryMode=queue" }, false, false,
		    COMMAND_WAIT_DISK, NULL },
		{ "-O DELIVERYMODE=deferred", { "sendmail", "-O", "deliverymode=deferred" }, false,
		    false, COMMAND_WAIT_DISK, NULL },
		{ "-O DELIVERYMODE=background", { "sendmail", "-odq", "-ODeliveryMode=background" },
		    false, false, COMMAND_WAIT_UNSAID, NULL },
		{ "-O DELIVERYMODE=", { "sendmail", "-odq", "-ODeliveryMode=" }, false, false,
		    COMMAND_WAIT_DISK, NULL },
		{ "-odf", { "sendmail", "-odf" }, false, false, COMMAND_WAIT_OUTCOME, NULL },
		{ "-odd", { "sendmail", "-odd" }, false, false, COMMAND_WAIT_DISK, NULL },
		{ "-od and nobody's", { "sendmail", "-odq", "-odx", "-od" }, false, false,
		    COMMAND_WAIT_DISK, NULL },
		{ "-O Verbose, v", { "sendmail", "-O", "Verbose=true" }, false, false,
		    COMMAND_WAIT_OUTCOME, NULL },
		{ "-on by -O Other=No", { "sendmail", "-O", "Verbose=no" }, false, false,
		    COMMAND_WAIT_UNSAID, NULL },
		{ "-bm", { "sendmail", "-bm", "-t" }, true, false, COMMAND_WAIT_UNSAID, NULL },
		{ "-ba", { "sendmail", "-ba", "-t" }, true, false, COMMAND_WAIT_UNSAID, NULL },
		{ "-bnq", { "sendmail", "-bnq", "-t" }, true, false, COMMAND_WAIT_UNSAID, NULL },
		{ "-Tt", { "sendmail", "-Tt" }, true, false, COMMAND_WAIT_UNSAID, NULL },
		{ "-T3dt", { "sendmail", "-T3d", "-t" }, true, false, COMMAND_WAIT_UNSAID, NULL },
		{ "all that take nothing", { "sendmail", "-cGmnsUxTt" }, true, false,
		    COMMAND_WAIT_UNSAID, NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const struct row *row = &rows[i];
		struct call call = make_call(row->words);
		struct options options;
		struct error error = { 0 };

		if (options_parse(call.count, call.words, &options, &error) < 0)
			fail_msg("%s: %s", row->name, error.text);
		if (options.reads_header != row->reads_header ||
		    options.ignores_dots != row->ignores_dots || options.wait != row->wait)
			fail_msg("%s: t=%d i=%d wait=%d", row->name, options.reads_header,
			    options.ignores_dots, (int)options.wait);
		check_string(row->name, options.full_name, row->full_name);
		if (options.recipient_count != 0)
			fail_msg("%s: %s is a recipient", row->name, options.recipients[0]);
		assert_int_equal(options.mode, OPTIONS_SEND);
		assert_int_equal(options.is_verbose, strchr(row->name, 'v') != NULL);
	}
}

/* Each as a caller writes it, before one recipient, who is all that is left. */
static void what_means_nothing_here_is_taken(void **state)
{
	static const char *const rows[][WORDS] = {
		{ "-oem" },
		{ "-oee" },
		{ "-oep" },
		{ "-oeq" },
		{ "-oew" },
		{ "-em" },
		{ "-om" },
		{ "-m" },
		{ "-oo" },
		{ "-oQ/tmp" },
		{ "-oXyz" },
		{ "-B8BITMIME" },
		{ "-B", "7BIT" },
		{ "-h", "3" },
		{ "-h3" },
		{ "-n" },
		{ "-v" },
		{ "-ov" },
		{ "-U" },
		{ "-G" },
		{ "-L", "tag" },
		{ "-bm" },
		{ "-pUUCP:host" },
		{ "-p", "UUCP:host" },
		{ "-Ac" },
		{ "-Am" },
		{ "-O", "Name=Value" },
		{ "-OQueueDirectory=/tmp" },
		{ "-N", "failure,delay", "-R", "hdrs", "-V", "id1" },
		{ "-Nnever" },
		{ "-Rfull" },
		{ "-X", "/tmp/x" },
		{ "-X/tmp/x" },
		{ "-C/tmp/cf" },
		{ "-C", "/tmp/cf" },
		{ "-d" },
		{ "-d0.1" },
		{ "--read-envelope-from" },
		{ "-oi", "-oem", "-odi" },
		{ "-eq" },
		{ "-e", "m" },
		{ "-ep" },
		{ "-L", "tag", "-L", "-t" },
		{ "-Ltag" },
		{ "-A", "c" },
		{ "-MrUUCP" },
		{ "-M", "rUUCP" },
		{ "-oMrUUCP", "-oMshost" },
		{ "-oMr", "UUCP", "-oMs", "host" },
		{ "-oMa", "192.0.2.1", "-oMai", "user" },
		{ "-oMaa", "plain", "-oMas", "a@b.c" },
		{ "-oMi", "192.0.2.1", "-oMm", "<a@b>" },
		{ "-oMt", "ident" },
		{ "-or", "10m" },
		{ "-or10m" },
		{ "-or" },
		{ "-os", "1h30m" },
		{ "-os" },
		{ "-oT", "3d" },
		{ "-oB", "10" },
		{ "-oX", "1225" },
		{ "-oA/etc/other" },
		{ "-o7" },
		{ "-o8" },
		{ "-oP/tmp/pid" },
		{ "-O", "ErrorMode=q", "-O", "NoRecipientAction=none" },
		{ "-OQueueDirectory=/tmp", "-OLogFile=/tmp/x", "-OAliasFile=/tmp/y" },
		{ "-oQ/tmp", "-oA/tmp/a", "-oS/tmp/st" },
		{ "-D", "/tmp/x" },
		{ "-DMACRO=x" },
		{ "-d0-99.9" },
		{ "-dd" },
		{ "-dropcr" },
		{ "-E" },
		{ "-EC" },
		{ "-J" },
		{ "-JZ" },
		{ "-c" },
		{ "-s" },
		{ "-x" },
		{ "-T" },
		{ "-T", "-i" },
		{ "-XV" },
		{ "-pd" },
		{ "-p", "SMTP" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const char *words[WORDS] = { "sendmail" };
		struct options options;
		struct error error = { 0 };
		int count = 1;

		for (size_t k = 0; k + 3 < WORDS && rows[i][k] != NULL; k++)
			words[count++] = rows[i][k];
		words[count] = "x@y";
		struct call call = make_call(words);
		if (options_parse(call.count, call.words, &options, &error) < 0)
			fail_msg("%s: %s", rows[i][0], error.text);
		if (options.recipient_count != 1 || options.mode != OPTIONS_SEND)
			fail_msg("%s: %d recipients", rows[i][0], options.recipient_count);
		check_string(rows[i][0], options.recipients[0], "x@y");
		assert_null(options.sender);
	}
}

static void recipients_are_the_words_that_are_no_options(void **state)
{
	static const struct row {
		const char *name;
		const char *words[WORDS];
		const char *recipients[WORDS];
	} rows[] = {
		{ "none", { "sendmail", "-t" }, { NULL } },
		{ "two", { "sendmail", "-i", "a", "b" }, { "a", "b" } },
		{ "behind --", { "sendmail", "-i", "--", "a", "b" }, { "a", "b" } },
		{ "behind --, one like an option", { "sendmail", "--", "-a", "--", "-t" },
		    { "-a", "--", "-t" } },
		{ "nothing behind --", { "sendmail", "-t", "--" }, { NULL } },
		{ "an empty word", { "sendmail", "" }, { "" } },
		{ "an empty word before an option", { "sendmail", "", "-i", "b" }, { "", "b" } },
		{ "options behind a recipient are options",
		    { "sendmail", "a", "-i", "b", "-f", "c" }, { "a", "b" } },
		{ "a hyphen is a word", { "sendmail", "-", "a" }, { "-", "a" } },
		{ "what is no interval is no value", { "sendmail", "-or", "a5m", "-os", "5x" },
		    { "a5m", "5x" } },
		{ "nor behind an attached one", { "sendmail", "-or5m", "10m", "-oMrX", "b" },
		    { "10m", "b" } },
		{ "nor where none is asked for", { "sendmail", "-oi", "10m", "-om", "5" },
		    { "10m", "5" } },
		{ "-- behind a recipient", { "sendmail", "a", "--", "-b", "c" },
		    { "a", "-b", "c" } },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct call call = make_call(rows[i].words);
		struct call want = make_call(rows[i].recipients);
		struct options options;
		struct error error = { 0 };

		if (options_parse(call.count, call.words, &options, &error) < 0)
			fail_msg("%s: %s", rows[i].name, error.text);
		if (options.recipient_count != want.count)
			fail_msg("%s: %d recipients", rows[i].name, options.recipient_count);
		for (int k = 0; k < want.count; k++)
			check_string(rows[i].name, options.recipients[k], want.words[k]);
	}
}

static void the_mode_follows_from_name_and_options(void **state)
{
	static const struct row {
		const char *words[WORDS];
		enum options_mode mode;
	} rows[] = {
		{ { "sendmail" }, OPTIONS_SEND },
		{ { "/usr/lib/sendmail" }, OPTIONS_SEND },
		{ { "mailq" }, OPTIONS_LIST_QUEUE },
		{ { "/usr/bin/mailq" }, OPTIONS_LIST_QUEUE },
		{ { "/opt/mailq/sendmail" }, OPTIONS_SEND },
		{ { "newaliases" }, OPTIONS_CHECK_ALIASES },
		{ { "sendmail", "-bp" }, OPTIONS_LIST_QUEUE },
		{ { "sendmail", "-bi" }, OPTIONS_CHECK_ALIASES },
		{ { "sendmail", "-I" }, OPTIONS_CHECK_ALIASES },
		{ { "sendmail", "-bm" }, OPTIONS_SEND },
		{ { "sendmail", "-bpx" }, OPTIONS_LIST_QUEUE },
		{ { "mailq", "-v" }, OPTIONS_LIST_QUEUE },
		{ { "mailq", "-qRx@y" }, OPTIONS_LIST_QUEUE },
		{ { "mailq", "--json" }, OPTIONS_LIST_QUEUE },
		{ { "mailq", "-Ac", "somebody" }, OPTIONS_LIST_QUEUE },
		{ { "sendmail", "--json", "-bp" }, OPTIONS_LIST_QUEUE },
		{ { "sendmail", "-bp", "-qRx@y" }, OPTIONS_LIST_QUEUE },
		{ { "sendmail", "-qRx@y", "-bp" }, OPTIONS_LIST_QUEUE },
		{ { "mailq", "-bm" }, OPTIONS_SEND },
		{ { "sendmail", "-q" }, OPTIONS_RUN_QUEUE },
		{ { "sendmail", "-q0" }, OPTIONS_RUN_QUEUE },
		{ { "sendmail", "-q0s" }, OPTIONS_RUN_QUEUE },
		{ { "sendmail", "-q", "-v" }, OPTIONS_RUN_QUEUE },
		{ { "sendmail", "-v", "-q" }, OPTIONS_RUN_QUEUE },
		{ { "sendmail", "-qf" }, OPTIONS_RUN_QUEUE },
		{ { "sendmail", "-qff" }, OPTIONS_RUN_QUEUE },
		{ { "sendmail", "-qq" }, OPTIONS_RUN_QUEUE },
		{ { "sendmail", "-qI123", "-qRx@y", "-qSz" }, OPTIONS_RUN_QUEUE },
		{ { "sendmail", "-q!Ix" }, OPTIONS_RUN_QUEUE },
		{ { "sendmail", "-qGgroup" }, OPTIONS_RUN_QUEUE },
		{ { "sendmail", "-q", "-q" }, OPTIONS_RUN_QUEUE },
		{ { "sendmail", "-q30m" }, OPTIONS_SERVE_BACKGROUND },
		{ { "sendmail", "-q", "30m" }, OPTIONS_SERVE_BACKGROUND },
		{ { "sendmail", "-qp30m" }, OPTIONS_SERVE_BACKGROUND },
		{ { "sendmail", "-q1h30m" }, OPTIONS_SERVE_BACKGROUND },
		{ { "sendmail", "-bd" }, OPTIONS_SERVE_BACKGROUND },
		{ { "sendmail", "-bl" }, OPTIONS_SERVE_BACKGROUND },
		{ { "sendmail", "-bd", "-q15m" }, OPTIONS_SERVE_BACKGROUND },
		{ { "sendmail", "-q15m", "-bd" }, OPTIONS_SERVE_BACKGROUND },
		{ { "sendmail", "-L", "sm-mta", "-bd", "-q1h" }, OPTIONS_SERVE_BACKGROUND },
		{ { "sendmail", "-bd", "-q" }, OPTIONS_SERVE_BACKGROUND },
		{ { "sendmail", "-bD", "-q15m" }, OPTIONS_SERVE },
		{ { "sendmail", "-bdf", "-q15m" }, OPTIONS_SERVE },
		{ { "sendmail", "-bs" }, OPTIONS_SESSION },
		{ { "sendmail", "-bs", "-i" }, OPTIONS_SESSION },
		{ { "sendmail", "-bs", "-odb", "-oem", "-om" }, OPTIONS_SESSION },
		{ { "sendmail", "-bv", "a@b" }, OPTIONS_VERIFY },
		{ { "sendmail", "-vbv", "a@b" }, OPTIONS_VERIFY },
		{ { "sendmail", "-bvs", "a@b" }, OPTIONS_VERIFY },
		{ { "sendmail", "-bV" }, OPTIONS_SHOW_VERSION },
		{ { "runq" }, OPTIONS_SEND },
		{ { "mailq-old" }, OPTIONS_SEND },
		{ { "sendmail", "--help" }, OPTIONS_SHOW_HELP },
		{ { "sendmail", "--version" }, OPTIONS_SHOW_VERSION },
		{ { NULL }, OPTIONS_SEND },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct call call = make_call(rows[i].words);
		struct options options;
		struct error error = { 0 };

		assert_int_equal(options_parse(call.count, call.words, &options, &error), 0);
		if (options.mode != rows[i].mode)
			fail_msg("row %zu: mode %d", i, (int)options.mode);
	}
}

static void what_nobody_knows_is_a_usage_error(void **state)
{
	static const struct row {
		const char *words[WORDS];
		const char *named; /* in the text */
	} rows[] = {
		{ { "sendmail", "-Z", "x" }, "-Z" },
		{ { "sendmail", "-tZ", "x" }, "-Z" },
		{ { "sendmail", "-t-", "x" }, "--" },
		{ { "sendmail", "-f" }, "-f" },
		{ { "sendmail", "-t", "-tF" }, "-F" },
		{ { "sendmail", "x", "-f" }, "-f" },
		{ { "sendmail", "x", "-Z" }, "-Z" },
		{ { "sendmail", "--to=x" }, "--to=x" },
		{ { "sendmail", "-bx" }, "-bx" },
		{ { "sendmail", "-b", "" }, "-b" },
		{ { "sendmail", "-bt" }, "-bt" },
		{ { "sendmail", "-bh" }, "-bh" },
		{ { "sendmail", "-bh", "192.0.2.1" }, "-bh" },
		{ { "sendmail", "-bH" }, "-bH" },
		{ { "sendmail", "-bP" }, "-bP" },
		{ { "sendmail", "-bpc" }, "-bpc" },
		{ { "sendmail", "-bC" }, "-bC" },
		{ { "sendmail", "-bS" }, "-bS" },
		{ { "sendmail", "-bmalware", "/tmp/x" }, "-bmalware" },
		{ { "sendmail", "-be", "x" }, "-be" },
		{ { "sendmail", "-Q", "-qIx" }, "-Q" },
		{ { "sendmail", "-Qreason" }, "-Qreason" },
		{ { "sendmail", "-q", "a@b" }, "a@b" },
		{ { "sendmail", "a@b", "-q" }, "a@b" },
		{ { "sendmail", "-q", "-t" }, "-t" },
		{ { "sendmail", "-q30m", "a@b" }, "a@b" },
		{ { "sendmail", "-q30m", "15m" }, "15m" },
		{ { "sendmail", "-bd", "a@b" }, "a@b" },
		{ { "sendmail", "-bD", "a@b" }, "a@b" },
		{ { "sendmail", "-I", "a@b" }, "a@b" },
		{ { "newaliases", "a@b" }, "a@b" },
		{ { "sendmail", "--json", "a@b" }, "--json" },
		{ { "sendmail", "-K", "x" }, "-K" },
		{ { "sendmail", "-w", "x" }, "-w" },
		{ { "sendmail", "-H", "x" }, "-H" },
		{ { "sendmail", "-a", "x" }, "-a" },
		{ { "sendmail", "-P", "x" }, "-P" },
		{ { "sendmail", "-S", "x" }, "-S" },
		{ { "sendmail", "-z", "x" }, "-z" },
		{ { "sendmail", "-3", "x" }, "-3" },
		{ { "sendmail", "-T3x", "x" }, "-3" },
		{ { "sendmail", "-tls-on-connect" }, "-l" },
		{ { "sendmail", "-N" }, "-N" },
		{ { "sendmail", "-M" }, "-M" },
		{ { "sendmail", "-o" }, "-o" },
		{ { "sendmail", "-b" }, "-b" },
		{ { "sendmail", "-\xc3\xa4" }, "unknown option" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct call call = make_call(rows[i].words);
		struct options options;
		struct error error = { 0 };

		if (options_parse(call.count, call.words, &options, &error) != -1)
			fail_msg("row %zu: taken", i);
		assert_int_equal(error.kind, ERROR_USAGE);
		if (strstr(error.text, rows[i].named) == NULL)
			fail_msg("row %zu: %s", i, error.text);
	}
}

static void what_a_sender_wants_to_be_told(void **state)
{
	static const char fits[] =
	    "1234567890123456789012345678901234567890123456789012345678901234"
	    "567890123456789012345678901234567890";
	static const char too_long[] = "12345678901234567890123456789012345678901234567890123456789"
				       "012345678901234567890123456789012345678901";
	static const struct row {
		const char *words[WORDS];
		unsigned notify;
		enum envelope_return return_content;
		const char *envid;
		char ignored_letter;
		const char *ignored_value;
	} rows[] = {
		{ { "sendmail" }, 0, ENVELOPE_RETURN_UNSAID, NULL, '\0', NULL },
		{ { "sendmail", "-Nnever" }, ENVELOPE_NOTIFY_NEVER, ENVELOPE_RETURN_UNSAID, NULL,
		    '\0', NULL },
		{ { "sendmail", "-N", "failure,delay", "-R", "hdrs", "-V", "id 1+=" },
		    ENVELOPE_NOTIFY_FAILURE | ENVELOPE_NOTIFY_DELAY, ENVELOPE_RETURN_HEADER,
		    "id 1+=", '\0', NULL },
		{ { "sendmail", "-N", "Success,DELAY,failure,success" },
		    ENVELOPE_NOTIFY_FAILURE | ENVELOPE_NOTIFY_DELAY | ENVELOPE_NOTIFY_SUCCESS,
		    ENVELOPE_RETURN_UNSAID, NULL, '\0', NULL },
		{ { "sendmail", "-RFULL" }, 0, ENVELOPE_RETURN_FULL, NULL, '\0', NULL },
		{ { "sendmail", "-Rfull", "-Rhdrs" }, 0, ENVELOPE_RETURN_HEADER, NULL, '\0', NULL },
		{ { "sendmail", "-Nsucess" }, 0, ENVELOPE_RETURN_UNSAID, NULL, 'N', "sucess" },
		{ { "sendmail", "-N", "" }, 0, ENVELOPE_RETURN_UNSAID, NULL, 'N', "" },
		{ { "sendmail", "-Nnever,failure" }, 0, ENVELOPE_RETURN_UNSAID, NULL, 'N',
		    "never,failure" },
		{ { "sendmail", "-Nfailure", "-Nx" }, ENVELOPE_NOTIFY_FAILURE,
		    ENVELOPE_RETURN_UNSAID, NULL, 'N', "x" },
		{ { "sendmail", "-N", "success, failure" }, 0, ENVELOPE_RETURN_UNSAID, NULL, 'N',
		    "success, failure" },
		{ { "sendmail", "-R", "all" }, 0, ENVELOPE_RETURN_UNSAID, NULL, 'R', "all" },
		{ { "sendmail", "-V", "" }, 0, ENVELOPE_RETURN_UNSAID, NULL, 'V', "" },
		{ { "sendmail", "-V", "a\nb" }, 0, ENVELOPE_RETURN_UNSAID, NULL, 'V', "a\nb" },
		{ { "sendmail", "-V", "\xc3\xa4" }, 0, ENVELOPE_RETURN_UNSAID, NULL, 'V',
		    "\xc3\xa4" },
		{ { "sendmail", "-V", fits }, 0, ENVELOPE_RETURN_UNSAID, fits, '\0', NULL },
		{ { "sendmail", "-V", too_long }, 0, ENVELOPE_RETURN_UNSAID, NULL, 'V', too_long },
		/* The first is told. */
		{ { "sendmail", "-Rx", "-Ny", "-Vz" }, 0, ENVELOPE_RETURN_UNSAID, "z", 'R', "x" },
	};

	(void)state;
	assert_int_equal(strlen(fits), ENVELOPE_ENVID_LIMIT);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct call call = make_call(rows[i].words);
		struct options options;
		struct error error = { 0 };
		char name[40];

		snprintf(name, sizeof name, "row %zu", i);
		if (options_parse(call.count, call.words, &options, &error) < 0)
			fail_msg("%s: %s", name, error.text);
		if (options.notify != rows[i].notify ||
		    options.return_content != rows[i].return_content ||
		    options.ignored_letter != rows[i].ignored_letter)
			fail_msg("%s: notify %u, return %d, ignored -%c", name, options.notify,
			    (int)options.return_content, options.ignored_letter);
		check_string(name, options.envid, rows[i].envid);
		check_string(name, options.ignored_value, rows[i].ignored_value);
	}
}

/* No word becomes a recipient, and none is lost, wherever a letter stands. */
static void every_letter_alone(void **state)
{
	static const char accepted[] = "tifrFoObIvqNRVABCDEGJLMTUXcdehmnpsx";
	static const char takes_value[] = "frFoONRVABCDLMXehp";

	(void)state;
	for (int letter = 1; letter < 256; letter++) {
		char word[3] = { '-', (char)letter, '\0' };
		const char *words[WORDS] = { "sendmail", word, "m", "x@y" };
		struct call call = make_call(words);
		struct options options;
		struct error error = { 0 };
		bool is_known = strchr(accepted, letter) != NULL;
		bool takes = strchr(takes_value, letter) != NULL || letter == 'b';
		/* These send nothing. */
		bool is_refused = !is_known || letter == 'I' || letter == 'q';

		if (letter == '-') /* "--": what follows are recipients */
			continue;
		int outcome = options_parse(call.count, call.words, &options, &error);
		if (outcome != (is_refused ? -1 : 0))
			fail_msg("-%c: %d", letter, outcome);
		if (outcome == 0 && options.recipient_count != (takes ? 1 : 2))
			fail_msg("-%c: %d recipients", letter, options.recipient_count);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_sender_comes_in_every_spelling),
		cmocka_unit_test(what_the_flags_say),
		cmocka_unit_test(what_means_nothing_here_is_taken),
		cmocka_unit_test(recipients_are_the_words_that_are_no_options),
		cmocka_unit_test(the_mode_follows_from_name_and_options),
		cmocka_unit_test(what_nobody_knows_is_a_usage_error),
		cmocka_unit_test(what_a_sender_wants_to_be_told),
		cmocka_unit_test(every_letter_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
