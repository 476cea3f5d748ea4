/* SPDX-License-Identifier: MIT */

/* Tests smtp/client/blame.c: what providers say, and what it is about. */

#include "smtp/client/blame.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

static const struct {
	enum command_verb verb;
	const char *reply;
	enum blame blame;
} rows[] = {
	/* senders */
	{ COMMAND_DATA,
	    "550 5.7.60 SMTP; Client does not have permissions to send as this sender\r\n",
	    BLAME_SENDER },
	{ COMMAND_MAIL, "550 5.7.60 SMTP; no\r\n", BLAME_SENDER },
	{ COMMAND_BDAT,
	    "554 5.2.252 SendAsDenied; a@b.example not allowed to send as c@d.example\r\n",
	    BLAME_SENDER },
	{ COMMAND_DATA,
	    "554 Message rejected: Email address is not verified. The following identities failed "
	    "the check in region EU-WEST-1: a@b.example\r\n",
	    BLAME_SENDER },
	{ COMMAND_DATA,
	    "550 The from address does not match a verified Sender Identity. Mail cannot be "
	    "sent\r\n",
	    BLAME_SENDER },
	{ COMMAND_RCPT, "553 5.7.1 <a@b.example>: Sender address rejected: not owned by user c\r\n",
	    BLAME_SENDER },
	{ COMMAND_DATA, "550-5.7.0 From address is not\r\n550 5.7.0 one of your addresses.\r\n",
	    BLAME_SENDER },
	{ COMMAND_MAIL, "550 Sender address is not allowed.\r\n", BLAME_SENDER },
	{ COMMAND_DATA, "551 5.7.1 Not authorised to send from this header address\r\n",
	    BLAME_SENDER },
	/* logins */
	{ COMMAND_MAIL, "530 5.7.0 Authentication Required\r\n", BLAME_LOGIN },
	{ COMMAND_MAIL, "530 no\r\n", BLAME_LOGIN },
	{ COMMAND_RCPT, "530 no\r\n", BLAME_LOGIN },
	{ COMMAND_DATA, "535 5.7.8 no\r\n", BLAME_LOGIN },
	{ COMMAND_DATA, "534 5.7.9 no\r\n", BLAME_LOGIN },
	{ COMMAND_MAIL,
	    "530 5.7.57 Client not authenticated to send mail. [X.PROD.OUTLOOK.COM]\r\n",
	    BLAME_LOGIN },
	{ COMMAND_MAIL, "550 5.7.30 Basic authentication is not supported\r\n", BLAME_LOGIN },
	{ COMMAND_RCPT, "550 relay not permitted, authentication required\r\n", BLAME_LOGIN },
	{ COMMAND_RCPT, "553 5.7.1 <a@b.example>: Sender address rejected: not logged in\r\n",
	    BLAME_LOGIN },
	{ COMMAND_MAIL, "451 Authentication failed: try later\r\n", BLAME_LOGIN },
	/* accounts */
	{ COMMAND_DATA, "550 5.4.5 Daily user sending limit exceeded.\r\n", BLAME_ACCOUNT },
	{ COMMAND_RCPT, "550 5.4.5 no\r\n", BLAME_ACCOUNT },
	{ COMMAND_DATA, "454 Throttling failure: Daily message quota exceeded.\r\n",
	    BLAME_ACCOUNT },
	{ COMMAND_MAIL, "451 You have exceeded your messaging limits\r\n", BLAME_ACCOUNT },
	{ COMMAND_DATA,
	    "550-Domain b.example has exceeded the max emails\r\n550 per hour (2/2) allowed.\r\n",
	    BLAME_ACCOUNT },
	{ COMMAND_DATA, "550 5.1.8 Access denied, bad outbound sender\r\n", BLAME_ACCOUNT },
	{ COMMAND_MAIL, "502 5.7.0 Your SMTP account is not yet activated.\r\n", BLAME_ACCOUNT },
	/* too fast */
	{ COMMAND_DATA, "454 Throttling failure: Maximum sending rate exceeded.\r\n", BLAME_RATE },
	{ COMMAND_MAIL, "450 4.7.1 rate limit\r\n", BLAME_RATE },
	{ COMMAND_MAIL, "432 4.3.2 Concurrent connections limit exceeded\r\n", BLAME_RATE },
	{ COMMAND_RCPT, "450 4.7.1 Error: too much\r\n", BLAME_MESSAGE },
	{ COMMAND_MAIL, "550 5.7.1 rate limit\r\n", BLAME_MESSAGE },
	/* messages and recipients */
	{ COMMAND_RCPT, "550 5.1.1 no such user\r\n", BLAME_MESSAGE },
	{ COMMAND_RCPT, "450 4.7.1 Greylisted, try again later\r\n", BLAME_MESSAGE },
	{ COMMAND_RCPT, "454 4.7.1 <a@b.example>: Relay access denied\r\n", BLAME_MESSAGE },
	{ COMMAND_RCPT, "554 5.7.1 <a@b.example>: Relay access denied\r\n", BLAME_MESSAGE },
	{ COMMAND_RCPT, "452 4.2.2 too many messages in the mailbox\r\n", BLAME_MESSAGE },
	{ COMMAND_RCPT, "552 5.2.2 over the sending quota\r\n", BLAME_MESSAGE },
	{ COMMAND_RCPT, "452 4.5.3 too many recipients\r\n", BLAME_MESSAGE },
	{ COMMAND_DATA, "554 5.7.9 Message not accepted for policy reasons.\r\n", BLAME_MESSAGE },
	{ COMMAND_DATA, "550 5.7.26 not authenticated: DMARC\r\n", BLAME_MESSAGE },
	{ COMMAND_DATA, "550 5.7.1 DMARC authentication failed\r\n", BLAME_MESSAGE },
	{ COMMAND_RCPT,
	    "550 5.1.1 <a@b.example>: host mx.example said: 550 authentication required\r\n",
	    BLAME_MESSAGE },
	{ COMMAND_RCPT, "550 host mx.example said: 550 authentication required\r\n",
	    BLAME_MESSAGE },
	{ COMMAND_DATA, "552 5.3.4 too big\r\n", BLAME_MESSAGE },
	{ COMMAND_MAIL, "451 4.3.0 not now\r\n", BLAME_MESSAGE },
};

static void test_table(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct reply reply;
		struct error error;

		assert_true(reply_parse(span_from_string(rows[i].reply), &reply, &error) > 0);
		if (blame_of(&reply, rows[i].verb) != rows[i].blame)
			fail_msg("%s: %d", rows[i].reply, blame_of(&reply, rows[i].verb));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
