/* SPDX-License-Identifier: MIT */

#include "smtp/client/advice.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "base/nearest.h"
#include "base/span.h"

/* ---- what it means, and what to do ---- */

/* Senders. */
static const struct advice not_your_sender = {
	BLAME_SENDER,
	"MC-FROM-05",
	"the login may send only as its own addresses",
	"in smarthost \"{name}\" write from = \"{from}\" and from_policy = \"rewrite\"",
};
static const struct advice send_as = {
	BLAME_SENDER,
	"MC-FROM-05",
	"the mailbox of the login has no Send As right for this sender",
	"in smarthost \"{name}\" write from = \"{from}\" and from_policy = \"rewrite\", or give "
	"the "
	"mailbox that right (Exchange admin center, Mailbox delegation, Send as)",
};
static const struct advice not_verified = {
	BLAME_SENDER,
	"MC-FROM-05",
	"the account may send only from addresses and domains that were verified there",
	"verify the address or its domain in the provider's console, or in smarthost \"{name}\" "
	"write from = \"an address that is verified\" and from_policy = \"rewrite\"",
};
static const struct advice ses_not_verified = {
	BLAME_SENDER,
	"MC-FROM-05",
	"Amazon SES sends only from verified identities of that region, and in its sandbox only "
	"to verified ones, too",
	"verify it at https://console.aws.amazon.com/ses (Identities) in the region of {host}, or "
	"in smarthost \"{name}\" write from = \"an identity that is verified\" and from_policy = "
	"\"rewrite\"; to leave the sandbox, request production access there",
};
static const struct advice sendgrid_identity = {
	BLAME_SENDER,
	"MC-FROM-05",
	"SendGrid sends only from a Sender Identity that was verified",
	"verify it at https://app.sendgrid.com/settings/sender_auth, or in smarthost \"{name}\" "
	"write from = \"an identity that is verified\" and from_policy = \"rewrite\"",
};
static const struct advice postmark_signature = {
	BLAME_SENDER,
	"MC-FROM-05",
	"Postmark sends only from a confirmed Sender Signature or domain",
	"confirm it at https://account.postmarkapp.com/signature_domains, or in smarthost "
	"\"{name}\" write from = \"an address that is confirmed\" and from_policy = \"rewrite\"",
};

