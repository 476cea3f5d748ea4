/* SPDX-License-Identifier: MIT */

#include "import/providers.h"

#include <assert.h>
#include <fnmatch.h>
#include <string.h>

#include "base/memory.h"
#include "base/span.h"

static const char full_address[] = "your full address";

const struct provider providers[] = {
	{ "gmail", "Gmail, Google Workspace", "smtp.gmail.com smtp.googlemail.com",
	    "gmail.com googlemail.com", "smtps://smtp.gmail.com:465", NULL, full_address, NULL,
	    "Google takes no account password here: switch on 2-step verification, make an app "
	    "password and use its 16 letters.",
	    "https://myaccount.google.com/apppasswords", false },
	{ "google-relay", "Google Workspace SMTP relay", "smtp-relay.gmail.com", "",
	    "smtp+tls://smtp-relay.gmail.com:587", NULL, full_address, NULL,
	    "The relay is switched on in the Admin console, which also says from which addresses "
	    "of yours it takes mail; the login wants an app password.",
	    "https://admin.google.com/ac/apps/gmail/routing", false },
	{ "office365", "Microsoft 365, Exchange Online", "smtp.office365.com *.smtp.office365.com",
	    "", "smtp+tls://smtp.office365.com:587", NULL, full_address, NULL,
	    "\"Authenticated SMTP\" must be switched on for the mailbox, an account with MFA "
	    "needs an app password, and Microsoft is ending passwords here: have a token "
	    "(token_file) ready.",
	    "https://admin.microsoft.com (Users, Mail, Manage email apps)", false },
	{ "outlook", "Outlook.com, Hotmail, Live", "smtp-mail.outlook.com",
	    "outlook.com outlook.de outlook.fr hotmail.com hotmail.de hotmail.fr hotmail.co.uk "
	    "live.com live.de msn.com",
	    "smtp+tls://smtp-mail.outlook.com:587", NULL, full_address, NULL,
	    "Since September 2024 private accounts can log in with an OAuth token only "
	    "(token_file), with no password and no app password.",
	    "https://account.microsoft.com/security", false },
	{ "ses", "Amazon SES", "email-smtp.*.amazonaws.com email-smtp-fips.*.amazonaws.com", "",
	    "smtp+tls://email-smtp.REGION.amazonaws.com:587", "eu-west-1",
	    "the SMTP user name, AKIA...", NULL,
	    "The SMTP password is not the IAM secret key: make SMTP credentials for the region "
	    "of the host; the from address must be verified in that region.",
	    "https://console.aws.amazon.com/ses/home#/smtp", false },
	{ "sendgrid", "Twilio SendGrid", "smtp.sendgrid.net", "",
	    "smtp+tls://smtp.sendgrid.net:587", NULL, "the word apikey", "apikey",
	    "The user is the word \"apikey\" and the password an API key (SG....) with Mail Send "
	    "access; the from address must be a verified sender.",
	    "https://app.sendgrid.com/settings/api_keys", false },
	{ "mailgun", "Mailgun (US)", "smtp.mailgun.org", "", "smtp+tls://smtp.mailgun.org:587",
	    NULL, "the SMTP login of your domain, postmaster@mg.example.com", NULL,
	    "The login is that of the sending domain, not of your Mailgun account, and a domain "
	    "of the EU region is unknown at this host (mailgun-eu).",
	    "https://app.mailgun.com (Domain settings, SMTP credentials)", true },
	{ "mailgun-eu", "Mailgun (EU)", "smtp.eu.mailgun.org", "",
	    "smtp+tls://smtp.eu.mailgun.org:587", NULL,
	    "the SMTP login of your domain, postmaster@mg.example.com", NULL,
	    "The login is that of the sending domain, not of your Mailgun account, and a domain "
	    "of the US region is unknown at this host (mailgun).",
	    "https://app.eu.mailgun.com (Domain settings, SMTP credentials)", true },
	{ "postmark", "Postmark", "smtp.postmarkapp.com smtp-broadcasts.postmarkapp.com", "",
	    "smtp+tls://smtp.postmarkapp.com:587", NULL, "the Server API token", NULL,
	    "User and password are both the Server API token; the from address needs a confirmed "
	    "sender signature or domain.",
	    "https://account.postmarkapp.com/servers (API Tokens)", false },
	{ "brevo", "Brevo (Sendinblue)", "smtp-relay.brevo.com smtp-relay.sendinblue.com", "",
	    "smtp+tls://smtp-relay.brevo.com:587", NULL, "the SMTP login that Brevo shows", NULL,
	    "The password is an SMTP key (xsmtpsib-...), neither the account's password nor an "
	    "API key (xkeysib-...).",
	    "https://app.brevo.com/settings/keys/smtp", true },
	{ "fastmail", "Fastmail", "smtp.fastmail.com smtps-proxy.fastmail.com",
	    "fastmail.com fastmail.fm sent.com", "smtps://smtp.fastmail.com:465", NULL,
	    full_address, NULL,
	    "Make an app password with access to SMTP; the account's own password is refused, "
	    "and the Basic plan has no SMTP.",
	    "https://app.fastmail.com/settings/security/apppasswords", false },
	{ "icloud", "iCloud Mail", "smtp.mail.me.com", "icloud.com me.com mac.com",
	    "smtp+tls://smtp.mail.me.com:587", NULL, "your full iCloud address", NULL,
	    "Use an app-specific password; the login is the @icloud.com address, not an Apple "
	    "account of another domain.",
	    "https://account.apple.com (Sign-In and Security, App-Specific Passwords)", false },
	{ "yahoo", "Yahoo Mail", "smtp.mail.yahoo.com",
	    "yahoo.com yahoo.de yahoo.fr yahoo.co.uk "
	    "yahoo.it yahoo.es ymail.com rocketmail.com",
	    "smtps://smtp.mail.yahoo.com:465", NULL, full_address, NULL,
	    "Make an app password; the account's own password is refused, and From must be the "
	    "account's address.",
	    "https://login.yahoo.com/account/security", false },
	{ "aol", "AOL Mail", "smtp.aol.com", "aol.com aim.com", "smtps://smtp.aol.com:465", NULL,
	    full_address, NULL, "Make an app password; the account's own password is refused.",
	    "https://login.aol.com/account/security", false },
	{ "zoho", "Zoho Mail (.com)", "smtp.zoho.com smtppro.zoho.com", "zoho.com zohomail.com",
	    "smtps://smtp.zoho.com:465", NULL, full_address, NULL,
	    "The host belongs to the data centre of the account (zoho-eu: .eu) and is "
	    "smtppro.zoho.com for a domain of your own; with two-factor login make an app "
	    "password.",
	    "https://accounts.zoho.com/home#security/app_password", false },
	{ "zoho-eu", "Zoho Mail (.eu)", "smtp.zoho.eu smtppro.zoho.eu", "zohomail.eu",
	    "smtps://smtp.zoho.eu:465", NULL, full_address, NULL,
	    "An account of another data centre is unknown here (zoho: .com); a domain of your own "
	    "uses smtppro.zoho.eu; with two-factor login make an app password.",
	    "https://accounts.zoho.eu/home#security/app_password", false },
	{ "mailjet", "Mailjet", "in-v3.mailjet.com in.mailjet.com", "",
	    "smtp+tls://in-v3.mailjet.com:587", NULL, "the API key", NULL,
	    "The user is the API key and the password the secret key; the from address must be a "
	    "validated sender.",
	    "https://app.mailjet.com/account/apikeys", false },
	{ "resend", "Resend", "smtp.resend.com", "", "smtps://smtp.resend.com:465", NULL,
	    "the word resend", "resend",
	    "The user is the word \"resend\" and the password an API key (re_...); the domain of "
	    "the from address must be verified.",
	    "https://resend.com/api-keys", false },
	{ "sparkpost", "SparkPost (US)", "smtp.sparkpostmail.com", "",
	    "smtp+tls://smtp.sparkpostmail.com:587", NULL, "the word SMTP_Injection",
	    "SMTP_Injection",
	    "The user is \"SMTP_Injection\" and the password an API key with the right \"Send via "
	    "SMTP\"; EU accounts use sparkpost-eu.",
	    "https://app.sparkpost.com/account/api-keys", false },
	{ "sparkpost-eu", "SparkPost (EU)", "smtp.eu.sparkpostmail.com", "",
	    "smtp+tls://smtp.eu.sparkpostmail.com:587", NULL, "the word SMTP_Injection",
	    "SMTP_Injection",
	    "The user is \"SMTP_Injection\" and the password an API key with the right \"Send via "
	    "SMTP\"; US accounts use sparkpost.",
	    "https://app.eu.sparkpost.com/account/api-keys", false },
	{ "scaleway", "Scaleway Transactional Email", "smtp.tem.scaleway.com", "",
	    "smtps://smtp.tem.scaleway.com:465", NULL, "the Project ID", NULL,
	    "The user is the Project ID and the password the secret key of an IAM API key; the "
	    "from domain must be checked in the console.",
	    "https://console.scaleway.com/iam/api-keys", false },
	{ "mandrill", "Mandrill (Mailchimp)", "smtp.mandrillapp.com", "",
	    "smtp+tls://smtp.mandrillapp.com:587", NULL, "any text", NULL,
	    "The password is an API key (md-...), whatever the user name is.",
	    "https://mandrillapp.com/settings", false },
	{ "smtp2go", "SMTP2GO", "mail.smtp2go.com mail-eu.smtp2go.com mail-us.smtp2go.com", "",
	    "smtp+tls://mail.smtp2go.com:587", NULL, "the name of an SMTP user", NULL,
	    "Login and password are those of an SMTP user that you add, not of your account; "
	    "the sender's domain must be verified.",
	    "https://app.smtp2go.com/sending/smtp_users/", true },
	{ "mailtrap", "Mailtrap Email Sending", "live.smtp.mailtrap.io bulk.smtp.mailtrap.io", "",
	    "smtp+tls://live.smtp.mailtrap.io:587", NULL, "the word api", "api",
	    "The user is the word \"api\" and the password an API token; "
	    "sandbox.smtp.mailtrap.io catches mail and delivers none.",
	    "https://mailtrap.io/sending/domains", false },
	{ "mailersend", "MailerSend", "smtp.mailersend.net", "",
	    "smtp+tls://smtp.mailersend.net:587", NULL, "the SMTP user, MS_...@your domain", NULL,
	    "SMTP users are made for each domain, and the password is shown once.",
	    "https://app.mailersend.com/domains", true },
	{ "azure", "Azure Communication Services", "smtp.azurecomm.net", "",
	    "smtp+tls://smtp.azurecomm.net:587", NULL, "the SMTP user name of the resource", NULL,
	    "The login is an SMTP user name bound to an Entra application, the password a client "
	    "secret of it, which expires.",
	    "https://portal.azure.com (Communication Service, SMTP Usernames)", true },
	{ "proton", "Proton Mail (SMTP token)", "smtp.protonmail.ch", "",
	    "smtp+tls://smtp.protonmail.ch:587", NULL, "the address that has the token", NULL,
	    "Only paid plans with a domain of their own have SMTP tokens; the token is the "
	    "password and sends as its one address.",
	    "https://account.proton.me/mail/imap-smtp", false },
	{ "gmx", "GMX", "mail.gmx.net mail.gmx.com", "gmx.de gmx.net gmx.at gmx.ch gmx.com",
	    "smtp+tls://mail.gmx.net:587", NULL, full_address, NULL,
	    "Access by POP3/IMAP must be switched on in the settings of the mailbox, and with "
	    "two-factor login an app password is needed.",
	    "https://www.gmx.net (E-Mail, Settings, POP3/IMAP)", false },
	{ "web.de", "WEB.DE", "smtp.web.de", "web.de", "smtp+tls://smtp.web.de:587", NULL,
	    full_address, NULL,
	    "Access by POP3/IMAP must be switched on in the settings of the mailbox, and with "
	    "two-factor login an app password is needed.",
	    "https://web.de (E-Mail, Settings, POP3/IMAP)", false },
	{ "t-online", "T-Online", "securesmtp.t-online.de", "t-online.de magenta.de",
	    "smtps://securesmtp.t-online.de:465", NULL, full_address, NULL,
	    "The password is the one for e-mail programs, which is made apart from that of the "
	    "customer centre.",
	    "https://account.idm.telekom.com", false },
	{ "mailbox.org", "mailbox.org", "smtp.mailbox.org", "mailbox.org",
	    "smtps://smtp.mailbox.org:465", NULL, full_address, NULL,
	    "With two-factor login make an app password; From must be an address or alias of the "
	    "account.",
	    "https://login.mailbox.org (Security, App passwords)", false },
	{ "posteo", "Posteo", "posteo.de", "posteo.de posteo.net posteo.org",
	    "smtps://posteo.de:465", NULL, full_address, NULL,
	    "The password is that of the account itself; From must be an address or alias of the "
	    "account.",
	    "https://posteo.de/en/settings", false },
	{ "ionos", "IONOS (Germany)", "smtp.ionos.de smtp.1und1.de", "",
	    "smtps://smtp.ionos.de:465", NULL, full_address, NULL,
	    "The password is that of the mailbox, not of the customer account; From must be the "
	    "address of that mailbox.",
	    "https://mein.ionos.de/email-overview", false },
	{ "ionos-com", "IONOS (US, UK)", "smtp.ionos.com smtp.ionos.co.uk smtp.1and1.com", "",
	    "smtps://smtp.ionos.com:465", NULL, full_address, NULL,
	    "The password is that of the mailbox, not of the customer account; From must be the "
	    "address of that mailbox.",
	    "https://my.ionos.com/email-overview", false },
	{ "strato", "STRATO", "smtp.strato.de", "", "smtps://smtp.strato.de:465", NULL,
	    full_address, NULL,
	    "The password is that of the mailbox, not of the customer account; From must be an "
	    "address of that mailbox.",
	    "https://www.strato.de/apps/CustomerService", false },
	{ "hetzner", "Hetzner web hosting", "mail.your-server.de *.your-server.de", "",
	    "smtp+tls://mail.your-server.de:587", NULL, full_address, NULL,
	    "The mailbox is made in konsoleH; Hetzner's cloud servers may not connect to ports 25 "
	    "and 465 at first, so stay with 587.",
	    "https://konsoleh.hetzner.com", false },
	{ "ovh", "OVHcloud MX Plan", "ssl0.ovh.net smtp.mail.ovh.net", "",
	    "smtps://ssl0.ovh.net:465", NULL, full_address, NULL,
	    "This host is for MX Plan mailboxes in Europe; Email Pro and Exchange have hosts of "
	    "their own (ovh-pro, ex.mail.ovh.net), which the control panel shows.",
	    "https://www.ovh.com/manager (Web Cloud, Emails)", false },
	{ "ovh-pro", "OVHcloud Email Pro", "pro?.mail.ovh.net pro.mail.ovh.net", "",
	    "smtp+tls://pro1.mail.ovh.net:587", NULL, full_address, NULL,
	    "The number in the host differs from server to server (pro1, pro2, ...): the control "
	    "panel shows yours, and --url takes it.",
	    "https://www.ovh.com/manager (Web Cloud, Email Pro)", false },
	{ "infomaniak", "Infomaniak", "mail.infomaniak.com", "ikmail.com ik.me etik.com",
	    "smtps://mail.infomaniak.com:465", NULL, full_address, NULL,
	    "With two-factor login make a password for the device; From must be the address of "
	    "the login.",
	    "https://manager.infomaniak.com (Mail, Devices)", false },
	{ "gandi", "Gandi Mail", "mail.gandi.net", "", "smtps://mail.gandi.net:465", NULL,
	    full_address, NULL, "The password is that of the mailbox, not of the Gandi account.",
	    "https://admin.gandi.net/email", false },
	{ "migadu", "Migadu", "smtp.migadu.com", "", "smtps://smtp.migadu.com:465", NULL,
	    full_address, NULL,
	    "Mailbox or identity, each with its own password; From must be an address that it may "
	    "send as.",
	    "https://admin.migadu.com", false },
	{ "yandex", "Yandex Mail", "smtp.yandex.com smtp.yandex.ru", "yandex.com yandex.ru ya.ru",
	    "smtps://smtp.yandex.com:465", NULL, full_address, NULL,
	    "Mail programs must be allowed in the settings, and an app password for mail is "
	    "needed.",
	    "https://id.yandex.com/security/app-passwords", false },
	{ .name = NULL },
};

