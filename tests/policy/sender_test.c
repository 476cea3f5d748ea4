/* SPDX-License-Identifier: MIT */

/* Tests policy/sender.c. */

#include "policy/sender.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/memory.h"

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
		    "From: alerts@x.example, alerts@x.example\r\nSender: alerts@x.example\r\n"
		    "Reply-To: a@d.example\r\n" },
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(senders_are_repaired),
		cmocka_unit_test(this_host_is_repaired),
		cmocka_unit_test(fields_are_repaired_in_place),
		cmocka_unit_test(whoever_is_refused_is_replaced),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
