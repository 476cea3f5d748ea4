/* SPDX-License-Identifier: MIT */

#include "import/account.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/fingerprint.h"
#include "base/memory.h"
#include "config/check.h"
#include "import/providers.h"
#include "smtp/smarthost.h"

/* Where systems keep the CAs that everybody trusts; the default finds them. */
static const char *const system_bundles[] = {
	"/etc/ssl/certs/ca-certificates.crt",
	"/etc/pki/tls/certs/ca-bundle.crt",
	"/etc/pki/tls/certs/ca-bundle.trust.crt",
	"/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
	"/etc/ssl/ca-bundle.pem",
	"/etc/ssl/cert.pem",
	"/etc/ssl/certs/ca-bundle.crt",
	"/usr/local/share/certs/ca-root-nss.crt",
	"/usr/local/etc/ssl/cert.pem",
	"/etc/ca-certificates/extracted/tls-ca-bundle.pem",
	"/usr/share/ssl/certs/ca-bundle.crt",
};

void account_finish(struct account *account)
{
	memory_free_string(&account->title);
	memory_free_string(&account->host);
	memory_free_string(&account->socket);
	memory_free_string(&account->user);
	memory_free_secret(&account->password);
	memory_free_string(&account->password_file);
	memory_free_string(&account->from);
	memory_free_string(&account->from_policy);
	memory_free_string(&account->auth);
	memory_free_string(&account->ca_file);
	memory_free_string(&account->client_cert);
	memory_free_string(&account->client_key);
	memory_free_string(&account->tls_name);
	memory_free_string(&account->tls_fingerprint);
	memory_free_string(&account->ip);
	memory_free_string(&account->source);
	memory_free_string(&account->timeout);
	memory_free_string(&account->rate);
	memory_free_string(&account->connections);
	*account = (struct account){ 0 };
}

void account_take(char **place, struct span value)
{
	memory_free_string(place);
	if (value.length != 0)
		*place = span_copy(value);
}

void account_take_secret(char **place, struct span value)
{
	memory_free_secret(place);
	if (value.length != 0)
		*place = span_copy(value);
}

uint64_t account_port(struct span text)
{
	uint64_t port = 0;

	if (span_to_number(text, &port))
		return port <= 65535 ? port : 0;
	if (span_equals_string_ignoring_case(text, "smtp"))
		return 25;
	if (span_equals_string_ignoring_case(text, "submission"))
		return 587;
	if (span_equals_string_ignoring_case(text, "smtps") ||
	    span_equals_string_ignoring_case(text, "submissions") ||
	    span_equals_string_ignoring_case(text, "ssmtp"))
		return 465;
	return 0;
}

bool account_set_host(struct account *account, struct span text)
{
	struct span host = span_trim(text);
	struct span port = { 0 };
	ssize_t end = span_find_byte(host, ']');
	ssize_t colon = span_find_last_byte(host, ':');

	if (host.length != 0 && host.start[0] == '[' && end > 0) {
		port = span_after(host, (size_t)end + 1);
		host = span_after(span_first(host, (size_t)end), 1);
		if (span_starts_with_ignoring_case(host, "IPv6:"))
			host = span_after(host, strlen("IPv6:"));
		if (port.length != 0 && port.start[0] != ':')
			return false;
		port = span_after(port, 1);
	} else if (colon >= 0 && colon == span_find_byte(host, ':')) {
		port = span_after(host, (size_t)colon + 1);
		host = span_first(host, (size_t)colon);
	}
	host = span_trim(host);
	port = span_trim(port);
	if (host.length == 0 || span_find_byte(host, ' ') >= 0 || span_find_byte(host, '/') >= 0 ||
	    (port.length != 0 && account_port(port) == 0))
		return false;
	account_take(&account->host, host);
	if (port.length != 0)
		account->port = account_port(port);
	return true;
}

static void note(
    struct plan *plan, const struct account *account, enum plan_note_kind kind, const char *text)
{
	plan_note(plan, kind, account->place.file, account->place.line, "%s", text);
}

/* The rows of config/check.h, for values that are not ours yet. */
static bool is_good_address(const char *text, bool may_be_bare)
{
	struct error unused;

	return check_address(
		   &(struct check_place){ "here", "address" }, text, may_be_bare, &unused) == 0;
}

