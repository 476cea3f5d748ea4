/* SPDX-License-Identifier: MIT */

#include "smtp/client/blame.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* Where a row holds, as a set. */
enum place { AT_MAIL = 1, AT_RCPT = 2, AT_CONTENT = 4, BEFORE_CONTENT = 3, ANYWHERE = 7 };

/* A reply is meant that has all of it: what is 0 or NULL is not looked at. */
struct row {
	enum blame blame;
	unsigned places;
	int code;
	const char *status;
	const char *words; /* in small letters */
};

/* The first that fits counts. */
static const struct row rows[] = {
	/* Exchange */
	{ BLAME_SENDER, ANYWHERE, 0, "5.7.60", NULL },
	{ BLAME_SENDER, ANYWHERE, 0, "5.2.252", NULL },
	{ BLAME_SENDER, ANYWHERE, 0, NULL, "sendasdenied" },
	{ BLAME_SENDER, ANYWHERE, 0, NULL, "permissions to send as" },
	{ BLAME_SENDER, ANYWHERE, 0, NULL, "not allowed to send as" },
	{ BLAME_SENDER, ANYWHERE, 0, NULL, "not authorized to send as" },
	{ BLAME_SENDER, ANYWHERE, 0, NULL, "not permitted to send as" },
	{ BLAME_SENDER, ANYWHERE, 0, NULL, "to send on behalf of" },
	/* Postfix, when the login is another's */
	{ BLAME_SENDER, ANYWHERE, 0, NULL, "not owned by user" },
	/* SES, SendGrid, Postmark, Mailgun, SparkPost, Resend, Yahoo */
	{ BLAME_SENDER, ANYWHERE, 0, NULL, "address is not verified" },
	{ BLAME_SENDER, ANYWHERE, 0, NULL, "address not verified" },
	{ BLAME_SENDER, ANYWHERE, 0, NULL, "sender not verified" },
	{ BLAME_SENDER, ANYWHERE, 0, NULL, "sender is not verified" },
	{ BLAME_SENDER, ANYWHERE, 0, NULL, "domain is not verified" },
	{ BLAME_SENDER, ANYWHERE, 0, NULL, "domain not verified" },
	{ BLAME_SENDER, ANYWHERE, 0, NULL, "sender identity" },
	{ BLAME_SENDER, ANYWHERE, 0, NULL, "sender signature" },
	{ BLAME_SENDER, ANYWHERE, 0, NULL, "unconfigured sending domain" },
	/* iCloud, Fastmail, GMX, Zoho, QQ, 163 */
	{ BLAME_SENDER, ANYWHERE, 0, NULL, "not one of your addresses" },
	{ BLAME_SENDER, ANYWHERE, 0, NULL, "to send from this header address" },
	{ BLAME_SENDER, ANYWHERE, 0, NULL, "sender address is not allowed" },
	{ BLAME_SENDER, ANYWHERE, 0, NULL, "sender is not allowed" },
	{ BLAME_SENDER, ANYWHERE, 0, NULL, "relaying disallowed as" },
	{ BLAME_SENDER, ANYWHERE, 0, NULL, "same as authorization user" },
	{ BLAME_SENDER, ANYWHERE, 0, NULL, "equal authorized user" },

	/* RFC 4954, 6 */
	{ BLAME_LOGIN, ANYWHERE, 530, NULL, NULL },
	{ BLAME_LOGIN, ANYWHERE, 534, NULL, NULL },
	{ BLAME_LOGIN, ANYWHERE, 535, NULL, NULL },
	{ BLAME_LOGIN, ANYWHERE, 538, NULL, NULL },
	/* At the end Yahoo has 5.7.9 for what it takes for spam, so only what comes before. */
	{ BLAME_LOGIN, BEFORE_CONTENT, 0, "5.7.8", NULL },
	{ BLAME_LOGIN, AT_MAIL, 0, "5.7.9", NULL },
	{ BLAME_LOGIN, AT_MAIL, 0, "5.7.13", NULL },
	/* Exchange */
	{ BLAME_LOGIN, ANYWHERE, 0, "5.7.30", NULL },
	{ BLAME_LOGIN, ANYWHERE, 0, "5.7.57", NULL },
	{ BLAME_LOGIN, ANYWHERE, 0, "5.7.139", NULL },
	/* DMARC speaks of authentication, too, once the content is there. */
	{ BLAME_LOGIN, BEFORE_CONTENT, 0, NULL, "authentication required" },
	{ BLAME_LOGIN, BEFORE_CONTENT, 0, NULL, "authentication is required" },
	{ BLAME_LOGIN, BEFORE_CONTENT, 0, NULL, "authentication failed" },
	{ BLAME_LOGIN, BEFORE_CONTENT, 0, NULL, "requires authentication" },
	{ BLAME_LOGIN, BEFORE_CONTENT, 0, NULL, "require authentication" },
	{ BLAME_LOGIN, BEFORE_CONTENT, 0, NULL, "must authenticate" },
	{ BLAME_LOGIN, BEFORE_CONTENT, 0, NULL, "need to authenticate" },
	{ BLAME_LOGIN, BEFORE_CONTENT, 0, NULL, "please authenticate" },
	{ BLAME_LOGIN, BEFORE_CONTENT, 0, NULL, "authenticate first" },
	{ BLAME_LOGIN, BEFORE_CONTENT, 0, NULL, "use smtp auth" },
	{ BLAME_LOGIN, BEFORE_CONTENT, 0, NULL, "not authenticated" },
	{ BLAME_LOGIN, BEFORE_CONTENT, 0, NULL, "not logged in" },
	{ BLAME_LOGIN, BEFORE_CONTENT, 0, NULL, "please log in" },
	{ BLAME_LOGIN, BEFORE_CONTENT, 0, NULL, "login required" },

	/* Gmail; elsewhere 4.4.5 is congestion */
	{ BLAME_ACCOUNT, ANYWHERE, 0, "5.4.5", NULL },
	/* Exchange Online */
	{ BLAME_ACCOUNT, ANYWHERE, 0, "5.7.501", NULL },
	{ BLAME_ACCOUNT, ANYWHERE, 0, "5.7.502", NULL },
	{ BLAME_ACCOUNT, ANYWHERE, 0, "5.7.503", NULL },
	{ BLAME_ACCOUNT, ANYWHERE, 0, "5.7.705", NULL },
	{ BLAME_ACCOUNT, ANYWHERE, 0, "5.7.708", NULL },
	{ BLAME_ACCOUNT, ANYWHERE, 0, NULL, "bad outbound sender" },
	{ BLAME_ACCOUNT, ANYWHERE, 0, NULL, "outboundspam" },
	{ BLAME_ACCOUNT, ANYWHERE, 0, NULL, "sending quota" },
	{ BLAME_ACCOUNT, ANYWHERE, 0, NULL, "sending limit" },
	{ BLAME_ACCOUNT, ANYWHERE, 0, NULL, "message quota exceeded" },
	{ BLAME_ACCOUNT, ANYWHERE, 0, NULL, "messaging limits" },
	{ BLAME_ACCOUNT, ANYWHERE, 0, NULL, "credits exceeded" },
	{ BLAME_ACCOUNT, ANYWHERE, 0, NULL, "emails per hour" },
	{ BLAME_ACCOUNT, ANYWHERE, 0, NULL, "sending suspended" },
	{ BLAME_ACCOUNT, ANYWHERE, 0, NULL, "sending paused" },
	{ BLAME_ACCOUNT, ANYWHERE, 0, NULL, "unusual sending activity" },
	{ BLAME_ACCOUNT, ANYWHERE, 0, NULL, "outgoing blocked" },
	{ BLAME_ACCOUNT, AT_MAIL, 0, NULL, "daily limit" },
	{ BLAME_ACCOUNT, AT_MAIL, 0, NULL, "account suspended" },
	{ BLAME_ACCOUNT, AT_MAIL, 0, NULL, "account is suspended" },
	{ BLAME_ACCOUNT, AT_MAIL, 0, NULL, "account has been suspended" },
	{ BLAME_ACCOUNT, AT_MAIL, 0, NULL, "not yet activated" },
};

