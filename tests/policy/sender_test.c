/* SPDX-License-Identifier: MIT */

/* Tests policy/sender.c. */

#include "policy/sender.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "config/host.h"

static char from[] = "alerts@x.example";
static const struct smarthost with_from = { .from = from };
static const struct smarthost without_from = { .from = NULL };

static void senders_are_repaired(void **state)
{
	static const struct row {
		const char *sender;
		bool is_repaired;
	} rows[] = {
		{ "", false },
		{ "root", true },
		{ "\"a b\"", true },
		{ "root@localhost", true },
		{ "root@Localhost.LocalDomain", true },
		{ "root@web1", true },
		{ "root@d.example", false },
		{ "root@[192.0.2.1]", false },
		{ "root@[IPv6:2001:db8::1]", false },
		{ "a@b@localhost", true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		CLEANUP(memory_free_string)
		char *with = sender_outgoing(&with_from, rows[i].sender);
		CLEANUP(memory_free_string)
		char *without = sender_outgoing(&without_from, rows[i].sender);

		assert_string_equal(
		    with, rows[i].is_repaired ? "alerts@x.example" : rows[i].sender);
		assert_string_equal(without, rows[i].sender);
	}
}

static void this_host_is_repaired(void **state)
{
	char name[256] = { 0 };

	(void)state;
	assert_int_equal(gethostname(name, sizeof name - 1), 0);
	CLEANUP(memory_free_string) char *sender = memory_format("root@%s", name);
	CLEANUP(memory_free_string) char *outgoing = sender_outgoing(&with_from, sender);
	assert_string_equal(outgoing, "alerts@x.example");
}

typedef void rewrite_header(const struct smarthost *smarthost, struct header *header);

static char *rewrite_by(
    rewrite_header *rewrite_it, const struct smarthost *smarthost, const char *text)
{
	CLEANUP(header_finish) struct header header = { 0 };
	struct buffer output = { 0 };
	struct span body;

	header_init(&header);
	header_feed(&header, span_from_string(text), &body);
	header_end(&header, &body);
	rewrite_it(smarthost, &header);
	buffer_init(&output, 1 << 20);
	header_write(&header, &output);
	/* Without the empty line. */
	output.length -= 2;
	return buffer_take_string(&output);
}

static char *rewrite(const struct smarthost *smarthost, const char *text)
{
	return rewrite_by(sender_rewrite_header, smarthost, text);
}

static void fields_are_repaired_in_place(void **state)
{
	static const struct row {
		const char *given;
		const char *want;
	} rows[] = {
		{ "From: root@localhost\r\n", "From: alerts@x.example\r\n" },
		{ "From: root@web1 (Cron Daemon)\r\n", "From: alerts@x.example (Cron Daemon)\r\n" },
		{ "from :\r\n \"A, b\" <root@web1>\r\n",
		    "from :\r\n \"A, b\" <alerts@x.example>\r\n" },
		{ "From: me@d.example\r\n", "From: me@d.example\r\n" },
		{ "From: me@d.example, B <b@web1>\r\nSender: root@web1\r\nResent-From: a@web1\r\n",
		    "From: me@d.example, B <alerts@x.example>\r\nSender: alerts@x.example\r\n"
		    "Resent-From: alerts@x.example\r\n" },
		{ "To: root@web1\r\nReply-To: root@web1\r\n",
		    "To: root@web1\r\nReply-To: root@web1\r\n" },
		{ "From: a b c@\r\nFrom: <root@web1\r\n", "From: a b c@\r\nFrom: <root@web1\r\n" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		CLEANUP(memory_free_string) char *with = rewrite(&with_from, rows[i].given);
		CLEANUP(memory_free_string) char *without = rewrite(&without_from, rows[i].given);

		assert_string_equal(with, rows[i].want);
		assert_string_equal(without, rows[i].given);
	}
}

static void whoever_is_refused_is_replaced(void **state)
{
	static const struct row {
		const char *given;
		const char *want;
	} rows[] = {
		{ "From: The Bad One <bad@d.example>\r\n",
		    "From: The Bad One <alerts@x.example>\r\nReply-To: bad@d.example\r\n" },
		{ "From: a@d.example, b@d.example\r\nSender: c@d.example\r\n",
		    "From: alerts@x.example\r\nSender: alerts@x.example\r\n"
		    "Reply-To: a@d.example, b@d.example\r\n" },
		/* An answer to these would reach nobody, or somebody else is to get it. */
		{ "From: root@web1\r\n", "From: alerts@x.example\r\n" },
		{ "From: a@d.example\r\nReply-To: b@d.example\r\n",
		    "From: alerts@x.example\r\nReply-To: b@d.example\r\n" },
		{ "From: A <alerts@x.example>\r\n", "From: A <alerts@x.example>\r\n" },
		{ "Subject: no author\r\n", "Subject: no author\r\n" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		CLEANUP(memory_free_string)
		char *with = rewrite_by(sender_replace_header, &with_from, rows[i].given);
		CLEANUP(memory_free_string)
		char *without = rewrite_by(sender_replace_header, &without_from, rows[i].given);

		assert_string_equal(with, rows[i].want);
		assert_string_equal(without, rows[i].given);
	}
}

static char domain_pattern[] = "*@d.example";
static char one_pattern[] = "joe@e.example";
static char *allowed[] = { domain_pattern, one_pattern };
static char name[] = "ses";
static char settings[] = "/etc/m.conf";

static struct smarthost with_policy(enum smarthost_from_policy policy)
{
	return (struct smarthost){
		.name = name,
		.from = from,
		.from_policy = policy,
		.from_allow = allowed,
		.from_allow_count = 2,
	};
}

static void each_policy_has_its_senders(void **state)
{
	enum { S = SENDER_STAYS, F = SENDER_BECOMES_FROM, R = SENDER_IS_REFUSED };
	static const struct row {
		const char *sender;
		int fates[5]; /* auto, repair, rewrite, keep, reject */
	} rows[] = {
		{ "", { S, S, S, S, S } },
		{ "alerts@x.example", { S, S, S, S, S } },
		{ "Alerts@X.Example", { S, S, S, S, S } },
		{ "who@d.example", { S, S, S, S, S } },
		{ "who@D.EXAMPLE", { S, S, S, S, S } },
		{ "who@sub.d.example", { S, S, F, S, R } },
		{ "joe@e.example", { S, S, S, S, S } },
		{ "jim@e.example", { S, S, F, S, R } },
		{ "root", { F, F, F, S, R } },
		{ "root@web1", { F, F, F, S, R } },
		{ "root@localhost", { F, F, F, S, R } },
		{ "root@[192.0.2.1]", { S, S, F, S, R } },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		for (int policy = SMARTHOST_FROM_AUTO; policy <= SMARTHOST_FROM_REJECT; policy++) {
			struct smarthost smarthost = with_policy(
			    (enum smarthost_from_policy)policy);
			const char *reason = NULL;

			if ((int)sender_judge(&smarthost, rows[i].sender, &reason) !=
			    rows[i].fates[policy])
				fail_msg("%s under %s", rows[i].sender,
				    sender_policy_name((enum smarthost_from_policy)policy));
			assert_non_null(reason);
			CLEANUP(memory_free_string)
			char *outgoing = sender_outgoing(&smarthost, rows[i].sender);
			assert_string_equal(outgoing,
			    rows[i].fates[policy] == F ? "alerts@x.example" : rows[i].sender);
			/* Where there is nobody to become, nobody is changed. */
			smarthost.from = NULL;
			if (rows[i].fates[policy] == F)
				assert_int_equal(
				    sender_judge(&smarthost, rows[i].sender, &reason), S);
		}
	}
}

static void what_is_allowed_is_not_repaired(void **state)
{
	char pattern[] = "*@web1";
	char *patterns[] = { pattern };
	struct smarthost smarthost = {
		.from = from, .from_allow = patterns, .from_allow_count = 1
	};

	(void)state;
	CLEANUP(memory_free_string) char *text = rewrite(&smarthost, "From: root@web1\r\n");
	assert_string_equal(text, "From: root@web1\r\n");
}

static void rewrite_leaves_only_who_is_allowed(void **state)
{
	static const struct row {
		const char *given;
		const char *want; /* NULL: the same */
	} rows[] = {
		{ "From: a@d.example\r\nSender: joe@e.example\r\n", NULL },
		{ "From: =?utf-8?Q?J=C3=B6_D?=\r\n =?utf-8?B?w7Y=?= <a@b.example>\r\n",
		    "From: =?utf-8?Q?J=C3=B6_D?=\r\n =?utf-8?B?w7Y=?= <alerts@x.example>\r\n"
		    "Reply-To: a@b.example\r\n" },
		{ "From:a@b.example\r\n", "From:alerts@x.example\r\nReply-To: a@b.example\r\n" },
		{ "From: (one) a@b.example (two)\r\nreply-to : c@d.example\r\n",
		    "From: (one) alerts@x.example (two)\r\nreply-to : c@d.example\r\n" },
		{ "From: The Team: a@b.example;\r\n",
		    "From: The Team: alerts@x.example;\r\nReply-To: a@b.example\r\n" },
		{ "From: \"B, a\" <a@b.example>, c@b.example, D <d@d.example>\r\n",
		    "From: \"B, a\" <alerts@x.example>, D <d@d.example>\r\n"
		    "Reply-To: a@b.example, c@b.example, d@d.example\r\n" },
		{ "From: A <alerts@x.example>, b@b.example\r\n",
		    "From: A <alerts@x.example>\r\n"
		    "Reply-To: alerts@x.example, b@b.example\r\n" },
		{ "From: \"Shop \\\"1\\\"\" <a@b.example>\r\n",
		    "From: \"Shop \\\"1\\\"\" <alerts@x.example>\r\n"
		    "Reply-To: a@b.example\r\n" },
		/* Nobody who could have been allowed. */
		{ "From: Backup Job\r\n", "From: Backup Job <alerts@x.example>\r\n" },
		{ "From:\r\n", "From: alerts@x.example\r\n" },
		{ "From: undisclosed:;\r\n", "From: alerts@x.example\r\n" },
		{ "From: <>\r\n", "From: alerts@x.example\r\n" },
		{ "From: \"open <a@b.example>\r\n", "From: alerts@x.example\r\n" },
		/* The last resender is the one who sends; the others are history. */
		{ "Resent-From: r@b.example\r\nResent-From: q@b.example\r\nFrom: a@d.example\r\n",
		    "Resent-From: alerts@x.example\r\nResent-From: q@b.example\r\n"
		    "From: a@d.example\r\n" },
		{ "To: a@b.example\r\nReturn-Path: <a@b.example>\r\nResent-Sender: a@b.example\r\n",
		    NULL },
	};
	struct smarthost smarthost = with_policy(SMARTHOST_FROM_REWRITE);
	struct smarthost keeping = with_policy(SMARTHOST_FROM_KEEP);
	struct smarthost rejecting = with_policy(SMARTHOST_FROM_REJECT);

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		CLEANUP(memory_free_string) char *text = rewrite(&smarthost, rows[i].given);
		CLEANUP(memory_free_string) char *kept = rewrite(&keeping, rows[i].given);
		CLEANUP(memory_free_string) char *rejected = rewrite(&rejecting, rows[i].given);

		assert_string_equal(text, rows[i].want != NULL ? rows[i].want : rows[i].given);
		assert_string_equal(kept, rows[i].given);
		assert_string_equal(rejected, rows[i].given);
	}
}

static void long_lists_are_folded(void **state)
{
	struct smarthost smarthost = with_policy(SMARTHOST_FROM_REWRITE);
	struct buffer given = { 0 };

	(void)state;
	buffer_init(&given, 1 << 20);
	buffer_append_string(&given, "From: x@b.example");
	for (int i = 0; i < 200; i++)
		buffer_format(&given, ",\r\n a%d@b.example", i);
	buffer_append_string(&given, "\r\n");
	CLEANUP(memory_free_string) char *text = rewrite(&smarthost, buffer_string(&given));
	buffer_finish(&given);
	struct span rest = span_from_string(text);
	struct span line;
	size_t lines = 0;
	while (span_take_line(&rest, &line)) {
		assert_true(line.length <= 998);
		lines++;
	}
	assert_true(lines > 3);
	assert_non_null(strstr(text, "a199@b.example"));
}

static void reject_names_who_it_is_and_what_to_write(void **state)
{
	static const struct row {
		const char *sender;
		const char *header;
		const char *words; /* NULL: it may go */
		const char *next;
	} rows[] = {
		{ "a@d.example", "From: joe@e.example\r\nSender: ALERTS@x.example\r\n", NULL,
		    NULL },
		{ "", "From: joe@e.example\r\n", NULL, NULL },
		{ "", "Subject: x\r\n", NULL, NULL },
		{ "a@b.example", "From: a@d.example\r\n",
		    "by a@b.example in the envelope:", "from_allow = { \"*@b.example\" }" },
		{ "", "From: a@d.example, B <b@b.example>\r\n",
		    "by b@b.example in From:", "from_allow = { \"*@b.example\" }" },
		{ "", "From: a@d.example\r\nFrom: b@b.example\r\n", "by b@b.example in From:", "" },
		{ "", "From: a@d.example\r\nSender: b@web1\r\n", "by b@web1 in Sender:", "" },
		{ "", "Resent-From: b@b.example\r\nFrom: a@d.example\r\n",
		    "by b@b.example in Resent-From:", "" },
		{ "", "Resent-From: b@d.example\r\nResent-From: b@b.example\r\n", NULL, NULL },
		{ "", "From: Backup Job\r\n", "by Backup Job in From:", "\"*@example.com\"" },
		{ "", "From: x:;\r\n", "by nobody in From:", "" },
	};
	const struct config_place place = { settings, 7 };

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		CLEANUP(header_finish) struct header header = { 0 };
		struct smarthost smarthost = with_policy(SMARTHOST_FROM_REJECT);
		struct error error = { 0 };
		struct span body;

		header_init(&header);
		header_feed(&header, span_from_string(rows[i].header), &body);
		header_end(&header, &body);
		int outcome = sender_check(&smarthost, &place, rows[i].sender, &header, &error);
		if (outcome != (rows[i].words != NULL ? -1 : 0))
			fail_msg("%s%s: %s", rows[i].sender, rows[i].header, error.text);
		smarthost.from_policy = SMARTHOST_FROM_REWRITE;
		assert_int_equal(
		    sender_check(&smarthost, &place, rows[i].sender, &header, &error), 0);
		if (outcome == 0)
			continue;
		if (strstr(error.text, rows[i].words) == NULL ||
		    strstr(error.next, rows[i].next) == NULL)
			fail_msg("%s; %s", error.text, error.next);
		assert_non_null(strstr(error.text, "\"ses\""));
		assert_non_null(strstr(error.next, "/etc/m.conf line 7"));
		assert_string_equal(error.status, "5.7.1");
		assert_int_equal(error.kind, ERROR_NO_PERMISSION);
	}
}

static void advice_is_the_line_that_is_missing(void **state)
{
	static const char known[] =
	    "in smarthost \"ses\" write from = \"alerts@x.example\" and so on";
	static const char instead[] = "in smarthost \"ses\" write from = \"an address that this "
				      "account may send as\" instead of the one there, or let the "
				      "account send as alerts@x.example (/etc/m.conf line 7)";
	static const struct row {
		enum smarthost_from_policy policy;
		const char *sender;
		bool is_replaced;
		const char *known;
		const char *words;
	} rows[] = {
		{ SMARTHOST_FROM_AUTO, "a@b.example", true, "", instead },
		{ SMARTHOST_FROM_AUTO, "a@b.example", true, known, instead },
		{ SMARTHOST_FROM_AUTO, "a@b.example", true, "verify it",
		    "verify it (/etc/m.conf line 7)" },
		{ SMARTHOST_FROM_KEEP, "a@b.example c@b.example", false, "",
		    "in smarthost \"ses\" write from_policy = \"rewrite\" instead of \"keep\", or "
		    "let the account send as a@b.example c@b.example (/etc/m.conf line 7)" },
		{ SMARTHOST_FROM_REPAIR, "a@b.example", false, known,
		    "in smarthost \"ses\" write from = \"alerts@x.example\" and so on "
		    "(/etc/m.conf line 7)" },
		{ SMARTHOST_FROM_REPAIR, "alerts@x.example", false, known, instead },
		{ SMARTHOST_FROM_REWRITE, "alerts@x.example", false, "", instead },
		{ SMARTHOST_FROM_REJECT, "a@d.example", false, known,
		    "in smarthost \"ses\" take a@d.example out of from_allow, or let the account "
		    "send as it (/etc/m.conf line 7)" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const struct config_smarthost smarthost = {
			.parameters = with_policy(rows[i].policy),
			.place = { settings, 7 },
		};
		CLEANUP(memory_free_string)
		char *words = sender_advice(
		    &smarthost, rows[i].sender, rows[i].is_replaced, rows[i].known);

		assert_string_equal(words, rows[i].words);
	}
	const struct config_smarthost bare = { .parameters = { .name = name } };
	CLEANUP(memory_free_string)
	char *words = sender_advice(&bare, "a@b.example", false, "");
	assert_string_equal(words,
	    "in smarthost \"ses\" write from = \"an address that this account may send as\" and "
	    "from_policy = \"rewrite\", or let the account send as a@b.example "
	    "(the configuration)");
}

static int *lookups; /* seen by all processes: it is not this one that asks */

/* In place of libc's: a name server that has no answer. */
int getaddrinfo(const char *restrict node, const char *restrict service,
    const struct addrinfo *restrict hints, struct addrinfo **restrict found)
{
	(void)node;
	(void)service;
	(void)hints;
	(void)found;
	++*lookups;
	return EAI_AGAIN;
}

/* The service does this, and serves nobody while it waits. */
static void the_host_is_looked_up_once(void **state)
{
	char own[256] = { 0 };

	(void)state;
	assert_int_equal(gethostname(own, sizeof own - 1), 0);
	if (strchr(own, '.') != NULL || strcmp(own, "localhost") == 0)
		skip();
	CLEANUP(memory_free_string)
	char *text = memory_format("From: a@%s.b.example, c@%s.d.example\r\n"
				   "Sender: e@%s.f.example\r\n",
	    own, own, own);
	lookups = mmap(
	    NULL, sizeof *lookups, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(lookups, MAP_FAILED);
	host_forget();
	CLEANUP(memory_free_string)
	char *got = rewrite_by(sender_rewrite_header, &with_from, text);
	assert_string_equal(got, text);
	assert_int_equal(*lookups, 1);
	/* Nor does the next header wait. */
	CLEANUP(memory_free_string)
	char *again = rewrite_by(sender_rewrite_header, &with_from, text);
	assert_string_equal(again, text);
	assert_int_equal(*lookups, 1);
	munmap(lookups, sizeof *lookups);
}

/* Settings of the environment have no line. */
static void who_is_refused_is_told_where_to_write(void **state)
{
	static char file[] = "MAILCHUTE_URL";
	const struct smarthost smarthost = {
		.name = name, .from = from, .from_policy = SMARTHOST_FROM_REJECT
	};
	const struct config_place place = { .file = file };
	CLEANUP(header_finish) struct header header = { 0 };
	struct error error = { 0 };

	(void)state;
	assert_int_equal(sender_check(&smarthost, &place, "me@y.example", &header, &error), -1);
	assert_non_null(strstr(error.next, "or set MAILCHUTE_FROM_POLICY=rewrite "));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(senders_are_repaired),
		cmocka_unit_test(this_host_is_repaired),
		cmocka_unit_test(fields_are_repaired_in_place),
		cmocka_unit_test(whoever_is_refused_is_replaced),
		cmocka_unit_test(each_policy_has_its_senders),
		cmocka_unit_test(what_is_allowed_is_not_repaired),
		cmocka_unit_test(rewrite_leaves_only_who_is_allowed),
		cmocka_unit_test(long_lists_are_folded),
		cmocka_unit_test(reject_names_who_it_is_and_what_to_write),
		cmocka_unit_test(advice_is_the_line_that_is_missing),
		cmocka_unit_test(the_host_is_looked_up_once),
		cmocka_unit_test(who_is_refused_is_told_where_to_write),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
