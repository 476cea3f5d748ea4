/* SPDX-License-Identifier: MIT */

/* Tests policy/complete.c. */

#include "policy/complete.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"

static char domain[] = "d.example";
static const struct config config = { .domain = domain };

static char *complete_with(const char *text, const char *sender, const char *full_name,
    const struct config *settings, const struct aliases *aliases)
{
	const struct complete_submitter submitter = {
		.sender = sender, .full_name = full_name, .wall = 1795412220000, .aliases = aliases
	};
	CLEANUP(header_finish) struct header header = { 0 };
	struct buffer output = { 0 };
	struct span body;

	header_init(&header);
	header_feed(&header, span_from_string(text), &body);
	header_end(&header, &body);
	complete_header(&header, settings, &submitter);
	buffer_init(&output, 1 << 20);
	header_write(&header, &output);
	return buffer_take_string(&output);
}

static char *complete(const char *text, const char *sender, const char *full_name)
{
	return complete_with(text, sender, full_name, &config, NULL);
}

/* What these rows are about is not what is added. */
#define WHOLE "Date: Mon, 1 Jan 2024 00:00:00 +0000\r\nMessage-ID: <x@y>\r\n"

static void fields_are_kept_but_for_bare_names(void **state)
{
	static const struct row {
		const char *name;
		const char *given;
		const char *want;
	} rows[] = {
		{ "nothing to do", "From: a@b.example\r\n", "From: a@b.example\r\n" },
		{ "octet for octet", "fRoM :\t a@b.example  \r\nX_Odd!: \xff\r\n y\r\n",
		    "fRoM :\t a@b.example  \r\nX_Odd!: \xff\r\n y\r\n" },
		{ "a bare name", "From: root\r\n", "From: root@d.example\r\n" },
		{ "cron's", "From: root (Cron Daemon)\r\n",
		    "From: root@d.example (Cron Daemon)\r\n" },
		{ "in brackets", "From: \"A, b\" <root>\r\n",
		    "From: \"A, b\" <root@d.example>\r\n" },
		{ "in lists, over folds",
		    "From: a@b.example\r\nTo: root,\r\n\tb@c.example, \"x y\" (z),\r\n bob\r\n",
		    "From: a@b.example\r\nTo: root@d.example,\r\n\tb@c.example, \"x y\"@d.example "
		    "(z),\r\n bob@d.example\r\n" },
		{ "in groups", "From: a@b.example\r\nCc: g: root, x@y.example;, bob\r\n",
		    "From: a@b.example\r\nCc: g: root@d.example, x@y.example;, bob@d.example\r\n" },
		{ "an empty group", "From: a@b.example\r\nTo: undisclosed-recipients:;\r\n",
		    "From: a@b.example\r\nTo: undisclosed-recipients:;\r\n" },
		{ "every address field",
		    "From: a\r\nSender: b\r\nReply-To: c\r\nTo: d\r\nCc: e\r\n",
		    "From: a@d.example\r\nSender: b@d.example\r\nReply-To: c@d.example\r\n"
		    "To: d@d.example\r\nCc: e@d.example\r\n" },
		{ "other fields stay", "From: a@b.example\r\nSubject: root\r\nErrors-To: root\r\n",
		    "From: a@b.example\r\nSubject: root\r\nErrors-To: root\r\n" },
		{ "twice the same field", "From: a@b.example\r\nTo: x\r\nTo: y\r\n",
		    "From: a@b.example\r\nTo: x@d.example\r\nTo: y@d.example\r\n" },
		{ "malformed stays", "From: a@b.example\r\nTo: a b c, root, <x\r\n",
		    "From: a@b.example\r\nTo: a b c, root@d.example, <x\r\n" },
		{ "blind copies go", "From: a@b.example\r\nBcc: x,\r\n y\r\nbcc : z\r\nBCC:\r\n",
		    "From: a@b.example\r\n" },
		{ "as the only other fields",
		    "Return-Path: <x>\r\nFrom: a@b.example\r\nContent-Length: 7\r\n",
		    "From: a@b.example\r\n" },
		{ "Received stays", "Received: x\r\nFrom: a@b.example\r\n",
		    "Received: x\r\nFrom: a@b.example\r\n" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		CLEANUP(memory_free_string) char *given = memory_format(WHOLE "%s", rows[i].given);
		CLEANUP(memory_free_string)
		char *want = memory_format(WHOLE "%s\r\n", rows[i].want);
		CLEANUP(memory_free_string) char *got = complete(given, "s@x.example", "");

		if (strcmp(got, want) != 0)
			fail_msg("%s: %s", rows[i].name, got);
	}
}

static void names_become_the_addresses_of_their_aliases(void **state)
{
	static const struct row {
		const char *name;
		const char *given; /* behind From */
		const char *want;  /* NULL: the same */
	} rows[] = {
		{ "a name", "To: root\r\n", "To: me@y.example\r\n" },
		{ "in brackets", "To: \"A, b\" <Root> (x)\r\n",
		    "To: \"A, b\" <me@y.example> (x)\r\n" },
		{ "an encoded name", "To: =?utf-8?Q?=C3=A4?=\t<root>\r\n",
		    "To: =?utf-8?Q?=C3=A4?=\t<me@y.example>\r\n" },
		{ "a comment", "Cc:root  (the (boss\\)))\r\n",
		    "Cc:me@y.example  (the (boss\\)))\r\n" },
		{ "this host", "To: <root@LOCALHOST>\r\n", "To: <me@y.example>\r\n" },
		{ "a detail", "To: root+cron\r\n", "To: me@y.example\r\n" },
		{ "no alias", "To: bob, bob@localhost\r\n",
		    "To: bob@d.example, bob@localhost\r\n" },
		{ "another host", "To: root@d.example\r\n", NULL },
		{ "several in one field, over folds",
		    "To: a@b.example,\r\n\troot,\r\n  x (y), list;\r\n",
		    "To: a@b.example,\r\n\tme@y.example,\r\n  x@d.example (y), "
		    "list@d.example;\r\n" },
		{ "in a group", "To: g: root, bob;, z@b.example\r\n",
		    "To: g: me@y.example, bob@d.example;, z@b.example\r\n" },
		{ "two", "To: T <two>, x@b.example\r\n",
		    "To: T <a@y.example>, b@y.example, x@b.example\r\n" },
		{ "two with a comment in brackets", "To: <two (>, )> (c), x@b.example\r\n",
		    "To: <a@y.example (>, )>, b@y.example (c), x@b.example\r\n" },
		{ "two without brackets", "To: two (c), X <x@b.example>\r\n",
		    "To: a@y.example, b@y.example (c), X <x@b.example>\r\n" },
		{ "two in a group", "To: g: two;\r\n", "To: g: a@y.example, b@y.example;\r\n" },
		{ "the fields of recipients", "Cc: root\r\nTo: root\r\nto: root\r\n",
		    "Cc: me@y.example\r\nTo: me@y.example\r\nto: me@y.example\r\n" },
		{ "no other fields", "Reply-To: root\r\nSender: root\r\nX-To: root\r\n",
		    "Reply-To: root@d.example\r\nSender: root@d.example\r\nX-To: root\r\n" },
		{ "malformed stays", "To: root root, <root, root\r\n",
		    "To: root root, <root, me@y.example\r\n" },
		{ "members of a list stay", "To: list\r\n", "To: list@d.example\r\n" },
	};
	static char me[] = "me@y.example";
	static char a[] = "a@y.example";
	static char b[] = "b@y.example";
	static char *targets[] = { me, a, b };
	static char source[] = "test";
	struct alias entries[] = {
		{ .name = (char[]){ "root" },
		    .targets = targets,
		    .target_count = 1,
		    .source = source },
		{ .name = (char[]){ "two" },
		    .targets = targets + 1,
		    .target_count = 2,
		    .source = source },
		{ .name = (char[]){ "list" },
		    .targets = targets,
		    .target_count = 1,
		    .source = source },
		{ .name = (char[]){ "owner-list" },
		    .targets = targets,
		    .target_count = 1,
		    .source = source },
	};
	const struct aliases aliases = { .entries = entries, .count = 4 };
	const struct config keeping = { .domain = domain, .keeps_to = true };

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const char *expected = rows[i].want != NULL ? rows[i].want : rows[i].given;
		CLEANUP(memory_free_string)
		char *given = memory_format(WHOLE "From: f@b.example\r\n%s", rows[i].given);
		CLEANUP(memory_free_string)
		char *want = memory_format(WHOLE "From: f@b.example\r\n%s\r\n", expected);
		CLEANUP(memory_free_string)
		char *got = complete_with(given, "s@x.example", "", &config, &aliases);
		CLEANUP(memory_free_string)
		char *kept = complete_with(given, "s@x.example", "", &keeping, &aliases);
		CLEANUP(memory_free_string) char *without = complete(given, "s@x.example", "");

		if (strcmp(got, want) != 0)
			fail_msg("%s: %s", rows[i].name, got);
		/* rewrite_to = false: as if there were no aliases. */
		assert_string_equal(kept, without);
	}
}