static char *title_of(const struct account *account)
{
	const struct provider *provider = account->host != NULL ? providers_find_host(account->host)
								: NULL;
	char *title;

	if (account->title != NULL && account->title[0] != '\0' &&
	    strcasecmp(account->title, "default") != 0)
		title = memory_copy_string(account->title);
	else
		title = memory_copy_string(provider != NULL ? provider->name : "main");
	for (char *p = title; *p != '\0'; p++)
		if (strchr("-_.", *p) == NULL && !(*p >= '0' && *p <= '9') &&
		    !(*p >= 'a' && *p <= 'z') && !(*p >= 'A' && *p <= 'Z'))
			*p = '-';
	return title;
}

/* One that no smarthost has yet. */
static char *free_title(const struct plan *plan, const struct account *account)
{
	CLEANUP(memory_free_string) char *wish = title_of(account);

	if (plan_find(plan, "smarthost", wish) == NULL)
		return memory_copy_string(wish);
	for (unsigned i = 2;; i++) {
		char *title = memory_format("%s-%u", wish, i);

		if (plan_find(plan, "smarthost", title) == NULL)
			return title;
		free(title);
	}
}

static bool is_loopback(const struct account *account)
{
	return account->socket != NULL || strcasecmp(account->host, "localhost") == 0 ||
	       strncmp(account->host, "127.", 4) == 0 || strcmp(account->host, "::1") == 0;
}

static bool has_login(const struct account *account)
{
	return account->user != NULL;
}

/* No password goes over a network in the clear, whatever was before. */
static enum account_tls tls_of(struct plan *plan, const struct account *account)
{
	if (account->port == 465 && !account->is_lmtp && account->tls != ACCOUNT_TLS_AT_ONCE) {
		note(plan, account, PLAN_CHANGED,
		    "port 465 speaks TLS at once (smtps://), whatever else is said");
		return ACCOUNT_TLS_AT_ONCE;
	}
	if (account->tls == ACCOUNT_TLS_MUST || account->tls == ACCOUNT_TLS_AT_ONCE)
		return account->tls;
	if (!has_login(account) || is_loopback(account))
		return account->tls;
	if (account->tls == ACCOUNT_TLS_NEVER)
		note(plan, account, PLAN_CHANGED,
		    "the password went without TLS; now TLS is required (smtp+tls://)");
	return ACCOUNT_TLS_MUST;
}

static char *url_of(struct plan *plan, const struct account *account)
{
	static const char *const schemes[] = { "smtp+notls", "smtp", "smtp+tls", "smtps" };
	static const unsigned ports[] = { 25, 25, 587, 465 };
	struct in6_addr address;

	if (account->socket != NULL)
		return memory_format(
		    "%s+unix://%s", account->is_lmtp ? "lmtp" : "smtp", account->socket);
	enum account_tls tls = tls_of(plan, account);
	bool is_literal = inet_pton(AF_INET6, account->host, &address) == 1;
	unsigned port = account->port != 0 ? (unsigned)account->port : ports[tls];

	return memory_format("%s://%s%s%s:%u", account->is_lmtp ? "lmtp" : schemes[tls],
	    is_literal ? "[" : "", account->host, is_literal ? "]" : "", port);
}

/* An option whose value must be right, or it is noted as lost. */
static void set_checked(struct plan *plan, const struct account *account, struct plan_block *block,
    const char *option, const char *value,
    int (*check)(const struct check_place *, const char *, struct error *))
{
	struct error error;

	if (value == NULL)
		return;
	if (check(&(struct check_place){ "here", option }, value, &error) == 0)
		plan_set(block, option, value);
	else
		plan_note(plan, PLAN_LOST, account->place.file, account->place.line,
		    "%s = \"%s\": that is not what this option takes here", option, value);
}

static bool is_system_bundle(const char *path)
{
	for (size_t i = 0; i < sizeof system_bundles / sizeof system_bundles[0]; i++)
		if (strcmp(system_bundles[i], path) == 0)
			return true;
	return strcasecmp(path, "system") == 0;
}

static int check_server_name(const struct check_place *place, const char *text, struct error *error)
{
	return check_domain(place, text, false, error);
}

static bool is_secured(const struct plan_block *block)
{
	const char *url = plan_get(block, "url");

	return strncmp(url, "smtp+notls:", 11) != 0 && strstr(url, "+unix:") == NULL;
}