/* Only where waiting is what the server asks for. */
static const struct row slow_rows[] = {
	{ BLAME_RATE, ANYWHERE, 0, NULL, "throttl" },
	{ BLAME_RATE, ANYWHERE, 0, NULL, "rate limit" },
	{ BLAME_RATE, ANYWHERE, 0, NULL, "ratelimit" },
	{ BLAME_RATE, ANYWHERE, 0, NULL, "sending rate" },
	{ BLAME_RATE, ANYWHERE, 0, NULL, "too many messages" },
	{ BLAME_RATE, ANYWHERE, 0, NULL, "too many connections" },
	{ BLAME_RATE, ANYWHERE, 0, NULL, "too many concurrent" },
	{ BLAME_RATE, ANYWHERE, 0, NULL, "too many login" },
	{ BLAME_RATE, ANYWHERE, 0, NULL, "too many emails" },
	{ BLAME_RATE, ANYWHERE, 0, NULL, "concurrent connections" },
	{ BLAME_RATE, ANYWHERE, 0, NULL, "too fast" },
	{ BLAME_RATE, ANYWHERE, 0, NULL, "slow down" },
};

static unsigned place_of(enum command_verb verb)
{
	if (verb == COMMAND_MAIL)
		return AT_MAIL;
	return verb == COMMAND_RCPT ? AT_RCPT : AT_CONTENT;
}