/* Logins. */
static const struct advice login_wrong = {
	BLAME_LOGIN, "MC-AUTH-01",
	"the server does not know this user with this password; many take only a password made "
	"for programs",
	NULL, /* authenticate.c knows what was tried */
};
static const struct advice login_wanted = {
	BLAME_LOGIN,
	"MC-AUTH-17",
	"the server takes mail only after a login",
	"write user and password into section [{name}] of secrets.ini (mailchute secret set {name}"
	"), and url = \"smtp+tls://{host}:587\" if it is another port",
};
static const struct advice gmail_login = {
	BLAME_LOGIN,
	"MC-AUTH-01",
	"Gmail does not take the account's password here, only an app password",
	"turn on 2-step verification, make an app password (16 letters) at "
	"https://myaccount.google.com/apppasswords, then: mailchute secret set {name}",
};
static const struct advice gmail_logins = {
	BLAME_RATE,
	"MC-RATE-08",
	"Gmail counts the logins of this account and lets it wait",
	"nothing, if it passes; otherwise look who else logs in with it, and set connections = 1 "
	"in "
	"smarthost \"{name}\"",
};
static const struct advice microsoft_off = {
	BLAME_LOGIN,
	"MC-AUTH-01",
	"logins by password (SMTP AUTH) are switched off for this mailbox or its whole tenant",
	"an administrator can allow them: Set-CASMailbox -Identity {user} "
	"-SmtpClientAuthenticationDisabled $false (https://aka.ms/smtp_auth_disabled); better: "
	"auth = \"xoauth2\" in smarthost \"{name}\" and token_file in its section of secrets.ini",
};
static const struct advice microsoft_policy = {
	BLAME_LOGIN,
	"MC-AUTH-01",
	"a rule of the tenant (security defaults, conditional access) forbids this login",
	"have the administrator look at the sign-in log of {user} (https://entra.microsoft.com); "
	"better: auth = \"xoauth2\" in smarthost \"{name}\" and token_file in its section of "
	"secrets.ini",
};
static const struct advice microsoft_basic = {
	BLAME_LOGIN,
	"MC-AUTH-01",
	"Microsoft takes no passwords for submission any more, only OAuth tokens",
	"in smarthost \"{name}\" write auth = \"xoauth2\", and in its section of secrets.ini "
	"token_file or token_command",
};
static const struct advice microsoft_login = {
	BLAME_LOGIN,
	"MC-AUTH-01",
	"Microsoft does not accept this user and password",
	"the user is the whole address of a mailbox with a licence; with 2-step verification it "
	"takes an app password or a token: mailchute secret set {name}",
};
static const struct advice microsoft_wanted = {
	BLAME_LOGIN,
	"MC-AUTH-17",
	"Exchange wants a login, or a connector that knows this machine by its address",
	"write user and password into section [{name}] of secrets.ini, and "
	"url = \"smtp+tls://smtp.office365.com:587\"",
};
static const struct advice ses_login = {
	BLAME_LOGIN,
	"MC-AUTH-01",
	"an SES SMTP password is not the secret key of an IAM user, and holds in one region",
	"make SMTP credentials at https://console.aws.amazon.com/ses (SMTP settings) in the region "
	"of {host}, then: mailchute secret set {name}",
};
static const struct advice sendgrid_login = {
	BLAME_LOGIN,
	"MC-AUTH-01",
	"at SendGrid the user is the word apikey, and the password an API key with Mail Send",
	"user = \"apikey\" in section [{name}] of secrets.ini; make a key at "
	"https://app.sendgrid.com/settings/api_keys, then: mailchute secret set {name}",
};
static const struct advice mailgun_login = {
	BLAME_LOGIN,
	"MC-AUTH-01",
	"Mailgun wants SMTP credentials of the sending domain, not an API key; EU domains have "
	"smtp.eu.mailgun.org",
	"the user is like postmaster@mg.example.com; make a password at https://app.mailgun.com "
	"(Sending, Domain settings, SMTP credentials), then: mailchute secret set {name}",
};
static const struct advice postmark_login = {
	BLAME_LOGIN,
	"MC-AUTH-01",
	"at Postmark the Server API token is both user and password; an account token is not taken",
	"copy it from https://account.postmarkapp.com (Server, API Tokens) to user and password in "
	"section [{name}] of secrets.ini",
};
static const struct advice brevo_login = {
	BLAME_LOGIN,
	"MC-AUTH-01",
	"Brevo wants an SMTP key (xsmtpsib-...), not the account's password or an API key, and the "
	"login shown beside it",
	"make one at https://app.brevo.com/settings/keys/smtp, then: mailchute secret set {name}"
	"",
};
static const struct advice brevo_address = {
	BLAME_LOGIN,
	"MC-AUTH-01",
	"Brevo does not know the address of this machine",
	"authorise it, or switch the check off, at https://app.brevo.com/security/authorised_ips",
};
static const struct advice fastmail_login = {
	BLAME_LOGIN,
	"MC-AUTH-01",
	"Fastmail takes app passwords only, and the account's own name as user, not an alias",
	"make one at https://app.fastmail.com/settings/security (App passwords, access SMTP), "
	"then: "
	"mailchute secret set {name}",
};
static const struct advice zoho_login = {
	BLAME_LOGIN,
	"MC-AUTH-01",
	"Zoho wants an app password with 2-step verification, and the host of the account's data "
	"center (smtp.zoho.eu, smtppro.zoho.com ...)",
	"make one at https://accounts.zoho.com/home#security/app_password, then: mailchute secret "
	"set {name}",
};
static const struct advice yahoo_login = {
	BLAME_LOGIN,
	"MC-AUTH-01",
	"Yahoo does not take the account's password here, only an app password",
	"make one at https://login.yahoo.com/account/security (Generate app password), then: "
	"mailchute secret set {name}",
};
static const struct advice icloud_login = {
	BLAME_LOGIN,
	"MC-AUTH-01",
	"iCloud takes app-specific passwords only, and the iCloud address as user",
	"make one at https://account.apple.com (Sign-In and Security, App-Specific Passwords), "
	"then: mailchute secret set {name}",
};
static const struct advice ovh_login = {
	BLAME_LOGIN,
	"MC-AUTH-01",
	"user or password is wrong, or OVH has locked the mailbox for spam; the user is the whole "
	"address",
	"look at the mailbox at https://www.ovh.com/manager (a new password unlocks it), then: "
	"mailchute secret set {name}",
};
static const struct advice hetzner_login = {
	BLAME_LOGIN,
	"MC-AUTH-01",
	"user or password is wrong; the user is the whole address of the mailbox",
	"set the mailbox's password at https://konsoleh.hetzner.com (Email), then: mailchute "
	"secret "
	"set {name}",
};
static const struct advice gmx_login = {
	BLAME_LOGIN,
	"MC-AUTH-01",
	"GMX and WEB.DE take programs only when that is switched on, and with 2-factor login only "
	"an app password",
	"switch on POP3 and IMAP in the webmail's settings, then: mailchute secret set {name}"
	"",
};
static const struct advice application_password = {
	BLAME_LOGIN,
	"MC-AUTH-01",
	"the account has a second factor, so programs need a password of their own",
	"make an application password at the provider and write it to secrets.ini, section "
	"[{name}]: mailchute secret set {name}",
};
static const struct advice login_later = {
	BLAME_LOGIN,
	"MC-AUTH-01",
	"the server cannot check logins at the moment",
	"nothing, if it passes; otherwise mailchute secret set {name} (user and password: section "
	"[{name}] of secrets.ini)",
};

static const struct advice account_off = {
	BLAME_LOGIN,
	"MC-ACCT-21",
	"the account is switched off",
	"look into the account at the provider, or ask its support",
};

/* Accounts and limits. */
static const struct advice quota_used = {
	BLAME_ACCOUNT,
	"MC-RATE-08",
	"the account has sent as much as it may for now",
	"wait, or have the limit raised; or name a second smarthost in the route: via = { "
	"\"{name}\", \"another\" }",
};
static const struct advice gmail_quota = {
	BLAME_ACCOUNT,
	"MC-RATE-08",
	"the daily limit of this Gmail account is used up (500 recipients, 2000 with Workspace)",
	"wait a day (https://support.google.com/mail/answer/22839), or name a second smarthost in "
	"the route: via = { \"{name}\", \"another\" }",
};
static const struct advice ses_quota = {
	BLAME_ACCOUNT,
	"MC-RATE-08",
	"the daily sending quota of Amazon SES is used up",
	"request a higher one at https://console.aws.amazon.com/ses (Account dashboard), or wait; "
	"or name a second smarthost in the route: via = { \"{name}\", \"another\" }",
};
static const struct advice account_locked = {
	BLAME_ACCOUNT,
	"MC-ACCT-21",
	"the provider has stopped this account from sending",
	"look into the account at the provider, or ask its support; its password may be in the "
	"wrong hands",
};
static const struct advice microsoft_locked = {
	BLAME_ACCOUNT,
	"MC-ACCT-21",
	"Microsoft has stopped this account or tenant from sending, as it does after spam",
	"change its password, then have an administrator release it at "
	"https://security.microsoft.com/restrictedentities",
};
static const struct advice zoho_locked = {
	BLAME_ACCOUNT,
	"MC-ACCT-21",
	"Zoho has stopped this account from sending",
	"unblock it at https://mail.zoho.com/UnblockMe, and set a rate in smarthost \"{name}\"",
};
static const struct advice not_active = {
	BLAME_ACCOUNT,
	"MC-ACCT-21",
	"the account is new and not yet allowed to send",
	"finish its activation at the provider, or ask its support",
};
static const struct advice too_fast = {
	BLAME_RATE,
	"MC-RATE-08",
	"we send faster than this server allows, or on more connections",
	"set the limit of your account in smarthost \"{name}\": rate = \"14/s\" (or \"30/min\"), "
	"and "
	"connections = 1",
};
static const struct advice ses_fast = {
	BLAME_RATE,
	"MC-RATE-08",
	"we send faster than this SES account may",
	"its rate stands at https://console.aws.amazon.com/ses (Account dashboard); write it into "
	"smarthost \"{name}\": rate = \"14/s\"",
};
static const struct advice microsoft_fast = {
	BLAME_RATE,
	"MC-RATE-08",
	"Microsoft takes 3 connections and 30 messages a minute from a mailbox",
	"in smarthost \"{name}\" write rate = \"30/min\" and connections = 1",
};

