/* SPDX-License-Identifier: MIT */

/* Tests smtp/client/advice.c: what providers really say, and what we make of it. */

#include "smtp/client/advice.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"

/* Every reply stands as its server sends it. */
static const struct {
	const char *host;
	enum advice_step step;
	const char *reply;
	const char *code; /* NULL: no advice */
	const char *next; /* something of it; NULL: not looked at */
} rows[] = {
	/* Gmail */
	{ "smtp.gmail.com", ADVICE_AUTH,
	    "535-5.7.8 Username and Password not accepted. For more information, go to\r\n"
	    "535 5.7.8  https://support.google.com/mail/?p=BadCredentials x-20020a - gsmtp\r\n",
	    "MC-AUTH-01", "https://myaccount.google.com/apppasswords" },
	{ "smtp.gmail.com", ADVICE_AUTH,
	    "534-5.7.9 Application-specific password required. For more information, go to\r\n"
	    "534 5.7.9  https://support.google.com/mail/?p=InvalidSecondFactor x - gsmtp\r\n",
	    "MC-AUTH-01", "secret set gmail" },
	{ "smtp.gmail.com", ADVICE_AUTH,
	    "454-4.7.0 Too many login attempts, please try again later. For more information,\r\n"
	    "454-4.7.0  go to\r\n454 4.7.0  https://support.google.com/mail/answer/7126229 x - "
	    "gsmtp\r\n",
	    "MC-RATE-08", "connections = 1" },
	{ "smtp.gmail.com", ADVICE_CONTENT,
	    "550-5.4.5 Daily user sending limit exceeded. For more information on Gmail\r\n"
	    "550-5.4.5 sending limits go to\r\n550 5.4.5  "
	    "https://support.google.com/a/answer/166852 "
	    "x - gsmtp\r\n",
	    "MC-RATE-08", "via = { \"gmail\", \"another\" }" },
	{ "smtp.gmail.com", ADVICE_CONTENT,
	    "421-4.7.28 Gmail has detected an unusual rate of mail. To protect our\r\n"
	    "421 4.7.28 users, rate limit.\r\n",
	    "MC-RATE-08", "rate" },
	{ "smtp.gmail.com", ADVICE_MAIL,
	    "530-5.7.0 Authentication Required. For more information, go to\r\n"
	    "530 5.7.0  https://support.google.com/mail/?p=WantAuthError x - gsmtp\r\n",
	    "MC-AUTH-17", "secret set gmail" },
	{ "smtp-relay.gmail.com", ADVICE_HELLO,
	    "530 5.7.0 Must issue a STARTTLS command first. x - gsmtp\r\n", "MC-TLS-22",
	    "smtp+tls://smtp-relay.gmail.com:587" },
	{ "gmail-smtp-in.l.google.com", ADVICE_CONTENT,
	    "550-5.7.26 Your email has been blocked because the sender is unauthenticated.\r\n"
	    "550 5.7.26 Gmail requires all senders to authenticate with either SPF or DKIM.\r\n",
	    "MC-SPAM-20", "SPF" },
	{ "gmail-smtp-in.l.google.com", ADVICE_RCPT,
	    "550-5.1.1 The email account that you tried to reach does not exist. Please try\r\n"
	    "550 5.1.1 double-checking the recipient's email address\r\n",
	    "MC-RCPT-19", "spelling" },
	{ "gmail-smtp-in.l.google.com", ADVICE_RCPT,
	    "452 4.2.2 The recipient's inbox is out of storage space.\r\n", "MC-RCPT-19", NULL },

	/* Office 365 */
	{ "smtp.office365.com", ADVICE_AUTH,
	    "535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the "
	    "Tenant. Visit https://aka.ms/smtp_auth_disabled for more information. "
	    "[AM0PR.eurprd04.prod.outlook.com]\r\n",
	    "MC-AUTH-01", "Set-CASMailbox -Identity alerts@example.com" },
	{ "smtp.office365.com", ADVICE_AUTH,
	    "535 5.7.139 Authentication unsuccessful, the request did not meet the criteria to be "
	    "authenticated successfully. Contact your administrator.\r\n",
	    "MC-AUTH-01", "sign-in log" },
	{ "smtp.office365.com", ADVICE_AUTH,
	    "535 5.7.139 Authentication unsuccessful, the user credentials were incorrect.\r\n",
	    "MC-AUTH-01", "whole address" },
	{ "smtp.office365.com", ADVICE_AUTH,
	    "535 5.7.3 Authentication unsuccessful [FR0P281CA.DEUP281.PROD.OUTLOOK.COM]\r\n",
	    "MC-AUTH-01", "whole address" },
	{ "smtp.office365.com", ADVICE_AUTH,
	    "550 5.7.30 Basic authentication is not supported for Client Submission.\r\n",
	    "MC-AUTH-01", "xoauth2" },
	{ "smtp.office365.com", ADVICE_MAIL,
	    "530 5.7.57 Client not authenticated to send mail. [X.PROD.OUTLOOK.COM]\r\n",
	    "MC-AUTH-17", "smtp.office365.com:587" },
	{ "smtp.office365.com", ADVICE_CONTENT,
	    "550 5.7.60 SMTP; Client does not have permissions to send as this sender\r\n",
	    "MC-FROM-05", "from = \"alerts@example.com\" and from_policy = \"rewrite\"" },
	{ "smtp.office365.com", ADVICE_CONTENT,
	    "554 5.2.252 SendAsDenied; alerts@example.com not allowed to send as "
	    "www-data@web1; STOREDRV.Submission.Exception:SendAsDeniedException.MapiException"
	    "SendAsDenied\r\n",
	    "MC-FROM-05", "in smarthost \"gmail\"" },
	{ "smtp.office365.com", ADVICE_CONTENT,
	    "432 4.3.2 Concurrent connections limit exceeded. Visit "
	    "https://aka.ms/concurrent_sending for more information.\r\n",
	    "MC-RATE-08", "rate = \"30/min\"" },
	{ "smtp.office365.com", ADVICE_MAIL,
	    "451 4.5.127 Message rejected. Excessive message rate from sender.\r\n", "MC-RATE-08",
	    "rate = \"30/min\"" },
	{ "smtp.office365.com", ADVICE_CONTENT,
	    "550 5.1.8 Access denied, bad outbound sender AS(42003)\r\n", "MC-ACCT-21",
	    "restrictedentities" },
	{ "smtp.office365.com", ADVICE_CONTENT,
	    "554 5.2.0 STOREDRV.Submission.Exception:OutboundSpamException; Failed to process "
	    "message due to a permanent exception\r\n",
	    "MC-ACCT-21", NULL },

	/* Amazon SES */
	{ "email-smtp.eu-west-1.amazonaws.com", ADVICE_AUTH,
	    "535 Authentication Credentials Invalid\r\n", "MC-AUTH-01", "SMTP settings" },
	{ "email-smtp.eu-west-1.amazonaws.com", ADVICE_CONTENT,
	    "554 Message rejected: Email address is not verified. The following identities failed "
	    "the check in region EU-WEST-1: www-data@web1\r\n",
	    "MC-FROM-05", "email-smtp.eu-west-1.amazonaws.com" },
	{ "email-smtp.eu-west-1.amazonaws.com", ADVICE_CONTENT,
	    "454 Throttling failure: Maximum sending rate exceeded.\r\n", "MC-RATE-08",
	    "rate = \"14/s\"" },
	{ "email-smtp.eu-west-1.amazonaws.com", ADVICE_CONTENT,
	    "454 Throttling failure: Daily message quota exceeded.\r\n", "MC-RATE-08",
	    "Account dashboard" },
	{ "email-smtp.eu-west-1.amazonaws.com", ADVICE_MAIL, "530 Authentication required\r\n",
	    "MC-AUTH-17", NULL },
	{ "email-smtp.eu-west-1.amazonaws.com", ADVICE_CONTENT,
	    "554 Transaction failed: Missing final '@domain'\r\n", "MC-RCPT-19", "aliases" },

	/* SendGrid */
	{ "smtp.sendgrid.net", ADVICE_AUTH,
	    "535 Authentication failed: The provided authorization grant is invalid, expired, or "
	    "revoked\r\n",
	    "MC-AUTH-01", "user = \"apikey\"" },
	{ "smtp.sendgrid.net", ADVICE_AUTH,
	    "451 Authentication failed: Maximum credits exceeded\r\n", "MC-RATE-08", NULL },
	{ "smtp.sendgrid.net", ADVICE_CONTENT,
	    "550 The from address does not match a verified Sender Identity. Mail cannot be sent "
	    "until this error is resolved.\r\n",
	    "MC-FROM-05", "https://app.sendgrid.com/settings/sender_auth" },
	{ "smtp.sendgrid.net", ADVICE_MAIL, "550 Unauthenticated senders not allowed\r\n",
	    "MC-AUTH-17", NULL },
	{ "smtp.sendgrid.net", ADVICE_MAIL, "451 You've exceeded your messaging limits\r\n",
	    "MC-RATE-08", NULL },

	/* Mailgun */
	{ "smtp.mailgun.org", ADVICE_AUTH, "535 5.7.0 Authentication failed\r\n", "MC-AUTH-01",
	    "postmaster@" },
	{ "smtp.mailgun.org", ADVICE_RCPT, "550 5.7.1 Relaying denied\r\n", "MC-RELAY-06",
	    "smtp.eu.mailgun.org" },

	/* Postmark */
	{ "smtp.postmarkapp.com", ADVICE_AUTH,
	    "535 5.7.8 Error: authentication failed: authentication failure\r\n", "MC-AUTH-01",
	    "API Tokens" },
	{ "smtp.postmarkapp.com", ADVICE_CONTENT,
	    "550 The 'From' address you supplied is not a Sender Signature on your account\r\n",
	    "MC-FROM-05", "signature_domains" },
	{ "smtp.postmarkapp.com", ADVICE_RCPT,
	    "550 5.1.1 You tried to send to a recipient that has been marked as inactive.\r\n",
	    "MC-RCPT-19", "suppressions" },

	/* Brevo */
	{ "smtp-relay.brevo.com", ADVICE_AUTH, "535 5.7.8 Authentication failed\r\n", "MC-AUTH-01",
	    "keys/smtp" },
	{ "smtp-relay.brevo.com", ADVICE_AUTH, "525 5.7.1 Unauthorized IP address\r\n",
	    "MC-AUTH-01", "authorised_ips" },
	{ "smtp-relay.brevo.com", ADVICE_MAIL, "502 5.7.0 Please authenticate first\r\n",
	    "MC-AUTH-17", NULL },
	{ "smtp-relay.brevo.com", ADVICE_MAIL,
	    "502 5.7.0 Your SMTP account is not yet activated. Please contact us\r\n", "MC-ACCT-21",
	    "activation" },

	/* Fastmail, Zoho, Yahoo, iCloud */
	{ "smtp.fastmail.com", ADVICE_AUTH, "535 5.7.0 Incorrect username or password\r\n",
	    "MC-AUTH-01", "App passwords" },
	{ "smtp.fastmail.com", ADVICE_CONTENT,
	    "551 5.7.1 Not authorised to send from this header address\r\n", "MC-FROM-05",
	    "rewrite" },
	{ "smtp.zoho.eu", ADVICE_AUTH, "535 Authentication Failed\r\n", "MC-AUTH-01",
	    "app_password" },
	{ "smtp.zoho.com", ADVICE_CONTENT, "553 Relaying disallowed as www-data@web1\r\n",
	    "MC-FROM-05", "rewrite" },
	{ "smtp.zoho.com", ADVICE_MAIL, "553 Sender is not allowed to relay emails\r\n",
	    "MC-FROM-05", NULL },
	{ "smtp.zoho.com", ADVICE_CONTENT,
	    "550 5.4.6 Unusual sending activity detected. Please try after sometime\r\n",
	    "MC-ACCT-21", "UnblockMe" },
	{ "smtp.mail.yahoo.com", ADVICE_AUTH,
	    "535 5.7.0 (#AUTH005) Too many bad auth attempts.\r\n", "MC-AUTH-01",
	    "login.yahoo.com" },
	{ "smtp.mail.me.com", ADVICE_AUTH, "535 5.7.8 Error: authentication failed\r\n",
	    "MC-AUTH-01", "account.apple.com" },
	{ "smtp.mail.me.com", ADVICE_CONTENT,
	    "550-5.7.0 From address is not\r\n550 5.7.0 one of your addresses.\r\n", "MC-FROM-05",
	    "rewrite" },

	/* OVH, Hetzner, GMX */
	{ "ssl0.ovh.net", ADVICE_AUTH, "535 5.7.1 Authentication failed\r\n", "MC-AUTH-01",
	    "ovh.com/manager" },
	{ "mail.your-server.de", ADVICE_AUTH, "535 Incorrect authentication data\r\n", "MC-AUTH-01",
	    "konsoleh" },
	{ "mail.gmx.net", ADVICE_AUTH, "535 Authentication credentials invalid\r\n", "MC-AUTH-01",
	    "POP3 and IMAP" },
	{ "mail.gmx.net", ADVICE_CONTENT, "550 Sender address is not allowed.\r\n", "MC-FROM-05",
	    NULL },

	/* Postfix */
	{ "mail.example.com", ADVICE_RCPT, "454 4.7.1 <k@other.example>: Relay access denied\r\n",
	    "MC-RELAY-06", "smtp+tls://mail.example.com:587" },
	{ "mail.example.com", ADVICE_RCPT,
	    "450 4.2.0 <you@example.com>: Recipient address rejected: Greylisted for 300 "
	    "seconds\r\n",
	    "MC-GREY-07", "nothing" },
	{ "mail.example.com", ADVICE_RCPT,
	    "504 5.5.2 <3f2a91c0d4e5>: Helo command rejected: need fully-qualified hostname\r\n",
	    "MC-EHLO-11", "ehlo" },
	{ "mail.example.com", ADVICE_MAIL, "552 5.3.4 Message size exceeds fixed limit\r\n",
	    "MC-SIZE-12", NULL },
	{ "mail.example.com", ADVICE_RCPT,
	    "550 5.1.1 <x@example.com>: Recipient address rejected: User unknown in virtual "
	    "mailbox table\r\n",
	    "MC-RCPT-19", NULL },
	{ "mail.example.com", ADVICE_RCPT,
	    "553 5.7.1 <www-data@web1>: Sender address rejected: not owned by user alerts\r\n",
	    "MC-FROM-05", "rewrite" },
	{ "mail.example.com", ADVICE_MAIL, "530 5.7.0 Must issue a STARTTLS command first\r\n",
	    "MC-TLS-22", "smtp+tls://mail.example.com:587" },
	{ "mail.example.com", ADVICE_RCPT,
	    "550 5.1.8 <www-data@web1>: Sender address rejected: Domain not found\r\n",
	    "MC-FROM-05", "rewrite" },
	{ "mail.example.com", ADVICE_RCPT,
	    "554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using "
	    "zen.spamhaus.org\r\n",
	    "MC-SPAM-20", NULL },
	{ "mail.example.com", ADVICE_RCPT,
	    "501 5.1.3 <root>: Recipient address rejected: recipient address must contain a "
	    "domain\r\n",
	    "MC-RCPT-19", "aliases" },
	{ "mail.example.com", ADVICE_CONNECT,
	    "421 4.7.0 mail.example.com Error: too many connections from 192.0.2.1\r\n",
	    "MC-RATE-08", NULL },
	{ "mail.example.com", ADVICE_AUTH, "535 5.7.8 Error: authentication failed\r\n",
	    "MC-AUTH-01", NULL },
	{ "mail.example.com", ADVICE_AUTH,
	    "454 4.7.0 Temporary authentication failure: Connection lost to authentication "
	    "server\r\n",
	    "MC-AUTH-01", NULL },
	/* Exim */
	{ "mail.example.com", ADVICE_RCPT, "550 relay not permitted\r\n", "MC-RELAY-06", NULL },
	{ "mail.example.com", ADVICE_RCPT, "550 relay not permitted, authentication required\r\n",
	    "MC-AUTH-17", NULL },
	{ "mail.example.com", ADVICE_RCPT, "550 Unknown user\r\n", "MC-RCPT-19", NULL },
	{ "mail.example.com", ADVICE_MAIL, "552 Message size exceeds maximum permitted\r\n",
	    "MC-SIZE-12", NULL },
	{ "mail.example.com", ADVICE_RCPT,
	    "451-Greylisting in action, please come back later\r\n451 Deferred\r\n", "MC-GREY-07",
	    NULL },
	{ "mail.example.com", ADVICE_CONTENT,
	    "550-Domain b.example has exceeded the max emails\r\n550 per hour (2/2) allowed.\r\n",
	    "MC-RATE-08", NULL },
	{ "mail.example.com", ADVICE_HELLO, "550 Access denied - Invalid HELO name\r\n",
	    "MC-EHLO-11", NULL },
	/* Exchange */
	{ "mail.example.com", ADVICE_RCPT,
	    "550 5.7.54 SMTP; Unable to relay recipient in "
	    "non-accepted domain\r\n",
	    "MC-RELAY-06", NULL },
	{ "mail.example.com", ADVICE_RCPT,
	    "550 5.1.10 RESOLVER.ADR.RecipientNotFound; not found\r\n", "MC-RCPT-19", NULL },
	{ "mail.example.com", ADVICE_CONTENT, "552 5.3.4 Message size exceeds fixed maximum\r\n",
	    "MC-SIZE-12", NULL },

	/* What nobody can advise on. */
	{ "mail.example.com", ADVICE_MAIL, "451 4.3.0 not now\r\n", NULL, NULL },
	{ "mail.example.com", ADVICE_CONTENT, "554 5.0.0 no\r\n", NULL, NULL },
	/* One provider's words of another's host. */
	{ "smtp.notgmail.com", ADVICE_AUTH, "535 5.7.8 no\r\n", "MC-AUTH-01", NULL },
};

