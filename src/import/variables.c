/* SPDX-License-Identifier: MIT */

/*
 * The variables by which images and frameworks are told their smarthost: of
 * this process, or of files in the form of .env.
 *
 * One table: a row a family, each with the names for the same five things.
 */

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/memory.h"
#include "import/account.h"
#include "import/dsn.h"
#include "import/predecessor.h"
#include "import/providers.h"
#include "import/variable_list.h"

struct reader {
	const struct source_room *room;
	struct variable_list list;
	char *path; /* of the file, or "the environment" */
};

/* Names are separated by blanks; the first that is set counts. */
static const struct family {
	const char *title; /* for people */
	const char *url;
	const char *host;
	const char *port;
	const char *user;
	const char *password;
	const char *tls;     /* "ssl", "tls", "true", a level of Postfix ... */
	const char *at_once; /* true: TLS at once */
	const char *from;
	const char *ehlo;
} families[] = {
	{ "Symfony", "MAILER_DSN MAILER_URL", "", "", "", "", "", "", "MAILER_FROM MAILER_SENDER",
	    "" },
	{ "boky/postfix", "", "RELAYHOST", "", "RELAYHOST_USERNAME", "RELAYHOST_PASSWORD",
	    "POSTFIX_smtp_tls_security_level RELAYHOST_TLS_LEVEL", "POSTFIX_smtp_tls_wrappermode",
	    "", "POSTFIX_myhostname HOSTNAME_OVERRIDE" },
	{ "docker-mailserver", "", "RELAY_HOST DEFAULT_RELAY_HOST", "RELAY_PORT",
	    "RELAY_USER RELAY_USERNAME", "RELAY_PASSWORD RELAY_PASS", "RELAY_TLS", "", "", "" },
	{ "Postfix images", "", "POSTFIX_RELAY_HOST SMARTHOST_ADDRESS SMARTHOST",
	    "POSTFIX_RELAY_PORT SMARTHOST_PORT", "POSTFIX_RELAY_USER SMARTHOST_USER",
	    "POSTFIX_RELAY_PASS POSTFIX_RELAY_PASSWORD SMARTHOST_PASSWORD", "", "", "", "" },
	{ "SMTP_HOST", "SMTP_URL", "SMTP_HOST SMTP_SERVER SMTP_ADDRESS SMTP_HOSTNAME",
	    "SMTP_PORT SMTP_PORT_NUMBER",
	    "SMTP_USER SMTP_USERNAME SMTP_LOGIN SMTP_USER_NAME SMTP_AUTH_USER SMTP_NAME",
	    "SMTP_PASSWORD SMTP_PASS SMTP_AUTH_PASSWORD SMTP_AUTH_PASS",
	    "SMTP_SECURITY SMTP_ENCRYPTION SMTP_SECURE SMTP_TLS SMTP_STARTTLS SMTP_ENABLE_STARTTLS "
	    "SMTP_ENABLE_STARTTLS_AUTO SMTP_USE_TLS",
	    "SMTP_SSL SMTP_USE_SSL SMTP_EXPLICIT_TLS",
	    "SMTP_FROM SMTP_FROM_ADDRESS SMTP_FROM_EMAIL SMTP_SENDER SMTP_MAIL_FROM",
	    "SMTP_EHLO SMTP_HELO SMTP_HELO_NAME SMTP_DOMAIN" },
	{ "Laravel", "MAIL_URL", "MAIL_HOST", "MAIL_PORT", "MAIL_USERNAME MAIL_USER",
	    "MAIL_PASSWORD MAIL_PASS", "MAIL_ENCRYPTION MAIL_SCHEME MAIL_SECURE", "MAIL_SSL",
	    "MAIL_FROM_ADDRESS MAIL_FROM", "MAIL_EHLO_DOMAIN" },
	{ "Django", "EMAIL_URL", "EMAIL_HOST", "EMAIL_PORT", "EMAIL_HOST_USER EMAIL_USER",
	    "EMAIL_HOST_PASSWORD EMAIL_PASSWORD", "EMAIL_USE_TLS EMAIL_TLS",
	    "EMAIL_USE_SSL EMAIL_SSL", "DEFAULT_FROM_EMAIL SERVER_EMAIL EMAIL_FROM", "" },
	{ "WordPress", "", "WORDPRESS_SMTP_HOST WPMS_SMTP_HOST",
	    "WORDPRESS_SMTP_PORT WORDPRESS_SMTP_PORT_NUMBER WPMS_SMTP_PORT",
	    "WORDPRESS_SMTP_USER WPMS_SMTP_USER", "WORDPRESS_SMTP_PASSWORD WPMS_SMTP_PASS",
	    "WORDPRESS_SMTP_PROTOCOL WPMS_SSL", "", "WORDPRESS_SMTP_FROM_EMAIL WPMS_MAIL_FROM",
	    "" },
	{ "Grafana", "", "GF_SMTP_HOST", "", "GF_SMTP_USER", "GF_SMTP_PASSWORD",
	    "GF_SMTP_STARTTLS_POLICY", "", "GF_SMTP_FROM_ADDRESS", "GF_SMTP_EHLO_IDENTITY" },
	{ "ssmtp images", "", "SSMTP_SERVER SSMTP_MAILHUB SSMTP_HOST MSMTP_HOST",
	    "SSMTP_PORT MSMTP_PORT", "SSMTP_USER SSMTP_AUTH_USER MSMTP_USER",
	    "SSMTP_PASS SSMTP_PASSWORD SSMTP_AUTH_PASS MSMTP_PASSWORD", "SSMTP_TLS MSMTP_TLS", "",
	    "SSMTP_FROM MSMTP_FROM", "SSMTP_HOSTNAME" },
	{ "busybox, mailpit", "", "SMTPHOST MP_SENDMAIL_SMTP_ADDR MH_SENDMAIL_SMTP_ADDR SMTPSERVER",
	    "", "", "", "", "", "MP_SENDMAIL_FROM EMAIL", "" },
};