/* Messages and recipients. */
static const struct advice relay_denied = {
	BLAME_MESSAGE,
	"MC-RELAY-06",
	"the server does not know us: no login was made there, or this is a port for incoming mail",
	"write user and password into section [{name}] of secrets.ini, and the submission port "
	"into "
	"smarthost \"{name}\": url = \"smtp+tls://{host}:587\"",
};
static const struct advice mailgun_relay = {
	BLAME_MESSAGE,
	"MC-RELAY-06",
	"Mailgun relays only for the domain of the login, and a sandbox domain only to authorised "
	"recipients",
	"send from that domain, or in smarthost \"{name}\" write from = \"you@that.domain\" and "
	"from_policy = \"rewrite\"; EU domains have url = \"smtp+tls://smtp.eu.mailgun.org:587\"",
};
static const struct advice greylisted = {
	BLAME_MESSAGE,
	"MC-GREY-07",
	"the server takes mail of unknown senders only when it comes again later",
	"nothing, where mail waits in a queue: it is tried again",
};
static const struct advice too_big = {
	BLAME_MESSAGE,
	"MC-SIZE-12",
	"the server takes no message of this size; attachments grow by a third on the way",
	"send a link, or a part of it",
};
static const struct advice no_such_user = {
	BLAME_MESSAGE,
	"MC-RCPT-19",
	"there is no such mailbox there",
	"check the spelling of the address, and the aliases: mailchute explain ADDRESS",
};
static const struct advice mailbox_full = {
	BLAME_MESSAGE,
	"MC-RCPT-19",
	"the mailbox of the recipient is full",
	"tell the recipient by another way",
};
static const struct advice bare_name = {
	BLAME_MESSAGE,
	"MC-RCPT-19",
	"the address has no domain",
	"say where such mail goes: aliases { root = \"you@example.com\" }, or \"*\" for all names",
};
static const struct advice inactive = {
	BLAME_MESSAGE,
	"MC-RCPT-19",
	"the provider has put this recipient on its list of those who bounced or complained",
	"take the address off that list (suppressions) at the provider",
};
static const struct advice unauthenticated = {
	BLAME_MESSAGE,
	"MC-SPAM-20",
	"the sender's domain does not vouch for this smarthost (SPF, DKIM or DMARC)",
	"send with an address of the smarthost's own domain (from = \"{from}\" and from_policy = "
	"\"rewrite\" in smarthost \"{name}\"), or put it into that domain's SPF and DKIM records",
};
static const struct advice listed = {
	BLAME_MESSAGE,
	"MC-SPAM-20",
	"the address that the mail comes from is on a list of senders of spam",
	"with a smarthost of your own, see the list that the reply names; otherwise ask the "
	"operator of {host}",
};
static const struct advice no_reverse_name = {
	BLAME_MESSAGE,
	"MC-SPAM-20",
	"the server wants a name in the DNS for our address, as home lines and clouds lack",
	"send by a smarthost with a login, on port 587 or 465",
};
static const struct advice spam = {
	BLAME_MESSAGE,
	"MC-SPAM-20",
	"the server takes this message for spam",
	"try it with other words and without links, and ask the operator of {host}",
};
static const struct advice sender_domain_missing = {
	BLAME_MESSAGE,
	"MC-FROM-05",
	"the sender's domain does not exist for the server",
	"in smarthost \"{name}\" write from = \"{from}\" and from_policy = \"rewrite\"",
};

/* The session before any mail. */
static const struct advice hello_refused = {
	BLAME_MESSAGE,
	"MC-EHLO-11",
	"the server wants a full host name, with a domain, from those who connect",
	"write a name that is known in the DNS: identity { ehlo = \"web.example.com\" }",
};
static const struct advice tls_wanted = {
	BLAME_LOGIN,
	"MC-TLS-22",
	"the server takes nothing in the clear",
	"in smarthost \"{name}\" write url = \"smtp+tls://{host}:587\" or url = \"smtps://{host}\"",
};
static const struct advice no_service = {
	BLAME_MESSAGE,
	"MC-NET-23",
	"the server is busy, or does not want to hear from us now",
	"nothing, if it passes; otherwise ask the operator of {host}",
};
static const struct advice session_listed = {
	BLAME_MESSAGE,
	"MC-SPAM-20",
	"the server refuses all mail from our address, which is on a list of senders of spam",
	"send by a smarthost with a login, on port 587 or 465",
};

/* ---- what they say ---- */

enum {
	MAIL = ADVICE_MAIL,
	RCPT = ADVICE_RCPT,
	CONTENT = ADVICE_CONTENT,
	ENVELOPE = MAIL | RCPT,
	ANYWHERE = MAIL | RCPT | CONTENT,
	GREETING = ADVICE_CONNECT,
	HELLO = ADVICE_HELLO,
	AUTH = ADVICE_AUTH,
	BEFORE_MAIL = GREETING | HELLO | ADVICE_STARTTLS | AUTH,
};

/* A reply is meant that has all of it: what is 0 or NULL is not looked at. */
struct row {
	const struct advice *advice;
	unsigned steps;
	int code; /* 4 and 5 are classes */
	const char *status;
	const char *words; /* in small letters */
	const char *hosts; /* or what they end in, separated by blanks */
};