/* One of the patterns, which are separated by blanks. */
static bool has_match(const char *patterns, const char *text)
{
	struct span rest = span_from_string(patterns);
	struct span word;

	while (span_take_word(&rest, &word)) {
		CLEANUP(memory_free_string) char *pattern = span_copy(word);

		if (fnmatch(pattern, text, FNM_CASEFOLD) == 0)
			return true;
	}
	return false;
}

const struct provider *providers_find(const char *name)
{
	for (const struct provider *provider = providers; provider->name != NULL; provider++)
		if (span_equals_string_ignoring_case(span_from_string(name), provider->name))
			return provider;
	return NULL;
}

const struct provider *providers_find_host(const char *host)
{
	for (const struct provider *provider = providers; provider->name != NULL; provider++)
		if (has_match(provider->hosts, host))
			return provider;
	return NULL;
}

const struct provider *providers_find_address(const char *address)
{
	const char *at = strrchr(address, '@');

	if (at == NULL)
		return NULL;
	for (const struct provider *provider = providers; provider->name != NULL; provider++)
		if (has_match(provider->domains, at + 1))
			return provider;
	return NULL;
}

char *providers_url(const struct provider *provider, const char *region)
{
	static const char word[] = "REGION";
	const char *place = strstr(provider->url, word);

	assert((place != NULL) == (region != NULL));
	if (place == NULL)
		return memory_copy_string(provider->url);
	return memory_format("%.*s%s%s",
	    span_int(span_from_bytes(provider->url, (size_t)(place - provider->url))),
	    provider->url, region, place + strlen(word));
}