enum { FAMILY_COUNT = sizeof families / sizeof families[0] };

static void finish(struct reader *reader)
{
	variable_list_finish(&reader->list);
	free(reader->path);
}

static bool is_true(const char *value)
{
	static const char *const words[] = { "true", "yes", "on", "1", "always" };

	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		if (strcasecmp(value, words[i]) == 0)
			return true;
	return false;
}

static bool is_word(const char *value, const char *words)
{
	struct span rest = span_from_string(words);
	struct span word;

	while (span_take_word(&rest, &word))
		if (span_equals_string_ignoring_case(word, value))
			return true;
	return false;
}

/* As users.md has it: 465 means TLS at once, everything else STARTTLS, but for 25 and this machine.
 */
static void choose_tls(
    const struct reader *reader, const struct family *family, struct account *account)
{
	const struct variable *tls = variable_list_find_any(&reader->list, family->tls);
	const struct variable *at_once = variable_list_find_any(&reader->list, family->at_once);
	const char *value = tls != NULL ? tls->value : "";
	bool is_plain = is_word(value, "none null off false no 0 disabled nostarttls never");

	if (account->port == 465 || (at_once != NULL && is_true(at_once->value)) ||
	    is_word(value, "ssl smtps force_tls tls_wrapper implicit"))
		account->tls = ACCOUNT_TLS_AT_ONCE;
	else if (is_word(value, "may opportunistic auto opportunisticstarttls"))
		account->tls = ACCOUNT_TLS_MAY;
	else if (is_plain)
		account->tls = ACCOUNT_TLS_NEVER;
	else if (value[0] != '\0' || account->port == 587 || account->port == 2587)
		account->tls = ACCOUNT_TLS_MUST;
	else
		account->tls = ACCOUNT_TLS_MAY;
	/* "secure = true" with 587 is STARTTLS for some and TLS at once for others. */
	if (account->port == 0)
		account->port = account->tls == ACCOUNT_TLS_AT_ONCE ? 465
				: account->tls == ACCOUNT_TLS_MUST  ? 587
								    : 25;
}

/* Symfony's "gmail+smtp://...@default": the provider's host. */
static void take_provider(struct account *account, const struct dsn *url)
{
	ssize_t plus = span_find_byte(url->scheme, '+');
	CLEANUP(memory_free_string)
	char *name = span_copy(span_first(url->scheme, plus > 0 ? (size_t)plus : 0));
	const char *real = strcasecmp(name, "sendinblue") == 0 ? "brevo" : name;
	const struct provider *provider = providers_find(real);
	struct span region = dsn_option(url, "region");

	if (provider == NULL)
		return;
	if (provider == providers_find("mailgun") && span_equals_string(region, "eu"))
		provider = providers_find("mailgun-eu");
	CLEANUP(memory_free_string)
	char *given = region.length != 0 ? span_copy(region) : memory_copy_string("eu-west-1");
	CLEANUP(memory_free_string)
	char *text = providers_url(provider, provider->region != NULL ? given : NULL);
	const char *host = strstr(text, "://") + 3;

	account_set_host(account, span_from_string(host));
	account->tls = strncmp(text, "smtps", 5) == 0 ? ACCOUNT_TLS_AT_ONCE : ACCOUNT_TLS_MUST;
	/* An API key alone: who the user is, is known, or it is both. */
	if (account->password == NULL && account->user != NULL) {
		account_take_secret(&account->password, span_from_string(account->user));
		if (provider->fixed_login != NULL)
			account_take(&account->user, span_from_string(provider->fixed_login));
	}
}