static const char google[] = "gmail.com googlemail.com google.com";
static const char microsoft[] = "office365.com outlook.com office.com hotmail.com live.com";
static const char amazon[] = "amazonaws.com";
static const char sendgrid[] = "sendgrid.net";
static const char mailgun[] = "mailgun.org mailgun.com";
static const char postmark[] = "postmarkapp.com";
static const char brevo[] = "brevo.com sendinblue.com";
static const char fastmail[] = "fastmail.com messagingengine.com";
static const char zoho[] = "zoho.com zoho.eu zoho.in zoho.com.au zoho.jp zohocloud.ca";
static const char yahoo[] = "yahoo.com aol.com";
static const char icloud[] = "mail.me.com icloud.com";
static const char ovh[] = "ovh.net ovh.ca ovh.com";
static const char hetzner[] = "your-server.de";
static const char gmx[] = "gmx.net gmx.com gmx.de web.de";

/* The first that fits counts. */
static const struct row rows[] = {
	/* ---- before any mail ---- */

	/* Gmail: "454-4.7.0 Too many login attempts, please try again later." */
	{ &gmail_logins, AUTH, 4, NULL, "too many login", NULL },
	{ &gmail_login, AUTH, 534, NULL, NULL, google },
	{ &gmail_login, AUTH, 535, NULL, NULL, google },
	/* Exchange Online */
	{ &microsoft_off, AUTH, 0, NULL, "smtpclientauthentication is disabled", NULL },
	{ &microsoft_off, AUTH, 0, NULL, "basic authentication is disabled", NULL },
	{ &microsoft_policy, AUTH, 0, "5.7.139", "did not meet the criteria", NULL },
	{ &microsoft_policy, AUTH, 0, "5.7.139", "security defaults", NULL },
	{ &microsoft_policy, AUTH, 0, "5.7.139", "locked by your organization", NULL },
	{ &microsoft_login, AUTH, 0, "5.7.139", "credentials were incorrect", NULL },
	{ &microsoft_off, AUTH, 0, "5.7.139", NULL, NULL },
	{ &microsoft_basic, AUTH, 0, "5.7.30", NULL, NULL },
	{ &microsoft_login, AUTH, 535, NULL, NULL, microsoft },
	{ &microsoft_fast, AUTH | GREETING, 4, "4.3.2", "concurrent connections", NULL },
	/* "451 Authentication failed: Maximum credits exceeded" */
	{ &quota_used, AUTH, 0, NULL, "credits exceeded", NULL },
	{ &sendgrid_login, AUTH, 5, NULL, NULL, sendgrid },
	{ &ses_login, AUTH, 5, NULL, NULL, amazon },
	{ &mailgun_login, AUTH, 5, NULL, NULL, mailgun },
	{ &postmark_login, AUTH, 5, NULL, NULL, postmark },
	{ &brevo_address, AUTH, 525, NULL, NULL, NULL },
	{ &brevo_address, AUTH, 0, NULL, "unauthorized ip", NULL },
	{ &brevo_login, AUTH, 5, NULL, NULL, brevo },
	{ &fastmail_login, AUTH, 5, NULL, NULL, fastmail },
	{ &zoho_login, AUTH, 5, NULL, NULL, zoho },
	{ &yahoo_login, AUTH, 5, NULL, NULL, yahoo },
	{ &yahoo_login, AUTH, 5, NULL, "#auth005", NULL },
	{ &icloud_login, AUTH, 5, NULL, NULL, icloud },
	{ &ovh_login, AUTH, 5, NULL, NULL, ovh },
	{ &hetzner_login, AUTH, 5, NULL, NULL, hetzner },
	{ &gmx_login, AUTH, 5, NULL, NULL, gmx },
	/* RFC 4954, 6 */
	{ &tls_wanted, AUTH, 538, NULL, NULL, NULL },
	{ &tls_wanted, AUTH, 530, NULL, "starttls", NULL },
	{ &application_password, AUTH, 534, NULL, NULL, NULL },
	{ &application_password, AUTH, 5, NULL, "application-specific password", NULL },
	{ &application_password, AUTH, 5, NULL, "app password", NULL },
	{ &account_locked, AUTH, 0, NULL, "account is locked", NULL },
	{ &account_locked, AUTH, 0, NULL, "account disabled", NULL },
	{ &account_locked, AUTH, 0, NULL, "suspended", NULL },
	{ &too_fast, AUTH, 0, NULL, "too many", NULL },
	{ &login_wrong, AUTH, 5, NULL, NULL, NULL },
	{ &login_later, AUTH, 4, NULL, NULL, NULL },

	/* Postfix, Exim, Exchange: "504 5.5.2 <x>: Helo command rejected: need fully-qualified" */
	{ &tls_wanted, HELLO, 530, NULL, NULL, NULL },
	{ &hello_refused, HELLO, 5, NULL, NULL, NULL },
	{ &too_fast, BEFORE_MAIL, 4, NULL, "too many", NULL },
	{ &too_fast, BEFORE_MAIL, 4, NULL, "concurrent connections", NULL },
	{ &too_fast, BEFORE_MAIL, 4, NULL, "rate limit", NULL },
	{ &too_fast, BEFORE_MAIL, 4, NULL, "ratelimit", NULL },
	{ &too_fast, BEFORE_MAIL, 4, NULL, "unusual rate", NULL },
	{ &too_fast, BEFORE_MAIL, 4, NULL, "message rate", NULL },
	{ &too_fast, BEFORE_MAIL, 4, NULL, "throttl", NULL },
	{ &session_listed, BEFORE_MAIL, 5, NULL, "block", NULL },
	{ &session_listed, BEFORE_MAIL, 5, NULL, "spamhaus", NULL },
	{ &session_listed, BEFORE_MAIL, 5, NULL, "blacklist", NULL },
	{ &no_service, BEFORE_MAIL, 0, NULL, NULL, NULL },

	/* ---- senders ---- */

	/* Amazon, SendGrid, Postmark by their names */
	{ &ses_not_verified, ANYWHERE, 0, NULL, "address is not verified", amazon },
	{ &sendgrid_identity, ANYWHERE, 0, NULL, "sender identity", sendgrid },
	{ &postmark_signature, ANYWHERE, 0, NULL, "sender signature", postmark },
	/* Exchange */
	{ &send_as, ANYWHERE, 0, "5.7.60", NULL, NULL },
	{ &send_as, ANYWHERE, 0, "5.2.252", NULL, NULL },
	{ &send_as, ANYWHERE, 0, NULL, "sendasdenied", NULL },
	{ &send_as, ANYWHERE, 0, NULL, "permissions to send as", NULL },
	{ &send_as, ANYWHERE, 0, NULL, "not allowed to send as", NULL },
	{ &not_your_sender, ANYWHERE, 0, NULL, "not authorized to send as", NULL },
	{ &not_your_sender, ANYWHERE, 0, NULL, "not permitted to send as", NULL },
	{ &send_as, ANYWHERE, 0, NULL, "to send on behalf of", NULL },
	/* Postfix, when the login is another's */
	{ &not_your_sender, ANYWHERE, 0, NULL, "not owned by user", NULL },
	/* SES, SendGrid, Postmark, Mailgun, SparkPost, Resend, Yahoo */
	{ &not_verified, ANYWHERE, 0, NULL, "address is not verified", NULL },
	{ &not_verified, ANYWHERE, 0, NULL, "address not verified", NULL },
	{ &not_verified, ANYWHERE, 0, NULL, "sender not verified", NULL },
	{ &not_verified, ANYWHERE, 0, NULL, "sender is not verified", NULL },
	{ &not_verified, ANYWHERE, 0, NULL, "domain is not verified", NULL },
	{ &not_verified, ANYWHERE, 0, NULL, "domain not verified", NULL },
	{ &not_verified, ANYWHERE, 0, NULL, "sender identity", NULL },
	{ &not_verified, ANYWHERE, 0, NULL, "sender signature", NULL },
	{ &not_verified, ANYWHERE, 0, NULL, "unconfigured sending domain", NULL },
	/* iCloud, Fastmail, GMX, Zoho, QQ, 163 */
	{ &not_your_sender, ANYWHERE, 0, NULL, "not one of your addresses", NULL },
	{ &not_your_sender, ANYWHERE, 0, NULL, "to send from this header address", NULL },
	{ &not_your_sender, ANYWHERE, 0, NULL, "sender address is not allowed", NULL },
	{ &not_your_sender, ANYWHERE, 0, NULL, "sender is not allowed", NULL },
	{ &not_your_sender, ANYWHERE, 0, NULL, "relaying disallowed as", NULL },
	{ &not_your_sender, ANYWHERE, 0, NULL, "same as authorization user", NULL },
	{ &not_your_sender, ANYWHERE, 0, NULL, "equal authorized user", NULL },

	/* ---- logins ---- */

	/* "530 5.7.0 Must issue a STARTTLS command first" */
	{ &tls_wanted, ENVELOPE, 530, NULL, "starttls", NULL },
	{ &microsoft_wanted, ANYWHERE, 530, "5.7.57", NULL, NULL },
	{ &login_wanted, ANYWHERE, 530, NULL, NULL, NULL },
	{ &gmail_login, ANYWHERE, 534, NULL, NULL, google },
	{ &application_password, ANYWHERE, 534, NULL, NULL, NULL },
	{ &login_wanted, ANYWHERE, 535, NULL, NULL, NULL },
	{ &tls_wanted, ANYWHERE, 538, NULL, NULL, NULL },
	/* At the end Yahoo has 5.7.9 for what it takes for spam, so only what comes before. */
	{ &login_wanted, ENVELOPE, 0, "5.7.8", NULL, NULL },
	{ &application_password, MAIL, 0, "5.7.9", NULL, NULL },
	{ &account_off, MAIL, 0, "5.7.13", NULL, NULL },
	/* Exchange */
	{ &microsoft_basic, ANYWHERE, 0, "5.7.30", NULL, NULL },
	{ &microsoft_wanted, ANYWHERE, 0, "5.7.57", NULL, NULL },
	{ &microsoft_off, ANYWHERE, 0, "5.7.139", NULL, NULL },
	/* DMARC speaks of authentication, too, once the content is there. */
	{ &login_wanted, ENVELOPE, 0, NULL, "authentication required", NULL },
	{ &login_wanted, ENVELOPE, 0, NULL, "authentication is required", NULL },
	{ &login_wanted, ENVELOPE, 0, NULL, "authentication failed", NULL },
	{ &login_wanted, ENVELOPE, 0, NULL, "requires authentication", NULL },
	{ &login_wanted, ENVELOPE, 0, NULL, "require authentication", NULL },
	{ &login_wanted, ENVELOPE, 0, NULL, "must authenticate", NULL },
	{ &login_wanted, ENVELOPE, 0, NULL, "need to authenticate", NULL },
	{ &login_wanted, ENVELOPE, 0, NULL, "please authenticate", NULL },
	{ &login_wanted, ENVELOPE, 0, NULL, "authenticate first", NULL },
	{ &login_wanted, ENVELOPE, 0, NULL, "use smtp auth", NULL },
	{ &login_wanted, ENVELOPE, 0, NULL, "not authenticated", NULL },
	{ &login_wanted, ENVELOPE, 0, NULL, "not logged in", NULL },
	{ &login_wanted, ENVELOPE, 0, NULL, "please log in", NULL },
	{ &login_wanted, ENVELOPE, 0, NULL, "login required", NULL },
	/* SendGrid */
	{ &login_wanted, MAIL, 0, NULL, "unauthenticated senders", NULL },

	/* ---- accounts ---- */

	/* Gmail; elsewhere 4.4.5 is congestion */
	{ &gmail_quota, ANYWHERE, 0, "5.4.5", NULL, google },
	{ &quota_used, ANYWHERE, 0, "5.4.5", NULL, NULL },
	/* Exchange Online */
	{ &microsoft_locked, ANYWHERE, 0, "5.7.501", NULL, NULL },
	{ &microsoft_locked, ANYWHERE, 0, "5.7.502", NULL, NULL },
	{ &microsoft_locked, ANYWHERE, 0, "5.7.503", NULL, NULL },
	{ &microsoft_locked, ANYWHERE, 0, "5.7.705", NULL, NULL },
	{ &microsoft_locked, ANYWHERE, 0, "5.7.708", NULL, NULL },
	{ &microsoft_locked, ANYWHERE, 0, NULL, "bad outbound sender", NULL },
	{ &microsoft_locked, ANYWHERE, 0, NULL, "outboundspam", NULL },
	{ &ses_quota, ANYWHERE, 0, NULL, "message quota exceeded", amazon },
	{ &quota_used, ANYWHERE, 0, NULL, "sending quota", NULL },
	{ &quota_used, ANYWHERE, 0, NULL, "sending limit", NULL },
	{ &quota_used, ANYWHERE, 0, NULL, "message quota exceeded", NULL },
	{ &quota_used, ANYWHERE, 0, NULL, "messaging limits", NULL },
	{ &quota_used, ANYWHERE, 0, NULL, "credits exceeded", NULL },
	{ &quota_used, ANYWHERE, 0, NULL, "emails per hour", NULL },
	{ &account_locked, ANYWHERE, 0, NULL, "sending suspended", NULL },
	{ &account_locked, ANYWHERE, 0, NULL, "sending paused", NULL },
	{ &zoho_locked, ANYWHERE, 0, NULL, "unusual sending activity", zoho },
	{ &account_locked, ANYWHERE, 0, NULL, "unusual sending activity", NULL },
	{ &account_locked, ANYWHERE, 0, NULL, "outgoing blocked", NULL },
	{ &quota_used, MAIL, 0, NULL, "daily limit", NULL },
	{ &account_locked, MAIL, 0, NULL, "account suspended", NULL },
	{ &account_locked, MAIL, 0, NULL, "account is suspended", NULL },
	{ &account_locked, MAIL, 0, NULL, "account has been suspended", NULL },
	{ &not_active, MAIL, 0, NULL, "not yet activated", NULL },

	/* ---- too fast: only where waiting is what the server asks for ---- */

	{ &ses_fast, ANYWHERE, 4, NULL, "sending rate", amazon },
	{ &microsoft_fast, ANYWHERE, 4, "4.5.127", NULL, NULL },
	{ &microsoft_fast, ANYWHERE, 4, NULL, "concurrent connections", microsoft },
	{ &too_fast, ANYWHERE, 4, NULL, "throttl", NULL },
	{ &too_fast, ANYWHERE, 4, NULL, "rate limit", NULL },
	{ &too_fast, ANYWHERE, 4, NULL, "ratelimit", NULL },
	{ &too_fast, ANYWHERE, 4, NULL, "sending rate", NULL },
	{ &too_fast, ANYWHERE, 4, NULL, "too many messages", NULL },
	{ &too_fast, ANYWHERE, 4, NULL, "too many connections", NULL },
	{ &too_fast, ANYWHERE, 4, NULL, "too many concurrent", NULL },
	{ &too_fast, ANYWHERE, 4, NULL, "too many login", NULL },
	{ &too_fast, ANYWHERE, 4, NULL, "too many emails", NULL },
	{ &too_fast, ANYWHERE, 4, NULL, "concurrent connections", NULL },
	{ &too_fast, ANYWHERE, 4, NULL, "too fast", NULL },
	{ &too_fast, ANYWHERE, 4, NULL, "slow down", NULL },

	/* ---- messages and recipients ---- */

	{ &mailgun_relay, ENVELOPE, 0, NULL, "relay", mailgun },
	{ &mailgun_relay, ANYWHERE, 0, NULL, "authorized recipients", mailgun },
	/* Postfix, Exim, Exchange, sendmail */
	{ &relay_denied, RCPT, 0, NULL, "relay access denied", NULL },
	{ &relay_denied, RCPT, 0, NULL, "relay not permitted", NULL },
	{ &relay_denied, RCPT, 0, NULL, "relaying denied", NULL },
	{ &relay_denied, RCPT, 0, NULL, "unable to relay", NULL },
	{ &relay_denied, RCPT, 0, NULL, "relaying is not allowed", NULL },
	{ &relay_denied, RCPT, 0, NULL, "not permitted to relay", NULL },
	{ &relay_denied, RCPT, 0, NULL, "we do not relay", NULL },
	{ &relay_denied, RCPT, 0, NULL, "relaying not allowed", NULL },
	{ &relay_denied, RCPT, 0, NULL, "relaying prohibited", NULL },
	{ &greylisted, ANYWHERE, 4, NULL, "greylist", NULL },
	{ &greylisted, ANYWHERE, 4, NULL, "graylist", NULL },
	{ &greylisted, ANYWHERE, 4, NULL, "grey list", NULL },
	{ &greylisted, RCPT, 4, NULL, "postgrey", NULL },
	{ &too_big, ANYWHERE, 0, "5.3.4", NULL, NULL },
	{ &too_big, ANYWHERE, 5, "5.2.3", NULL, NULL },
	{ &too_big, MAIL | CONTENT, 552, NULL, "size", NULL },
	{ &too_big, ANYWHERE, 0, NULL, "exceeds fixed limit", NULL },
	{ &too_big, ANYWHERE, 0, NULL, "message too large", NULL },
	{ &too_big, ANYWHERE, 0, NULL, "message too big", NULL },
	{ &too_big, ANYWHERE, 0, NULL, "exceeds maximum", NULL },
	{ &bare_name, RCPT, 0, NULL, "must contain a domain", NULL },
	{ &bare_name, ANYWHERE, 0, NULL, "missing final '@domain'", NULL },
	{ &bare_name, RCPT, 504, NULL, "fully-qualified address", NULL },
	{ &hello_refused, RCPT, 0, NULL, "helo command rejected", NULL },
	{ &mailbox_full, RCPT | CONTENT, 0, "5.2.2", NULL, NULL },
	{ &mailbox_full, RCPT | CONTENT, 0, "4.2.2", NULL, NULL },
	{ &mailbox_full, RCPT | CONTENT, 0, NULL, "mailbox full", NULL },
	{ &mailbox_full, RCPT | CONTENT, 0, NULL, "mailbox is full", NULL },
	{ &mailbox_full, RCPT | CONTENT, 0, NULL, "over quota", NULL },
	{ &inactive, ANYWHERE, 0, NULL, "inactive recipient", NULL },
	{ &inactive, ANYWHERE, 0, NULL, "marked as inactive", NULL },
	{ &inactive, ANYWHERE, 0, NULL, "suppression list", NULL },
	{ &no_such_user, RCPT, 0, "5.1.1", NULL, NULL },
	{ &no_such_user, RCPT, 0, "5.1.10", NULL, NULL },
	{ &no_such_user, RCPT, 5, NULL, "user unknown", NULL },
	{ &no_such_user, RCPT, 5, NULL, "unknown user", NULL },
	{ &no_such_user, RCPT, 5, NULL, "no such user", NULL },
	{ &no_such_user, RCPT, 5, NULL, "no such recipient", NULL },
	{ &no_such_user, RCPT, 5, NULL, "does not exist", NULL },
	{ &no_such_user, RCPT, 5, NULL, "recipient not found", NULL },
	{ &no_reverse_name, ANYWHERE, 0, NULL, "cannot find your reverse", NULL },
	{ &no_reverse_name, ANYWHERE, 0, NULL, "cannot find your hostname", NULL },
	{ &no_reverse_name, ANYWHERE, 0, "5.7.25", NULL, NULL },
	{ &listed, ANYWHERE, 0, NULL, "spamhaus", NULL },
	{ &listed, ANYWHERE, 0, NULL, "blocked using", NULL },
	{ &listed, ANYWHERE, 0, NULL, "blacklist", NULL },
	{ &listed, ANYWHERE, 0, NULL, "blocklist", NULL },
	{ &unauthenticated, ANYWHERE, 0, "5.7.26", NULL, NULL },
	{ &unauthenticated, ANYWHERE, 0, "5.7.27", NULL, NULL },
	{ &unauthenticated, ANYWHERE, 0, "5.7.515", NULL, NULL },
	{ &unauthenticated, ANYWHERE, 5, NULL, "dmarc", NULL },
	{ &unauthenticated, ANYWHERE, 5, NULL, "spf", NULL },
	{ &unauthenticated, ANYWHERE, 5, NULL, "dkim", NULL },
	{ &unauthenticated, ANYWHERE, 5, NULL, "unauthenticated", NULL },
	{ &spam, CONTENT, 5, NULL, "spam", NULL },
	{ &spam, CONTENT, 5, NULL, "policy reasons", NULL },
	{ &spam, CONTENT, 5, NULL, "content rejected", NULL },
	{ &spam, CONTENT, 5, NULL, "virus", NULL },
	{ &sender_domain_missing, ENVELOPE, 0, NULL, "sender address rejected: domain not found",
	    NULL },
	{ &sender_domain_missing, ENVELOPE, 0, NULL, "sender domain must exist", NULL },
	{ &sender_domain_missing, ENVELOPE, 0, NULL, "domain of sender address", NULL },
};