static void from_is_made_of_name_and_sender(void **state)
{
	static const struct row {
		const char *sender;
		const char *full_name;
		const char *want;
	} rows[] = {
		{ "s@x.example", "", "From: s@x.example\r\n" },
		{ "s@x.example", "Ann Example", "From: Ann Example <s@x.example>\r\n" },
		{ "s@x.example", "Ann, B.", "From: \"Ann, B.\" <s@x.example>\r\n" },
		{ "s@x.example", "A \"q\" \\", "From: \"A \\\"q\\\" \\\\\" <s@x.example>\r\n" },
		{ "s@x.example", "=?x?=", "From: \"=?x?=\" <s@x.example>\r\n" },
		{ "s@x.example", "J\xc3\xb6rg", "From: =?utf-8?B?SsO2cmc=?= <s@x.example>\r\n" },
		{ "s@x.example", "J\xf6rg", "From: =?unknown-8bit?B?SvZyZw==?= <s@x.example>\r\n" },
		{ "s@x.example", "a\r\nBcc: b", "From: \"a  Bcc: b\" <s@x.example>\r\n" },
		{ "s@x.example", " \t ", "From: s@x.example\r\n" },
		{ "", "", "From: MAILER-DAEMON@d.example\r\n" },
		{ "root", "", "From: root@d.example\r\n" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		CLEANUP(memory_free_string)
		char *got = complete(WHOLE, rows[i].sender, rows[i].full_name);
		CLEANUP(memory_free_string)
		char *want = memory_format(WHOLE "%s\r\n", rows[i].want);

		if (strcmp(got, want) != 0)
			fail_msg("%s: %s", rows[i].full_name, got);
	}
}

static void encoded_words_are_short_and_whole(void **state)
{
	char name[400];

	(void)state;
	for (size_t i = 0; i + 3 < sizeof name; i += 3)
		memcpy(name + i, "\xe2\x82\xac", 4);
	CLEANUP(memory_free_string) char *got = complete(WHOLE, "s@x.example", name);
	struct span rest = span_from_string(strstr(got, "From:"));
	struct span line;
	size_t count = 0;

	while (span_take_line(&rest, &line) && line.length != 0) {
		assert_true(line.length <= 100);
		/* 39 octets are 13 whole characters and 52 octets of base64 without padding. */
		if (count < 6)
			assert_non_null(memmem(line.start, line.length,
			    "4oKs4oKs4oKs4oKs4oKs4oKs4oKs4oKs4oKs4oKs4oKs4oKs4oKs?=", 54));
		count++;
	}
	assert_int_equal(count, 7);
}

static void what_is_missing_comes(void **state)
{
	CLEANUP(memory_free_string) char *got = complete("Subject: x\r\n", "s@x.example", "");

	(void)state;
	assert_true(span_starts_with(span_from_string(got), "Subject: x\r\nDate: "));
	assert_non_null(strstr(got, "\r\nMessage-ID: <"));
	assert_non_null(strstr(got, "@d.example>\r\n"));
	assert_non_null(strstr(got, "\r\nFrom: s@x.example\r\n"));
	assert_null(strstr(got, "Resent-"));
	assert_null(strstr(got, "To:"));
	CLEANUP(memory_free_string) char *none = complete("", "s@x.example", "");
	assert_true(span_starts_with(span_from_string(none), "Date: "));
}

static void the_full_name_is_part_of_gecos(void **state)
{
	static const struct row {
		const char *gecos;
		const char *login;
		const char *want;
	} rows[] = {
		{ "", "ann", "" },
		{ "Ann Example", "ann", "Ann Example" },
		{ "Ann Example,Room 1,,", "ann", "Ann Example" },
		{ ",Room 1", "ann", "" },
		{ "& Example", "ann", "Ann Example" },
		{ "Mr. & & (&)", "ann", "Mr. Ann Ann (Ann)" },
		{ "&", "_ann", "_ann" },
		{ "&", "", "" },
		{ "J\xc3\xb6rg", "j", "J\xc3\xb6rg" },
		{ "a\nb", "ann", "" },
		{ "nineteen characters", "ann", "nineteen characters" },
		{ "twenty characters ..", "ann", "" },
		{ "eighteen characte&", "ann", "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char name[20] = "x";

		complete_full_name(rows[i].gecos, rows[i].login, name, sizeof name);
		if (strcmp(name, rows[i].want) != 0)
			fail_msg("%s: %s", rows[i].gecos, name);
	}
}

/* compat.md, "header line over 998"; how it is broken, tests/message/fold_test.c knows. */
static void long_lines_are_folded(void **state)
{
	CLEANUP(memory_free_string) char *long_word = memory_format("%0900d", 0);
	CLEANUP(memory_free_string)
	char *given = memory_format(WHOLE "From: a@b.example\r\nX: %s %s\r\nTo: bob, %s@b, c\r\n",
	    long_word, long_word, long_word);
	CLEANUP(memory_free_string)
	char *want = memory_format(WHOLE "From: a@b.example\r\nX: %s\r\n %s\r\n"
					 "To: bob@d.example, %s@b, c@d.example\r\n\r\n",
	    long_word, long_word, long_word);
	CLEANUP(memory_free_string) char *got = complete(given, "s@x.example", "");

	(void)state;
	assert_string_equal(got, want);
}

/* Where there is no blank, a comma between addresses will do. */
static void long_address_lists_are_folded_at_commas(void **state)
{
	CLEANUP(memory_free_string) char *name = memory_format("%0400d@b", 0);
	CLEANUP(memory_free_string)
	char *given = memory_format(WHOLE
	    "From: a@b.example\r\nTo:%s,%s,%s\r\nX:%s,%s,%s\r\nCc:c@d,e@f\r\n",
	    name, name, name, name, name, name);
	CLEANUP(memory_free_string)
	char *want = memory_format(WHOLE "From: a@b.example\r\nTo:%s, %s,\r\n %s\r\nX:%s,%s,%s\r\n"
					 "Cc:c@d,e@f\r\n\r\n",
	    name, name, name, name, name, name);
	CLEANUP(memory_free_string) char *got = complete(given, "s@x.example", "");

	(void)state;
	assert_string_equal(got, want);
}

static void resent_messages_get_a_block(void **state)
{
	CLEANUP(memory_free_string)
	char *got = complete(
	    "Resent-To: bob\r\nResent-Bcc: eve\r\nDate: bad\r\nFrom: a@b.example\r\n"
	    "Message-ID: <x@y>\r\n",
	    "s@x.example", "Ann");

	(void)state;
	assert_true(span_starts_with(span_from_string(got), "Resent-Date: "));
	assert_non_null(strstr(got, "\r\nResent-Message-ID: <"));
	assert_non_null(
	    strstr(got, "\r\nResent-From: Ann <s@x.example>\r\nResent-To: bob@d.example\r\n"
			"Date: bad\r\nFrom: a@b.example\r\nMessage-ID: <x@y>\r\n\r\n"));
	assert_null(strstr(got, "eve"));
	/* Even where a Resent-Bcc was the only sign of it. */
	CLEANUP(memory_free_string)
	char *blind = complete("resent-bcc: eve\r\n", "s@x.example", "");
	assert_non_null(strstr(blind, "Resent-From: s@x.example\r\n"));
	assert_null(strstr(blind, "eve"));
}

static void addresses_are_completed(void **state)
{
	static const char *const rows[][2] = { { "root", "root@d.example" }, { "", "" },
		{ "a@b", "a@b" }, { "\"a@b\"", "\"a@b\"@d.example" } };

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		CLEANUP(memory_free_string) char *got = complete_address(&config, rows[i][0]);

		assert_string_equal(got, rows[i][1]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields_are_kept_but_for_bare_names),
		cmocka_unit_test(names_become_the_addresses_of_their_aliases),
		cmocka_unit_test(from_is_made_of_name_and_sender),
		cmocka_unit_test(encoded_words_are_short_and_whole),
		cmocka_unit_test(what_is_missing_comes),
		cmocka_unit_test(the_full_name_is_part_of_gecos),
		cmocka_unit_test(long_lines_are_folded),
		cmocka_unit_test(long_address_lists_are_folded_at_commas),
		cmocka_unit_test(resent_messages_get_a_block),
		cmocka_unit_test(addresses_are_completed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
