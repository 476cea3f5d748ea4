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
#include <unistd.h>

#include "base/memory.h"
#include "import/account.h"
#include "import/predecessor.h"
#include "import/providers.h"

struct variable {
	char *name;
	char *value; /* may be a secret */
	int line;
};

struct reader {
	const struct source_room *room;
	struct variable *items;
	size_t count;
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

enum { FAMILY_COUNT = sizeof families / sizeof families[0], VARIABLE_LIMIT = 2000 };

static void finish(struct reader *reader)
{
	for (size_t i = 0; i < reader->count; i++) {
		free(reader->items[i].name);
		memory_free_secret(&reader->items[i].value);
	}
	free(reader->items);
	free(reader->path);
}

static void add_variable(struct reader *reader, struct span name, char *value_take, int line)
{
	if (reader->count >= VARIABLE_LIMIT) {
		memory_free_secret(&value_take);
		return;
	}
	reader->items = memory_resize_array(
	    reader->items, reader->count + 1, sizeof(struct variable));
	reader->items[reader->count++] = (struct variable){ span_copy(name), value_take, line };
}

/* The last one of a name counts; an empty one is unset. */
static const struct variable *find(const struct reader *reader, struct span name)
{
	for (size_t i = reader->count; i > 0; i--)
		if (span_equals_string(name, reader->items[i - 1].name))
			return reader->items[i - 1].value[0] != '\0' ? &reader->items[i - 1] : NULL;
	return NULL;
}

static const struct variable *find_any(const struct reader *reader, const char *names)
{
	struct span rest = span_from_string(names);
	struct span name;

	while (span_take_word(&rest, &name)) {
		const struct variable *found = find(reader, name);

		if (found != NULL)
			return found;
	}
	return NULL;
}

/* NAME_FILE beside NAME. */
static const struct variable *find_file(const struct reader *reader, const char *names)
{
	struct span rest = span_from_string(names);
	struct span name;

	while (span_take_word(&rest, &name)) {
		CLEANUP(memory_free_string)
		char *file = memory_format("%.*s_FILE", span_int(name), name.start);
		const struct variable *found = find(reader, span_from_string(file));

		if (found != NULL)
			return found;
	}
	return NULL;
}

/* ---- a file ---- */

static bool is_name(struct span name)
{
	for (size_t i = 0; i < name.length; i++) {
		char c = name.start[i];

		if (!(c >= 'A' && c <= 'Z') && !(c >= 'a' && c <= 'z') && c != '_' &&
		    !(i > 0 && ((c >= '0' && c <= '9') || c == '.')))
			return false;
	}
	return name.length != 0;
}

/* ${NAME} of what stands above. */
static size_t expand(const struct reader *reader, struct span text, struct buffer *value)
{
	ssize_t end = span_find_byte(text, '}');

	if (!span_starts_with(text, "${") || end < 0)
		return 0;
	const struct variable *found = find(reader, span_after(span_first(text, (size_t)end), 2));

	buffer_append_string(value, found != NULL ? found->value : "");
	return (size_t)end + 1;
}

/* Without quotes a blank and '#' begin a comment; '...' is literal, in "..." a backslash quotes. */
static char *read_value(const struct reader *reader, struct span text)
{
	struct buffer value CLEANUP(buffer_finish_secret) = { 0 };
	char quote = text.length != 0 && (text.start[0] == '"' || text.start[0] == '\'')
			 ? text.start[0]
			 : '\0';

	buffer_init(&value, 1 << 16);
	for (size_t i = quote != '\0'; i < text.length; i++) {
		char c = text.start[i];

		if (quote != '\0' && c == quote)
			return buffer_take_string(&value);
		if (quote == '\0' && c == '#' && i > 0 && strchr(" \t", text.start[i - 1]) != NULL)
			break;
		size_t taken = quote != '\'' && c == '$'
				   ? expand(reader, span_after(text, i), &value)
				   : 0;
		if (taken != 0) {
			i += taken - 1;
			continue;
		}
		if (quote == '"' && c == '\\' && i + 1 < text.length &&
		    strchr("\"\\$", text.start[i + 1]) != NULL)
			c = text.start[++i];
		buffer_append_byte(&value, c);
	}
	/* A quote that does not end is plain text. */
	if (quote != '\0')
		return span_copy(text);
	return span_copy(span_trim(buffer_span(&value)));
}

static int read_file(struct reader *reader, const char *path, struct error *error)
{
	CLEANUP(source_finish) struct source source = { 0 };
	struct span line;
	int outcome = source_open(reader->room, path, &source, error);

	if (outcome > 0)
		return error_set(error, ERROR_NO_INPUT, "5.3.5", "there is no %s", path);
	if (outcome < 0)
		return -1;
	while (source_next(&source, &line)) {
		struct span rest = span_trim(line);
		ssize_t equal;

		if (span_starts_with(rest, "export "))
			rest = span_trim(span_after(rest, strlen("export ")));
		equal = span_find_byte(rest, '=');
		if (rest.length == 0 || rest.start[0] == '#' || equal <= 0)
			continue;
		struct span name = span_trim(span_first(rest, (size_t)equal));
		if (is_name(name))
			add_variable(reader, name,
			    read_value(reader, span_trim(span_after(rest, (size_t)equal + 1))),
			    source.line);
	}
	return 0;
}

static void read_environment(struct reader *reader)
{
	for (char **entry = environ; *entry != NULL; entry++) {
		struct span text = span_from_string(*entry);
		ssize_t equal = span_find_byte(text, '=');

		if (equal > 0)
			add_variable(reader, span_first(text, (size_t)equal),
			    span_copy(span_after(text, (size_t)equal + 1)), 0);
	}
}

/* ---- values ---- */

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
	const struct variable *tls = find_any(reader, family->tls);
	const struct variable *at_once = find_any(reader, family->at_once);
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

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static char *decode(struct span text)
{
	char *plain = memory_allocate(text.length + 1);
	size_t length = 0;

	for (size_t i = 0; i < text.length; i++) {
		int high = i + 2 < text.length ? hex_digit(text.start[i + 1]) : -1;
		int low = i + 2 < text.length ? hex_digit(text.start[i + 2]) : -1;

		if (text.start[i] == '%' && high >= 0 && low >= 0 && high * 16 + low >= 0x20) {
			plain[length++] = (char)(high * 16 + low);
			i += 2;
		} else {
			plain[length++] = text.start[i];
		}
	}
	return plain;
}

/* What a URL is cut into. */
struct url {
	struct span scheme;
	struct span user;
	struct span password;
	struct span host; /* with its port */
	struct span query;
};

static bool split_url(struct span text, struct url *url)
{
	const char *mark = memmem(text.start, text.length, "://", 3);

	if (mark == NULL)
		return false;
	*url = (struct url){ .scheme = span_first(text, (size_t)(mark - text.start)) };
	struct span rest = span_after(text, url->scheme.length + 3);
	ssize_t at = span_find_last_byte(rest, '@');

	if (at >= 0) {
		struct span login = span_first(rest, (size_t)at);
		ssize_t colon = span_find_byte(login, ':');

		url->user = colon < 0 ? login : span_first(login, (size_t)colon);
		url->password = colon < 0 ? span_first(login, 0)
					  : span_after(login, (size_t)colon + 1);
		rest = span_after(rest, (size_t)at + 1);
	}
	ssize_t query = span_find_byte(rest, '?');
	url->host = query < 0 ? rest : span_first(rest, (size_t)query);
	url->query = query < 0 ? span_first(rest, 0) : span_after(rest, (size_t)query + 1);
	while (url->host.length != 0 && url->host.start[url->host.length - 1] == '/')
		url->host.length--;
	return true;
}

static struct span query_value(const struct url *url, const char *name)
{
	struct span rest = url->query;
	struct span part;