/* ---- looking up ---- */

/* host is the name, or below it. */
static bool is_below(struct span host, struct span name)
{
	return span_equals_ignoring_case(host, name) ||
	       (host.length > name.length && host.start[host.length - name.length - 1] == '.' &&
		   span_equals_ignoring_case(span_after(host, host.length - name.length), name));
}

static bool is_one_of(const char *host, const char *hosts)
{
	struct span rest = span_from_string(hosts);
	struct span name = { 0 };

	while (host != NULL && span_take_word(&rest, &name))
		if (is_below(span_from_string(host), name))
			return true;
	return false;
}

static bool fits_code(const struct row *row, const struct reply *reply)
{
	if (row->code < 10)
		return row->code == 0 || row->code == reply_class(reply);
	return row->code == reply->code;
}

/* RFC 3463, 3.2 and 3.3: the address, or the mailbox, of whom RCPT has named. */
static bool is_of_recipient(enum advice_step step, const struct reply *reply)
{
	return step == ADVICE_RCPT && reply->status[0] != '\0' &&
	       (strncmp(reply->status + 1, ".1.", 3) == 0 ||
		   strncmp(reply->status + 1, ".2.", 3) == 0);
}

/* It repeats what another server thinks of it ("host mx.example said: ..."). */
static bool is_quoted(enum advice_step step, const char *text)
{
	return (step == ADVICE_RCPT || step == ADVICE_CONTENT) &&
	       strcasestr(text, " said:") != NULL;
}