/* A login by certificate without one is none. */
static void set_auth(struct plan *plan, const struct account *account, struct plan_block *block)
{
	if (account->auth == NULL || strcmp(account->auth, "external") != 0 ||
	    plan_get(block, "client_cert") != NULL)
		plan_set(block, "auth", account->auth);
	else
		note(plan, account, PLAN_LOST,
		    "auth = \"external\" logs in by a client certificate, and there is none");
}

static void set_tls(struct plan *plan, const struct account *account, struct plan_block *block)
{
	unsigned char octets[FINGERPRINT_OCTETS];
	char text[FINGERPRINT_SIZE];

	if (account->ca_file != NULL && !is_system_bundle(account->ca_file))
		set_checked(plan, account, block, "ca_file", account->ca_file, check_path);
	set_checked(plan, account, block, "client_cert", account->client_cert, check_path);
	if (plan_get(block, "client_cert") != NULL && account->client_key != NULL &&
	    strcmp(account->client_cert, account->client_key) != 0)
		set_checked(plan, account, block, "client_key", account->client_key, check_path);
	set_checked(plan, account, block, "tls_name", account->tls_name, check_server_name);
	/* Without TLS there is no certificate to look at. */
	if (account->tls_fingerprint == NULL || !is_secured(block))
		return;
	CLEANUP(memory_free_string)
	char *fingerprint = memory_format("%s%s",
	    strncasecmp(account->tls_fingerprint, "sha256:", 7) == 0 ? "" : "sha256:",
	    account->tls_fingerprint);

	if (fingerprint_parse(span_from_string(fingerprint), octets)) {
		fingerprint_format(octets, text);
		plan_set(block, "tls_fingerprint", text);
	} else {
		note(plan, account, PLAN_LOST,
		    "the fingerprint is no SHA-256, which is the only one taken here; the "
		    "certificate is verified instead");
	}
}

static bool is_of_every_machine(const char *address)
{
	const char *at = strrchr(address, '@');

	return at != NULL &&
	       (strcasecmp(at, "@localhost") == 0 || strcasecmp(at, "@localhost.localdomain") == 0);
}

static void set_from(struct plan *plan, const struct account *account, struct plan_block *block)
{
	const struct provider *provider = account->host != NULL ? providers_find_host(account->host)
								: NULL;
	bool is_sender = has_login(account) && is_good_address(account->user, false) &&
			 (provider == NULL || !provider->login_is_no_sender);

	if (account->from == NULL && has_login(account) && !is_sender)
		note(plan, account, PLAN_CHANGED,
		    "which address this login may send as is not said; write: from = "
		    "\"you@example.com\"");
	if (account->from == NULL)
		return;
	if (is_good_address(account->from, false) && !is_of_every_machine(account->from))
		plan_set(block, "from", account->from);
	else
		plan_note(plan, PLAN_LOST, account->place.file, account->place.line,
		    "nobody elsewhere knows the sender \"%s\"; write: from = "
		    "\"alerts@example.com\"",
		    account->from);
}

static void add_login(struct plan *plan, const struct account *account, const char *title)
{
	if (!has_login(account))
		return;
	if (span_has_control(span_from_string(account->user)) ||
	    (account->password != NULL && span_has_control(span_from_string(account->password)))) {
		note(plan, account, PLAN_LOST, "the login holds a control character");
		return;
	}
	struct plan_login *login = plan_login(plan, title);

	account_take(&login->user, span_from_string(account->user));
	if (account->password != NULL)
		account_take_secret(&login->password, span_from_string(account->password));
	else if (account->password_file != NULL)
		account_take(&login->password_file, span_from_string(account->password_file));
	else if (account->auth == NULL || strcmp(account->auth, "external") != 0)
		plan_note(plan, PLAN_LOST, account->place.file, account->place.line,
		    "no password for %s is known; write it: mailchute secret set %s", account->user,
		    title);
}

/* What is no host, or holds what no host does, is noted and left out. */
static bool is_good_url(struct plan *plan, const struct account *account, const char *url)
{
	CLEANUP(smarthost_finish) struct smarthost unused = { 0 };
	struct error error;

	smarthost_init(&unused);
	/* What looks like a login is none: it stands in no host. */
	bool is_url = smarthost_set_url(&unused, span_from_string(url), &error) == 0;
	if (is_url && unused.user == NULL)
		return true;
	note(plan, account, PLAN_LOST, is_url ? "this is no name of a host" : error.text);
	return false;
}