	while (span_take_until(&rest, '&', &part)) {
		ssize_t equal = span_find_byte(part, '=');

		if (equal > 0 &&
		    span_equals_string_ignoring_case(span_first(part, (size_t)equal), name))
			return span_after(part, (size_t)equal + 1);
	}
	return span_first(url->query, 0);
}

/* Symfony's "gmail+smtp://...@default": the provider's host. */
static void take_provider(struct account *account, const struct url *url)
{
	ssize_t plus = span_find_byte(url->scheme, '+');
	CLEANUP(memory_free_string)
	char *name = span_copy(span_first(url->scheme, plus > 0 ? (size_t)plus : 0));
	const char *real = strcasecmp(name, "sendinblue") == 0 ? "brevo" : name;
	const struct provider *provider = providers_find(real);
	struct span region = query_value(url, "region");

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

static void take_url_login(struct account *account, const struct url *url)
{
	CLEANUP(memory_free_string) char *user = decode(url->user);
	CLEANUP(memory_free_secret) char *password = decode(url->password);

	account_take(&account->user, span_from_string(user));
	account_take_secret(&account->password, span_from_string(password));
}

static void take_url(
    struct reader *reader, const struct variable *variable, struct account *account)
{
	struct url url;
	struct plan *plan = reader->room->plan;

	account->place = (struct account_place){ reader->path, variable->line };
	if (!split_url(span_from_string(variable->value), &url)) {
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
	struct span encryption = query_value(&url, "encryption");
	if (span_equals_string_ignoring_case(url.scheme, "smtps") ||
	    span_equals_string_ignoring_case(url.scheme, "smtp+ssl") ||
	    span_equals_string_ignoring_case(encryption, "ssl") || account->port == 465)
		account->tls = ACCOUNT_TLS_AT_ONCE;
	else if (span_equals_string_ignoring_case(url.scheme, "smtp+tls") ||
		 span_equals_string_ignoring_case(encryption, "tls") || account->port == 587)
		account->tls = ACCOUNT_TLS_MUST;
	else
		account->tls = ACCOUNT_TLS_MAY;
	if (span_equals_string(query_value(&url, "verify_peer"), "0"))
		plan_note(plan, PLAN_CHANGED, reader->path, variable->line,
		    "verify_peer=0: certificates are verified now, or pinned by tls_fingerprint");
	if (account->port == 0)
		account->port = account->tls == ACCOUNT_TLS_AT_ONCE ? 465 : 25;
}

static void take_login(
    const struct reader *reader, const struct family *family, struct account *account)
{
	const struct variable *user = find_any(reader, family->user);
	const struct variable *user_file = find_file(reader, family->user);
	const struct variable *password = find_any(reader, family->password);
	const struct variable *file = find_file(reader, family->password);
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
	const struct variable *port = find_any(reader, family->port);

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
	const struct variable *from = find_any(reader, family->from);
	const struct variable *local = find(reader, span_from_string("MAIL_FROM_ADDRESS"));
	const struct variable *domain = find(reader, span_from_string("MAIL_DOMAIN"));

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
	const struct variable *url = find_any(reader, family->url);

	return url != NULL ? url : find_any(reader, family->host);
}

static void add_family(struct reader *reader, const struct family *family)
{
	CLEANUP(account_finish) struct account account = { 0 };
	const struct variable *url = find_any(reader, family->url);
	const struct variable *host = find_any(reader, family->host);
	const struct variable *ehlo = find_any(reader, family->ehlo);

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
	const struct variable *gmail = find(reader, span_from_string("GMAIL_USER"));
	const struct variable *ses = find(reader, span_from_string("SES_USER"));
	const struct variable *user = gmail != NULL ? gmail : ses;
	const struct variable *password = find_any(
	    reader, gmail != NULL ? "GMAIL_PASSWORD" : "SES_PASSWORD");
	const struct variable *region = find(reader, span_from_string("SES_REGION"));
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
		if (read_file(&reader, files[i], error) < 0)
			return -1;
	if (count == 0)
		read_environment(&reader);
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