/* Words go over the ends of lines. */
static void flatten(const char *lines, char text[static REPLY_TEXT_SIZE])
{
	size_t i = 0;

	for (; lines[i] != '\0' && i < REPLY_TEXT_SIZE - 1; i++)
		text[i] = lines[i] != '\n' ? lines[i] : ' ';
	text[i] = '\0';
}

const struct advice *advice_find(const struct reply *reply, const char *host, enum advice_step step)
{
	char text[REPLY_TEXT_SIZE];

	flatten(reply->text, text);
	bool is_of_message = is_of_recipient(step, reply) || is_quoted(step, text);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const struct row *row = &rows[i];

		if ((row->steps & step) != 0 && fits_code(row, reply) &&
		    (!is_of_message || row->advice->blame == BLAME_MESSAGE) &&
		    (row->status == NULL || strcmp(row->status, reply->status) == 0) &&
		    (row->words == NULL || strcasestr(text, row->words) != NULL) &&
		    (row->hosts == NULL || is_one_of(host, row->hosts)))
			return row->advice;
	}
	return NULL;
}

/* ---- giving it ---- */

static const char *value_of(struct span name, const struct smarthost *smarthost, const char *host)
{
	const char *user = smarthost->user != NULL ? smarthost->user : "";

	if (span_equals_string(name, "host"))
		return smarthost->host != NULL ? host : "the server";
	if (span_equals_string(name, "name"))
		return smarthost->name != NULL ? smarthost->name : "default";
	if (span_equals_string(name, "user"))
		return user[0] != '\0' ? user : "the mailbox";
	if (smarthost->from != NULL)
		return smarthost->from;
	return strchr(user, '@') != NULL ? user : "you@example.com";
}