static char gmail[] = "gmail";
static char user[] = "alerts@example.com";

static void test_table(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct reply reply;
		struct error error = { 0 };
		char host[100];

		snprintf(host, sizeof host, "%s", rows[i].host);
		struct smarthost smarthost = { .name = gmail, .host = host, .user = user };
		assert_true(reply_parse(span_from_string(rows[i].reply), &reply, &error) > 0);
		error = (struct error){ 0 };
		advice_add(&reply, &smarthost, rows[i].step, &error);
		if (strcmp(error.code, rows[i].code != NULL ? rows[i].code : "") != 0)
			fail_msg("%s%s", rows[i].reply, error.code);
		if (rows[i].next != NULL && strstr(error.next, rows[i].next) == NULL)
			fail_msg("%s%s", rows[i].reply, error.next);
		if (strstr(error.next, "{name}") != NULL || strstr(error.next, "...") != NULL)
			fail_msg("%s%s", rows[i].reply, error.next);
	}
}

/* Who knows the host may say more, but it is nobody else's fault. */
static void test_host_changes_no_blame(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct reply reply;
		struct error error;

		assert_true(reply_parse(span_from_string(rows[i].reply), &reply, &error) > 0);
		const struct advice *known = advice_find(&reply, rows[i].host, rows[i].step);
		const struct advice *unknown = advice_find(&reply, NULL, rows[i].step);
		if ((known != NULL ? known->blame : BLAME_MESSAGE) !=
		    (unknown != NULL ? unknown->blame : BLAME_MESSAGE))
			fail_msg("%s", rows[i].reply);
	}
}