static void take_url_login(struct account *account, const struct dsn *url)
{
	CLEANUP(memory_free_string) char *user = dsn_decode(url->user);
	CLEANUP(memory_free_secret) char *password = dsn_decode(url->password);

	account_take(&account->user, span_from_string(user));
	account_take_secret(&account->password, span_from_string(password));
}

static void take_url(
    struct reader *reader, const struct variable *variable, struct account *account)
{
	struct dsn url;
	struct plan *plan = reader->room->plan;

	account->place = (struct account_place){ reader->path, variable->line };
	if (!dsn_split(span_from_string(variable->value), &url)) {
		plan_note(plan, PLAN_LOST, reader->path, variable->line, "%s holds no URL",
		    variable->name);
		return;
	}
	take_url_login(account, &url);
	take_provider(account, &url);
	if (account->host != NULL)
		return;
	if (span_starts_with(url.scheme, "sendmail") || span_starts_with(url.scheme, "native") ||
	    span_starts_with(url.scheme, "null") || !account_set_host(account, url.host)) {
		plan_note(plan, PLAN_LOST, reader->path, variable->line,
		    "%s names no SMTP server (%.*s://)", variable->name, span_int(url.scheme),
		    url.scheme.start);
		return;
	}
	struct span encryption = dsn_option(&url, "encryption");
	if (span_equals_string_ignoring_case(url.scheme, "smtps") ||
	    span_equals_string_ignoring_case(url.scheme, "smtp+ssl") ||
	    span_equals_string_ignoring_case(encryption, "ssl") || account->port == 465)
		account->tls = ACCOUNT_TLS_AT_ONCE;
	else if (span_equals_string_ignoring_case(url.scheme, "smtp+tls") ||
		 span_equals_string_ignoring_case(encryption, "tls") || account->port == 587)
		account->tls = ACCOUNT_TLS_MUST;
	else
		account->tls = ACCOUNT_TLS_MAY;
	if (span_equals_string(dsn_option(&url, "verify_peer"), "0"))
		plan_note(plan, PLAN_CHANGED, reader->path, variable->line,
		    "verify_peer=0: certificates are verified now, or pinned by tls_fingerprint");
	if (account->port == 0)
		account->port = account->tls == ACCOUNT_TLS_AT_ONCE ? 465 : 25;
}

static void take_login(
    const struct reader *reader, const struct family *family, struct account *account)
{
	const struct variable *user = variable_list_find_any(&reader->list, family->user);
	const struct variable *user_file = variable_list_find_file(&reader->list, family->user);
	const struct variable *password = variable_list_find_any(&reader->list, family->password);
	const struct variable *file = variable_list_find_file(&reader->list, family->password);
	CLEANUP(memory_free_string)
	char *from_file = user == NULL && user_file != NULL
			      ? source_first_line(reader->room, user_file->value)
			      : NULL;

	if (user != NULL && strcasecmp(user->value, "null") != 0)
		account_take(&account->user, span_from_string(user->value));
	else if (from_file != NULL)
		account_take(&account->user, span_from_string(from_file));
	if (password != NULL && strcasecmp(password->value, "null") != 0)
		account_take_secret(&account->password, span_from_string(password->value));
	else if (file != NULL && file->value[0] == '/')
		account_take(&account->password_file, span_from_string(file->value));
}

static void take_host(struct reader *reader, const struct family *family,
    const struct variable *host, struct account *account)
{
	const struct variable *port = variable_list_find_any(&reader->list, family->port);

	account->place = (struct account_place){ reader->path, host->line };
	if (port != NULL)
		account->port = account_port(span_from_string(port->value));
	if (!account_set_host(account, span_from_string(host->value)))
		plan_note(reader->room->plan, PLAN_LOST, reader->path, host->line,
		    "%s = \"%s\" is no host", host->name, host->value);
	take_login(reader, family, account);
	choose_tls(reader, family, account);
}