static bool fits(const struct row *row, unsigned place, const struct reply *reply, const char *text)
{
	return (row->places & place) != 0 && (row->code == 0 || row->code == reply->code) &&
	       (row->status == NULL || strcmp(row->status, reply->status) == 0) &&
	       (row->words == NULL || strcasestr(text, row->words) != NULL);
}

static enum blame find(const struct row *list, size_t count, unsigned place,
    const struct reply *reply, const char *text)
{
	for (size_t i = 0; i < count; i++)
		if (fits(&list[i], place, reply, text))
			return list[i].blame;
	return BLAME_MESSAGE;
}

/* RFC 3463, 3.2 and 3.3: the address, or the mailbox, of whom RCPT has named. */
static bool is_of_recipient(unsigned place, const struct reply *reply)
{
	return place == AT_RCPT && (strncmp(reply->status + 1, ".1.", 3) == 0 ||
				       strncmp(reply->status + 1, ".2.", 3) == 0);
}

/* It repeats what another server thinks of it ("host mx.example said: ..."). */
static bool is_quoted(unsigned place, const char *text)
{
	return place != AT_MAIL && strcasestr(text, " said:") != NULL;
}

enum blame blame_of(const struct reply *reply, enum command_verb verb)
{
	unsigned place = place_of(verb);
	char text[REPLY_TEXT_SIZE];
	size_t i = 0;

	if (reply->status[0] != '\0' && is_of_recipient(place, reply))
		return BLAME_MESSAGE;
	/* Words go over the ends of lines. */
	for (; reply->text[i] != '\0' && i < sizeof text - 1; i++)
		text[i] = reply->text[i] != '\n' ? reply->text[i] : ' ';
	text[i] = '\0';
	if (is_quoted(place, text))
		return BLAME_MESSAGE;
	enum blame blame = find(rows, sizeof rows / sizeof rows[0], place, reply, text);
	if (blame == BLAME_MESSAGE && reply_class(reply) == 4)
		blame = find(slow_rows, sizeof slow_rows / sizeof slow_rows[0], place, reply, text);
	return blame;
}