static void test_names_of_one_provider_only(void **state)
{
	struct reply reply;
	struct error error;

	(void)state;
	assert_true(reply_parse(span_from_string("535 5.7.8 no\r\n"), &reply, &error) > 0);
	const struct advice *known = advice_find(&reply, "smtp.gmail.com", ADVICE_AUTH);
	assert_true(known != advice_find(&reply, "smtp.notgmail.com", ADVICE_AUTH));
	assert_true(known != advice_find(&reply, "gmail.com.example", ADVICE_AUTH));
	assert_true(known != advice_find(&reply, "l.com", ADVICE_AUTH));
	assert_ptr_equal(known, advice_find(&reply, "SMTP.GMAIL.COM", ADVICE_AUTH));
	assert_ptr_equal(known, advice_find(&reply, "gmail.com", ADVICE_AUTH));
}

static void test_hosts_that_are_not_known(void **state)
{
	static const struct {
		const char *host;
		const char *from;
		const char *next;
	} cases[] = {
		{ "smtp.gmial.com", NULL, "did you mean smtp.gmail.com?" },
		{ "smtp.office356.com", NULL, "did you mean smtp.office365.com?" },
		{ "smtp.exmaple.com", "a@example.com", "did you mean smtp.example.com?" },
		{ "smtp.exmaple.com", NULL, "check the host" },
		{ "smtp.example.com", "a@example.com", "check the host" },
		{ "smtp.entirely.different", "a@example.com", "check the host" },
		{ "relay", "a@example.com", "check the host" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char host[100];
		char from[100];
		struct error error;

		snprintf(host, sizeof host, "%s", cases[i].host);
		snprintf(from, sizeof from, "%s", cases[i].from != NULL ? cases[i].from : "");
		struct smarthost smarthost = { .host = host,
			.from = cases[i].from != NULL ? from : NULL };
		error_set(&error, ERROR_NO_HOST, "5.1.2", "there is no host %s", host);
		advice_add_host(&smarthost, &error);
		if (strstr(error.next, cases[i].next) == NULL)
			fail_msg("%s: %s", host, error.next);
		error_set(&error, ERROR_UNAVAILABLE, "4.4.3", "no resolver");
		advice_add_host(&smarthost, &error);
		assert_string_equal(error.next, "");
	}
}

static void test_ports(void **state)
{
	static const struct {
		char host[12];
		uint16_t port;
		bool is_loopback;
		const char *next;
	} cases[] = {
		{ "h.example", 587, false,
		    "try the other ports: url = \"smtps://h.example\" in smarthost" },
		{ "2001:db8::1", 587, false, "url = \"smtps://[2001:db8::1]\" in smarthost" },
		{ "2001:db8::1", 25, false, "or \"smtp+tls://[2001:db8::1]\" in smarthost" },
		{ "h.example", 465, false,
		    "try the other ports: url = \"smtp+tls://h.example\" in smarthost" },
		{ "h.example", 25, false,
		    "url = \"smtps://h.example\" or \"smtp+tls://h.example\" in smarthost "
		    "\"gmail\"" },
		{ "h.example", 25, true, "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		CLEANUP(memory_free_string) char *host = memory_copy_string(cases[i].host);
		struct smarthost smarthost = { .name = gmail,
			.host = host,
			.port = cases[i].port,
			.is_loopback = cases[i].is_loopback };
		struct error error = { 0 };

		advice_add_ports(&smarthost, &error);
		if (strstr(error.next, cases[i].next) == NULL ||
		    (error.next[0] == '\0') != (cases[i].next[0] == '\0'))
			fail_msg("%u: %s", cases[i].port, error.next);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_host_changes_no_blame),
		cmocka_unit_test(test_hosts_that_are_not_known),
		cmocka_unit_test(test_ports),
		cmocka_unit_test(test_names_of_one_provider_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
