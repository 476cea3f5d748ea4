/* SPDX-License-Identifier: MIT */

/* Tests sendmail/options.c: every spelling that callers use (callers.md, compat.md). */

#include "sendmail/options.h"

#include <string.h>

#include "tests/support/cmocka.h"

enum { WORDS = 10 };

/* The words of a row, copied, so that the parser may reorder them. */
struct call {
	char *words[WORDS + 1];
	int count;
};

static struct call make_call(const char *const words[WORDS])
{
	struct call call = { 0 };

	while (call.count < WORDS && words[call.count] != NULL) {
		call.words[call.count] = (char *)(uintptr_t)words[call.count];
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_sender_comes_in_every_spelling),
		cmocka_unit_test(what_the_flags_say),
		cmocka_unit_test(what_means_nothing_here_is_taken),
		cmocka_unit_test(recipients_are_the_words_that_are_no_options),
		cmocka_unit_test(the_mode_follows_from_name_and_options),
		cmocka_unit_test(what_nobody_knows_is_a_usage_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