/* With what stands between braces put in; the settings' own grammar has a blank there. */
static void expand(const char *pattern, const struct smarthost *smarthost, struct buffer *text)
{
	CLEANUP(memory_free_string) char *host = smarthost_url_host(smarthost);
	struct span rest = span_from_string(pattern);
	ssize_t brace;

	while ((brace = span_find_byte(rest, '{')) >= 0) {
		struct span name = span_after(rest, (size_t)brace + 1);
		ssize_t end = span_find_byte(name, '}');

		if (end <= 0 || name.start[0] == ' ') {
			buffer_append_span(text, span_first(rest, (size_t)brace + 1));
			rest = name;
			continue;
		}
		buffer_append_span(text, span_first(rest, (size_t)brace));
		buffer_append_string(
		    text, value_of(span_first(name, (size_t)end), smarthost, host));
		rest = span_after(name, (size_t)end + 1);
	}
	buffer_append_span(text, rest);
}

void advice_give(
    const struct advice *advice, const struct smarthost *smarthost, struct error *error)
{
	struct buffer text CLEANUP(buffer_finish) = { 0 };

	(void)error_code(error, advice->code);
	if (advice->means != NULL)
		(void)error_means(error, "%s", advice->means);
	if (advice->next == NULL)
		return;
	buffer_init(&text, 2 * ERROR_NEXT_SIZE);
	expand(advice->next, smarthost, &text);
	(void)error_next(error, "%s", buffer_string(&text));
}