const char *account_add(struct plan *plan, const struct account *account)
{
	if (account->host == NULL && account->socket == NULL) {
		note(plan, account, PLAN_LOST, "there is no host, so no smarthost is made of it");
		return NULL;
	}
	CLEANUP(memory_free_string) char *title = free_title(plan, account);
	CLEANUP(memory_free_string) char *url = url_of(plan, account);

	if (!is_good_url(plan, account, url))
		return NULL;
	struct plan_block *block = plan_block(plan, "smarthost", title);

	plan_set(block, "url", url);
	set_from(plan, account, block);
	plan_set(block, "from_policy", account->from_policy);
	set_tls(plan, account, block);
	set_auth(plan, account, block);
	plan_set(block, "ip", account->ip);
	set_checked(plan, account, block, "source", account->source, check_ip_address);
	plan_set(block, "timeout", account->timeout);
	plan_set(block, "rate", account->rate);
	plan_set(block, "connections", account->connections);
	add_login(plan, account, block->title);
	return block->title;
}

/* "Me <me@example.com>" and "<me@example.com>": the address alone. */
static struct span without_brackets(struct span target)
{
	ssize_t open = span_find_byte(target, '<');
	ssize_t close = span_find_last_byte(target, '>');

	if (open < 0 || close < open)
		return target;
	return span_trim(span_after(span_first(target, (size_t)close), (size_t)open + 1));
}

void account_alias(
    struct plan *plan, const char *name, struct span targets, const struct account_place *place)
{
	struct span rest = targets;
	struct span part;

	if (!is_good_address(name, true) || strchr(name, '@') != NULL) {
		plan_note(plan, PLAN_LOST, place->file, place->line,
		    "\"%s\" is no name that an alias could have", name);
		return;
	}
	while (span_take_until(&rest, ',', &part)) {
		CLEANUP(memory_free_string)
		char *target = span_copy(without_brackets(span_trim(part)));

		if (target[0] == '\0' || strcasecmp(target, name) == 0)
			continue;
		/* A variable that nobody put in is none; programs and files get no mail. */
		if (is_good_address(target, true) && strpbrk(target, "${}") == NULL &&
		    strchr("/|:", target[0]) == NULL)
			plan_add(plan_block(plan, "alias", name), "to", target);
		else
			plan_note(plan, PLAN_LOST, place->file, place->line,
			    "mail for %s cannot go to \"%s\": it is no address", name, target);
	}
}

void account_identity(
    struct plan *plan, const char *option, const char *value, const struct account_place *place)
{
	struct error error;

	if (value == NULL || value[0] == '\0')
		return;
	if (strcasecmp(value, "localhost") == 0 ||
	    strcasecmp(value, "localhost.localdomain") == 0) {
		plan_note(plan, PLAN_LOST, place->file, place->line,
		    "\"%s\" is the name of every machine; identity.%s stays automatic", value,
		    option);
		return;
	}
	if ((strchr(value, '.') != NULL || value[0] == '[') &&
	    check_domain(&(struct check_place){ "here", option }, value,
		strcmp(option, "ehlo") == 0, &error) == 0)
		plan_set(plan_block(plan, "identity", NULL), option, value);
	else
		plan_note(plan, PLAN_LOST, place->file, place->line,
		    "\"%s\" is no name with its domain; identity.%s stays automatic", value,
		    option);
}

bool account_add_route(
    struct plan *plan, const char *title, const char *pattern, const struct account_place *place)
{
	struct error error;

	if (check_pattern(&(struct check_place){ "here", "from" }, pattern, &error) < 0) {
		plan_note(plan, PLAN_LOST, place->file, place->line,
		    "\"%s\" is neither an address nor a domain, so no route is made of it",
		    pattern);
		return false;
	}
	plan_add(plan_block(plan, "route", title), "from", pattern);
	plan_add(plan_block(plan, "route", title), "via", title);
	return true;
}

void account_aliases_file(struct plan *plan, const char *path, const struct account_place *place)
{
	struct error error;

	/* Which is the default. */
	if (strcmp(path, "/etc/aliases") == 0)
		return;
	if (check_path(&(struct check_place){ "here", "aliases_file" }, path, &error) == 0)
		plan_set(plan_block(plan, "", NULL), "aliases_file", path);
	else
		plan_note(plan, PLAN_LOST, place->file, place->line,
		    "\"%s\" is no absolute path of an aliases file", path);
}