/* Nextcloud has the two halves apart. */
static char *sender_of(const struct reader *reader, const struct family *family)
{
	const struct variable *from = variable_list_find_any(&reader->list, family->from);
	const struct variable *local = variable_list_find(
	    &reader->list, span_from_string("MAIL_FROM_ADDRESS"));
	const struct variable *domain = variable_list_find(
	    &reader->list, span_from_string("MAIL_DOMAIN"));

	if (from == NULL)
		from = local;
	if (from == NULL)
		return NULL;
	const char *open = strrchr(from->value, '<');
	const char *close = strrchr(from->value, '>');

	if (open != NULL && close != NULL && close > open)
		return memory_copy(open + 1, (size_t)(close - open) - 1);
	if (strchr(from->value, '@') == NULL && domain != NULL)
		return memory_format("%s@%s", from->value, domain->value);
	return memory_copy_string(from->value);
}

static const struct variable *place_of(const struct reader *reader, const struct family *family)
{
	const struct variable *url = variable_list_find_any(&reader->list, family->url);

	return url != NULL ? url : variable_list_find_any(&reader->list, family->host);
}

static void add_family(struct reader *reader, const struct family *family)
{
	CLEANUP(account_finish) struct account account = { 0 };
	const struct variable *url = variable_list_find_any(&reader->list, family->url);
	const struct variable *host = variable_list_find_any(&reader->list, family->host);
	const struct variable *ehlo = variable_list_find_any(&reader->list, family->ehlo);

	if (url != NULL)
		take_url(reader, url, &account);
	else
		take_host(reader, family, host, &account);
	/* Why not has been said. */
	if (account.host == NULL)
		return;
	account.from = sender_of(reader, family);
	if (account_add(reader->room->plan, &account) != NULL && ehlo != NULL)
		account_identity(reader->room->plan, "ehlo", ehlo->value,
		    &(struct account_place){ reader->path, ehlo->line });
}

/* namshi/smtp and its like: the provider is in the name. */
static bool add_known(struct reader *reader)
{
	const struct variable *gmail = variable_list_find(
	    &reader->list, span_from_string("GMAIL_USER"));
	const struct variable *ses = variable_list_find(
	    &reader->list, span_from_string("SES_USER"));
	const struct variable *user = gmail != NULL ? gmail : ses;
	const struct variable *password = variable_list_find_any(
	    &reader->list, gmail != NULL ? "GMAIL_PASSWORD" : "SES_PASSWORD");
	const struct variable *region = variable_list_find(
	    &reader->list, span_from_string("SES_REGION"));
	CLEANUP(account_finish) struct account account = { .tls = ACCOUNT_TLS_MUST, .port = 587 };

	if (user == NULL)
		return false;
	account.place = (struct account_place){ reader->path, user->line };
	account.host = gmail != NULL ? memory_copy_string("smtp.gmail.com")
				     : memory_format("email-smtp.%s.amazonaws.com",
					   region != NULL ? region->value : "us-east-1");
	account.user = memory_copy_string(user->value);
	if (password != NULL)
		account_take_secret(&account.password, span_from_string(password->value));
	return account_add(reader->room->plan, &account) != NULL;
}

static void add_all(struct reader *reader)
{
	const struct family *chosen = NULL;

	for (size_t i = 0; i < FAMILY_COUNT; i++) {
		const struct variable *place = place_of(reader, &families[i]);

		if (place == NULL)
			continue;
		if (chosen == NULL)
			add_family(reader, chosen = &families[i]);
		else
			plan_note(reader->room->plan, PLAN_LOST, reader->path, place->line,
			    "%s (%s): %s was taken already", place->name, families[i].title,
			    place_of(reader, chosen)->name);
	}
	if (chosen == NULL)
		(void)add_known(reader);
}

int variables_read(
    const struct source_room *room, char *const *files, size_t count, struct error *error)
{
	CLEANUP(finish) struct reader reader = { .room = room };

	reader.path = memory_copy_string(count != 0 ? files[0] : "the environment");
	for (size_t i = 0; i < count; i++)
		if (variable_list_read_file(&reader.list, room, files[i], error) < 0)
			return -1;
	if (count == 0)
		variable_list_read_environment(&reader.list);
	add_all(&reader);
	if (plan_count(room->plan, "smarthost") != 0)
		return 0;
	error_set(error, ERROR_NO_INPUT, "5.3.5",
	    "%s has no variable that names a smarthost (SMTP_HOST, RELAYHOST, MAILER_DSN, "
	    "MAIL_HOST, "
	    "EMAIL_HOST ...)%s",
	    reader.path, room->plan->note_count != 0 ? " with a host in it" : "");
	return error_next(error, "mailchute import variables FILE reads a .env file");
}