void advice_add(const struct reply *reply, const struct smarthost *smarthost, enum advice_step step,
    struct error *error)
{
	const struct advice *advice = advice_find(reply, smarthost->host, step);

	if (advice != NULL)
		advice_give(advice, smarthost, error);
}

/* ---- before the first reply ---- */

static const char *const known_hosts[] = {
	"smtp.gmail.com",
	"smtp-relay.gmail.com",
	"smtp.office365.com",
	"smtp-mail.outlook.com",
	"smtp.sendgrid.net",
	"smtp.mailgun.org",
	"smtp.eu.mailgun.org",
	"smtp.postmarkapp.com",
	"smtp-relay.brevo.com",
	"smtp.fastmail.com",
	"smtp.zoho.com",
	"smtp.zoho.eu",
	"smtppro.zoho.com",
	"smtp.mail.yahoo.com",
	"smtp.mail.me.com",
	"ssl0.ovh.net",
	"mail.your-server.de",
	"mail.gmx.net",
	"smtp.web.de",
	"smtp.ionos.de",
	"smtp.ionos.com",
	"smtp.strato.de",
	"smtp.mailbox.org",
	"smtp.posteo.de",
	"smtp.resend.com",
	"in-v3.mailjet.com",
	"smtp.migadu.com",
	"localhost",
};

enum { TYPING_EDITS = 2 };

/* The host's first label before the domain of the address that is sent from; NULL: none there. */
static char *host_in_domain(const struct smarthost *smarthost)
{
	const char *address = smarthost->from != NULL ? smarthost->from : smarthost->user;
	const char *domain = address != NULL ? strrchr(address, '@') : NULL;
	const char *dot = strchr(smarthost->host, '.');

	if (domain == NULL || dot == NULL)
		return NULL;
	return memory_format("%.*s.%s", (int)(dot - smarthost->host), smarthost->host, domain + 1);
}

void advice_add_host(const struct smarthost *smarthost, struct error *error)
{
	struct span host = span_from_string(smarthost->host);
	char *own CLEANUP(memory_free_string) = host_in_domain(smarthost);
	const char *const own_list[] = { own };
	const char *meant = NULL;

	if (error->kind != ERROR_NO_HOST)
		return;
	if (own != NULL)
		meant = nearest_name_within(host, own_list, 1, TYPING_EDITS);
	if (meant == NULL)
		meant = nearest_name_within(
		    host, known_hosts, sizeof known_hosts / sizeof known_hosts[0], TYPING_EDITS);
	if (meant == NULL || span_equals_string_ignoring_case(host, meant))
		(void)error_next(error, "check the host in the url of smarthost \"%s\": %s",
		    smarthost->name != NULL ? smarthost->name : "default",
		    smarthost->url != NULL ? smarthost->url : smarthost->host);
	else
		(void)error_next(error, "did you mean %s? It stands in the url of smarthost \"%s\"",
		    meant, smarthost->name != NULL ? smarthost->name : "default");
}

void advice_add_ports(const struct smarthost *smarthost, struct error *error)
{
	CLEANUP(memory_free_string) char *host = smarthost_url_host(smarthost);

	if (smarthost->is_loopback || smarthost->source != NULL || smarthost->is_lmtp)
		return;
	(void)error_next(error,
	    "try the other ports: url = \"%s%s\"%s%s%s in smarthost \"%s\"; mailchute doctor "
	    "--online shows which of them answer",
	    smarthost->port != 465 ? "smtps://" : "smtp+tls://", host,
	    smarthost->port != 465 && smarthost->port != 587 ? " or \"smtp+tls://" : "",
	    smarthost->port != 465 && smarthost->port != 587 ? host : "",
	    smarthost->port != 465 && smarthost->port != 587 ? "\"" : "",
	    smarthost->name != NULL ? smarthost->name : "default");
}
