/* SPDX-License-Identifier: MIT */

/* Tests admin/test_share.c: no name of a person or a machine is left, and all else is. */

#include "admin/test_share.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "tests/support/cmocka.h"
#include "tests/support/guarded.h"

static void check(struct test_share *share, const char *text, const char *expected)
{
	struct buffer output CLEANUP(buffer_finish) = { 0 };

	buffer_init(&output, 10000);
	test_share_mask(share, span_from_string(text), &output);
	assert_string_equal(buffer_string(&output), expected);
}

static void names_are_replaced(void **state)
{
	static const struct {
		const char *name;
		const char *text;
		const char *expected;
	} rows[] = {
		{ "an address", "> MAIL FROM:<a@b.example> SIZE=5",
		    "> MAIL FROM:<user1@domain2.example> SIZE=5" },
		{ "a host with its port", "connecting to smtp.gmail.com:587 [142.250.1.2]",
		    "connecting to host1.example:587 [192.0.2.2]" },
		{ "an address literal", "EHLO [192.168.7.9]", "EHLO [192.0.2.1]" },
		{ "IPv6", "[2001:4860::1], [::1]", "[192.0.2.1], [192.0.2.2]" },
		{ "the end of a sentence", "sent to mail.example.com.", "sent to host1.example." },
		{ "a URL", "see https://support.google.com/mail/?p=x",
		    "see https://host1.example/mail/?p=x" },
		{ "the same ones again", "b@c.example c.example B@C.EXAMPLE",
		    "user1@domain2.example host2.example user1@domain2.example" },
		{ "a top level in A-labels", "x.xn--p1ai", "host1.example" },
		{ "this machine", "from web01 now", "from host1.example now" },
		{ "a login", "refused the login of alice (AUTH PLAIN)",
		    "refused the login of user1 (AUTH PLAIN)" },
		{ "a file",
		    "open /etc/mailchute/ca.pem: no, (/etc/mailchute/mailchute.conf line 2)",
		    "open /etc/mailchute/ca.pem: no, (/etc/mailchute/mailchute.conf line 2)" },
		{ "a file of a person", "cannot read /home/alice/relay.example.com.pem.",
		    "cannot read /home/user1/host2.example.pem." },
		{ "a file beside", "section [main] of secrets.ini",
		    "section [main] of secrets.ini" },
		{ "a folder", "/etc/ssl/example.com/own.key", "/etc/ssl/host1.example/own.key" },
		{ "the first line of several", "  0.132 < 250-relay.example.com at your service",
		    "  0.132 < 250-host1.example at your service" },
		{ "lines of several", "  0.132 < 250-STARTTLS", "  0.132 < 250-STARTTLS" },
		{ "a host with a number", "via 123-mail.example.com", "via host1.example" },
		{ "no name", "  0.132 < 250 2.0.0 OK TLSv1.3 TLS_AES_256_GCM_SHA384, 1.5 GiB",
		    "  0.132 < 250 2.0.0 OK TLSv1.3 TLS_AES_256_GCM_SHA384, 1.5 GiB" },
		{ "localhost", "220 localhost ESMTP", "220 localhost ESMTP" },
		{ "lone signs", "a @ b . : @x y@ ...", "a @ b . : @x y@ ..." },
		{ "nothing", "", "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct test_share share CLEANUP(test_share_finish) = { 0 };

		print_message("%s\n", rows[i].name);
		if (strcmp(rows[i].name, "this machine") == 0)
			test_share_know(&share, "web01");
		test_share_know(&share, "localhost");
		check(&share, rows[i].text, rows[i].expected);
	}
}

static void any_number_of_names_is_replaced(void **state)
{
	struct test_share share CLEANUP(test_share_finish) = { 0 };

	(void)state;
	for (int i = 0; i < 2 * TEST_SHARE_LIMIT; i++) {
		struct buffer output CLEANUP(buffer_finish) = { 0 };
		char text[40];

		snprintf(text, sizeof text, "secret%d.example.com", i);
		buffer_init(&output, 1000);
		test_share_mask(&share, span_from_string(text), &output);
		assert_null(strstr(buffer_string(&output), "secret"));
	}
}

static void no_octet_behind_the_text_is_read(void **state)
{
	static const char text[] = "a@b.example:25 [::1] x.";

	(void)state;
	for (size_t length = 0; length < sizeof text; length++) {
		struct test_share share CLEANUP(test_share_finish) = { 0 };
		struct buffer output CLEANUP(buffer_finish) = { 0 };

		buffer_init(&output, 1000);
		test_share_mask(&share, guarded(text, length), &output);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_replaced),
		cmocka_unit_test(any_number_of_names_is_replaced),
		cmocka_unit_test(no_octet_behind_the_text_is_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
