/* SPDX-License-Identifier: MIT */

/*
 * Postfix as a null client: main.cf with its relayhost, and the tables that it
 * names.  What makes a mail server of it is noted as lost.
 */

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/memory.h"
#include "config/check.h"
#include "import/account.h"
#include "import/postfix_parameters.h"
#include "import/postfix_table.h"
#include "import/predecessor.h"

static const char main_cf[] = "/etc/postfix/main.cf";

struct reader {
	const struct source_room *room;
	struct source source;
	struct postfix_parameters parameters;
	struct postfix_table passwords;
	struct postfix_table tls_policy;
	char *from;	     /* the one address that all maps lead to */
	bool is_from_of_all; /* also of senders that are whole addresses */
	struct error *error;
};

static void finish(struct reader *reader)
{
	source_finish(&reader->source);
	postfix_parameters_finish(&reader->parameters);
	postfix_table_finish(&reader->passwords);
	postfix_table_finish(&reader->tls_policy);
	free(reader->from);
}

/* The caller frees it; "" where it is not set. */
static char *value_of(const struct reader *reader, const char *name)
{
	return postfix_parameters_find(&reader->parameters, name) != NULL
		   ? postfix_parameters_value(&reader->parameters, name)
		   : memory_copy_string("");
}

static int line_of(const struct reader *reader, const char *name)
{
	return postfix_parameters_line(&reader->parameters, name);
}

static struct account_place place_of(const struct reader *reader, const char *name)
{
	return (struct account_place){ reader->source.path, line_of(reader, name) };
}

static bool is_yes(const struct reader *reader, const char *name)
{
	CLEANUP(memory_free_string) char *value = value_of(reader, name);

	return strcasecmp(value, "yes") == 0 || strcasecmp(value, "true") == 0;
}

static void note(
    struct reader *reader, enum plan_note_kind kind, const char *name, const char *text)
{
	plan_note(reader->room->plan, kind, reader->source.path, line_of(reader, name), "%s: %s",
	    name, text);
}

static int read_table(struct reader *reader, const char *name, struct postfix_table *table)
{
	CLEANUP(memory_free_secret) char *text = value_of(reader, name);
	const struct postfix_table_place place = { reader->source.path, line_of(reader, name),
		reader->parameters.directory, name };

	return postfix_table_read(
	    reader->room, &place, span_from_string(text), table, reader->error);
}

/* ---- one way out ---- */

static enum account_tls tls_level(const char *level)
{
	if (strcasecmp(level, "none") == 0)
		return ACCOUNT_TLS_NEVER;
	if (strcasecmp(level, "may") == 0 || strcasecmp(level, "dane") == 0)
		return ACCOUNT_TLS_MAY;
	return ACCOUNT_TLS_MUST;
}

static const char *policy_of(const struct reader *reader, const char *nexthop, const char *host)
{
	const struct postfix_entry *entry = postfix_table_find(&reader->tls_policy, nexthop);

	if (entry == NULL)
		entry = postfix_table_find(&reader->tls_policy, host);
	return entry != NULL ? entry->value : NULL;
}

static void take_tls(struct reader *reader, struct account *account, const char *nexthop)
{
	CLEANUP(memory_free_string) char *level = value_of(reader, "smtp_tls_security_level");
	const char *policy = policy_of(reader, nexthop, account->host);

	if (policy != NULL) {
		struct span rest = span_from_string(policy);
		struct span word = { 0 };

		(void)span_take_word(&rest, &word);
		account_take(&level, word);
	}
	if (level != NULL && level[0] != '\0')
		account->tls = tls_level(level);
	else if (is_yes(reader, "smtp_enforce_tls"))
		account->tls = ACCOUNT_TLS_MUST;
	else if (is_yes(reader, "smtp_use_tls"))
		account->tls = ACCOUNT_TLS_MAY;
	if (is_yes(reader, "smtp_tls_wrappermode"))
		account->tls = ACCOUNT_TLS_AT_ONCE;
	if (level != NULL && strcasecmp(level, "encrypt") == 0)
		note(reader, PLAN_CHANGED, "smtp_tls_security_level",
		    "encrypt took any certificate; now it is verified");
}

static void take_certificates(struct reader *reader, struct account *account)
{
	CLEANUP(memory_free_string) char *level = value_of(reader, "smtp_tls_security_level");
	CLEANUP(memory_free_string)
	char *print = value_of(reader, "smtp_tls_fingerprint_cert_match");

	account->ca_file = value_of(reader, "smtp_tls_CAfile");
	account->client_cert = value_of(reader, "smtp_tls_cert_file");
	account->client_key = value_of(reader, "smtp_tls_key_file");
	if (account->client_key != NULL && account->client_key[0] == '\0')
		memory_free_string(&account->client_key);
	if (account->ca_file[0] == '\0')
		memory_free_string(&account->ca_file);
	if (account->client_cert[0] == '\0' || strcasecmp(account->client_cert, "none") == 0)
		memory_free_string(&account->client_cert);
	if (strcasecmp(level, "fingerprint") == 0 && print[0] != '\0')
		account->tls_fingerprint = memory_copy_string(print);
}

/* Postfix's own order: the name of the host, then the destination as it is written. */
static const struct postfix_entry *find_password(
    struct reader *reader, const struct account *account, const char *nexthop)
{
	const struct postfix_entry *entry = postfix_table_find(&reader->passwords, account->host);

	if (entry == NULL)
		entry = postfix_table_find(&reader->passwords, nexthop);
	if (entry == NULL)
		entry = postfix_table_find(&reader->passwords, "*");
	for (size_t i = 0; i < reader->passwords.count && entry == NULL; i++) {
		const struct postfix_entry *other = &reader->passwords.items[i];
		CLEANUP(account_finish) struct account same = { 0 };

		if (strchr(other->key, '@') != NULL ||
		    !account_set_host(&same, span_from_string(other->key)) ||
		    strcasecmp(same.host, account->host) != 0)
			continue;
		plan_note(reader->room->plan, PLAN_CHANGED,
		    postfix_table_file(&reader->passwords, other), other->line,
		    "Postfix found no login here, since \"%s\" is not written as in relayhost "
		    "(\"%s\"); "
		    "it is taken for it",
		    other->key, nexthop);
		entry = other;
	}
	return entry;
}

static void take_entry(
    struct reader *reader, struct account *account, const struct postfix_entry *entry)
{
	struct span text = span_from_string(entry->value);
	ssize_t colon = span_find_byte(text, ':');

	if (colon <= 0) {
		plan_note(reader->room->plan, PLAN_LOST,
		    postfix_table_file(&reader->passwords, entry), entry->line,
		    "this line is no DESTINATION USER:PASSWORD");
		return;
	}
	account_take(&account->user, span_first(text, (size_t)colon));
	account_take_secret(&account->password, span_after(text, (size_t)colon + 1));
}

static void take_login(struct reader *reader, struct account *account, const char *nexthop)
{
	if (reader->passwords.count == 0)
		return;
	const struct postfix_entry *entry = find_password(reader, account, nexthop);

	if (!is_yes(reader, "smtp_sasl_auth_enable")) {
		note(reader, PLAN_CHANGED, "smtp_sasl_password_maps",
		    "smtp_sasl_auth_enable is not yes, so Postfix made no login; now there is one");
	}
	if (entry != NULL)
		take_entry(reader, account, entry);
}

static void take_mechanism(struct reader *reader, struct account *account)
{
	CLEANUP(memory_free_string) char *text = value_of(reader, "smtp_sasl_mechanism_filter");
	static const char *const ours[] = { "plain", "login", "cram-md5", "external", "xoauth2",
		"oauthbearer" };

	for (size_t i = 0; i < sizeof ours / sizeof ours[0]; i++)
		if (strcasecmp(text, ours[i]) == 0)
			account->auth = memory_copy_string(ours[i]);
	if (strncasecmp(text, "scram-", 6) == 0 && strpbrk(text, ", ") == NULL)
		account->auth = memory_copy_string("scram");
	else if (text[0] != '\0' && account->auth == NULL)
		note(reader, PLAN_LOST, "smtp_sasl_mechanism_filter",
		    "the best that both ends know is used");
}

/* "90s", "2m", or a number in a unit of its own; 0: none of these. */
static uint64_t seconds_of(const char *text, uint64_t unit)
{
	static const struct {
		char letter;
		uint64_t seconds;
	} rows[] = { { 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', 86400 }, { 'w', 604800 } };
	struct span span = span_from_string(text);
	uint64_t number = 0;

	for (size_t i = 0; span.length != 0 && i < sizeof rows / sizeof rows[0]; i++)
		if (span.start[span.length - 1] == rows[i].letter) {
			unit = rows[i].seconds;
			span.length--;
			break;
		}
	if (!span_to_number(span, &number) || number > 366ull * 86400 / unit)
		return 0;
	return number * unit;
}

static const char *first_set(const struct reader *reader, const char *one, const char *other)
{
	return postfix_parameters_find(&reader->parameters, one) != NULL ? one : other;
}

static void take_pace(struct reader *reader, struct account *account)
{
	CLEANUP(memory_free_string)
	char *delay = value_of(reader,
	    first_set(reader, "smtp_destination_rate_delay", "default_destination_rate_delay"));
	CLEANUP(memory_free_string)
	char *limit = value_of(reader, first_set(reader, "smtp_destination_concurrency_limit",
					   "default_destination_concurrency_limit"));
	uint64_t seconds = seconds_of(delay, 1);
	uint64_t count = 0;

	if (seconds > 0 && seconds <= 3600)
		account->rate = memory_format("%u/h", (unsigned)(3600 / seconds));
	if (span_to_number(span_from_string(limit), &count) && count > 0)
		account->connections = memory_format("%u", (unsigned)(count > 20 ? 20 : count));
}

static void take_network(struct reader *reader, struct account *account)
{
	CLEANUP(memory_free_string) char *protocols = value_of(reader, "inet_protocols");
	CLEANUP(memory_free_string) char *source = value_of(reader, "smtp_bind_address");
	CLEANUP(memory_free_string) char *source6 = value_of(reader, "smtp_bind_address6");

	if (strcasecmp(protocols, "ipv4") == 0)
		account->ip = memory_copy_string("4");
	else if (strcasecmp(protocols, "ipv6") == 0)
		account->ip = memory_copy_string("6");
	if (source[0] != '\0' && source6[0] == '\0')
		account->source = memory_copy_string(source);
	else if (source6[0] != '\0')
		note(reader, PLAN_LOST, "smtp_bind_address6",
		    "a smarthost has one source address; write: source = \"...\"");
}

/* "smtp:[host]:587" is as good as "[host]:587". */
static struct span without_transport(struct span nexthop)
{
	static const char *const names[] = { "smtp:", "relay:", "smtps:" };

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (span_starts_with(nexthop, names[i]) &&
		    memchr(nexthop.start, '[', nexthop.length) != NULL)
			return span_after(nexthop, strlen(names[i]));
	return nexthop;
}

/* All that concerns a nexthop but whose login it is. */
static bool fill_account(struct reader *reader, struct account *account, struct span text)
{
	struct span where = without_transport(span_trim(text));
	CLEANUP(memory_free_string) char *nexthop = span_copy(where);

	if (!account_set_host(account, where)) {
		plan_note(reader->room->plan, PLAN_LOST, account->place.file, account->place.line,
		    "\"%s\" is no host", nexthop);
		return false;
	}
	if (nexthop[0] != '[')
		plan_note(reader->room->plan, PLAN_CHANGED, account->place.file,
		    account->place.line,
		    "Postfix asked DNS for the MX of %s (it has no brackets); now %s itself is "
		    "connected to",
		    account->host, account->host);
	take_login(reader, account, nexthop);
	take_tls(reader, account, nexthop);
	if (account->port == 0 && account->tls == ACCOUNT_TLS_AT_ONCE) {
		account->port = 465;
		note(reader, PLAN_CHANGED, "smtp_tls_wrappermode",
		    "port 25, which is meant where none is named, speaks no TLS at once; it is "
		    "465");
	} else if (account->port == 0) {
		account->port = 25;
	}
	take_certificates(reader, account);
	take_mechanism(reader, account);
	take_pace(reader, account);
	take_network(reader, account);
	return true;
}

/* ---- senders ---- */

/* "@example.com" is "*@example.com" here. */
static char *pattern_of(const char *key)
{
	return key[0] == '@' ? memory_format("*%s", key) : memory_copy_string(key);
}

static const char *add_sender(struct reader *reader, const struct postfix_entry *entry,
    const char *file, struct span nexthop, const struct postfix_entry *login)
{
	CLEANUP(account_finish) struct account account = { 0 };
	CLEANUP(memory_free_string) char *pattern = pattern_of(entry->key);
	struct plan *plan = reader->room->plan;

	account.place = (struct account_place){ file, entry->line };
	account.title = memory_copy_string(entry->key[0] == '@' ? entry->key + 1 : entry->key);
	for (char *p = account.title; *p != '\0'; p++)
		if (*p == '@')
			*p = '-';
	if (!fill_account(reader, &account, nexthop))
		return NULL;
	if (login != NULL)
		take_entry(reader, &account, login);
	if (entry->key[0] != '@')
		account.from = memory_copy_string(entry->key);
	const char *title = account_add(plan, &account);
	if (title == NULL)
		return NULL;
	if (account_add_route(plan, title, pattern, &account.place) && entry->key[0] == '@')
		plan_add(plan_find(plan, "smarthost", title), "from_allow", pattern);
	return title;
}

/* sender_dependent_relayhost_maps, and logins whose key is a sender. */
static int take_senders(struct reader *reader, const char *relayhost)
{
	CLEANUP(postfix_table_finish) struct postfix_table hosts = { 0 };
	bool has_own_logins = is_yes(reader, "smtp_sender_dependent_authentication");

	if (read_table(reader, "sender_dependent_relayhost_maps", &hosts) < 0)
		return -1;
	for (size_t i = 0; i < hosts.count; i++) {
		const struct postfix_entry *entry = &hosts.items[i];
		const char *file = postfix_table_file(&hosts, entry);

		if (entry->is_pattern || strchr(entry->key, '@') == NULL ||
		    strncmp(entry->value, "DUNNO", 5) == 0)
			plan_note(reader->room->plan, PLAN_LOST, file, entry->line,
			    "\"%s\": only addresses and @domains make routes", entry->key);
		else
			(void)add_sender(reader, entry, file, span_from_string(entry->value),
			    has_own_logins ? postfix_table_find(&reader->passwords, entry->key)
					   : NULL);
	}
	for (size_t i = 0; i < reader->passwords.count; i++) {
		const struct postfix_entry *entry = &reader->passwords.items[i];
		const char *file = postfix_table_file(&reader->passwords, entry);

		if (strchr(entry->key, '@') == NULL ||
		    postfix_table_find(&hosts, entry->key) != NULL)
			continue;
		if (has_own_logins && relayhost[0] != '\0')
			(void)add_sender(reader, entry, file, span_from_string(relayhost), entry);
		else
			plan_note(reader->room->plan, PLAN_LOST, file, entry->line,
			    "a login for the sender %s, without "
			    "smtp_sender_dependent_authentication",
			    entry->key);
	}
	return 0;
}

/* ---- from ---- */

static bool is_address(const char *text)
{
	struct error unused;

	return check_address(&(struct check_place){ "here", "from" }, text, false, &unused) == 0;
}

/* A pattern that takes every sender. */
static bool is_catch_all(const struct postfix_entry *entry)
{
	static const char *const all[] = { "/.+/", "/.*/", "/^.*$/", "/^.+$/", "/^(.*)$/", "/./",
		"/^/", "*", "/(.*)/", "/.+@.+/", "/^(.*)@(.*)$/" };

	for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
		if (strcmp(entry->key, all[i]) == 0)
			return true;
	return false;
}

/* All lines of the map lead to the same address, which is then the account's. */
static void take_map(struct reader *reader, const char *name, const struct postfix_table *table)
{
	const char *address = table->count != 0 ? table->items[0].value : NULL;
	bool is_all = false;

	for (size_t i = 0; i < table->count; i++) {
		if (strcasecmp(table->items[i].value, address) != 0 ||
		    !is_address(table->items[i].value)) {
			plan_note(reader->room->plan, PLAN_LOST,
			    postfix_table_file(table, &table->items[i]), table->items[i].line,
			    "%s: only a map that leads to one address makes a from; a route can "
			    "choose a "
			    "smarthost with a from of its own",
			    name);
			return;
		}
		is_all = is_all || is_catch_all(&table->items[i]);
	}
	if (address == NULL || reader->from != NULL)
		return;
	reader->from = memory_copy_string(address);
	reader->is_from_of_all = is_all;
}

/* /^From:.*$/ REPLACE From: Me <me@example.com> */
static void take_header_check(struct reader *reader, const struct postfix_table *table)
{
	for (size_t i = 0; i < table->count; i++) {
		const struct postfix_entry *entry = &table->items[i];
		const char *replaced = strcasestr(entry->value, "REPLACE From:");
		const char *open = replaced != NULL ? strrchr(replaced, '<') : NULL;
		CLEANUP(memory_free_string) char *address = NULL;

		if (open != NULL && strchr(open, '>') != NULL)
			address = memory_copy(open + 1, (size_t)(strchr(open, '>') - open - 1));
		else if (replaced != NULL)
			address = span_copy(
			    span_trim(span_from_string(replaced + strlen("REPLACE From:"))));
		if (address != NULL && is_address(address)) {
			free(reader->from);
			reader->from = memory_copy_string(address);
			reader->is_from_of_all = true;
		} else {
			plan_note(reader->room->plan, PLAN_LOST, postfix_table_file(table, entry),
			    entry->line, "header checks are not made");
		}
	}
}

static int take_from(struct reader *reader)
{
	static const char *const maps[] = { "sender_canonical_maps", "smtp_generic_maps",
		"canonical_maps" };

	for (size_t i = 0; i < sizeof maps / sizeof maps[0]; i++) {
		CLEANUP(postfix_table_finish) struct postfix_table table = { 0 };

		if (read_table(reader, maps[i], &table) < 0)
			return -1;
		take_map(reader, maps[i], &table);
	}
	CLEANUP(postfix_table_finish) struct postfix_table checks = { 0 };
	if (read_table(reader, "smtp_header_checks", &checks) < 0)
		return -1;
	take_header_check(reader, &checks);
	return 0;
}

/* ---- the rest ---- */

static void take_times(struct reader *reader)
{
	CLEANUP(memory_free_string) char *lifetime = value_of(reader, "maximal_queue_lifetime");
	CLEANUP(memory_free_string) char *warn = value_of(reader, "delay_warning_time");
	CLEANUP(memory_free_string) char *size = value_of(reader, "message_size_limit");
	uint64_t seconds = seconds_of(lifetime, 86400);
	uint64_t octets = 0;
	struct plan *plan = reader->room->plan;

	if (seconds >= 3600) {
		CLEANUP(memory_free_string) char *text = memory_format("%us", (unsigned)seconds);
		plan_set(plan_block(plan, "queue", NULL), "lifetime", text);
	}
	seconds = seconds_of(warn, 3600);
	if (seconds > 0) {
		CLEANUP(memory_free_string) char *text = memory_format("%us", (unsigned)seconds);
		plan_set(plan_block(plan, "queue", NULL), "warn", text);
	}
	if (span_to_number(span_from_string(size), &octets) && octets > 0)
		plan_set(plan_block(plan, "submit", NULL), "max_size", size);
}

static void take_identity(struct reader *reader)
{
	CLEANUP(memory_free_string) char *origin = value_of(reader, "myorigin");
	CLEANUP(memory_free_string)
	char *helo = value_of(reader, first_set(reader, "smtp_helo_name", "myhostname"));
	struct account_place at_origin = place_of(reader, "myorigin");
	struct account_place at_helo = place_of(
	    reader, first_set(reader, "smtp_helo_name", "myhostname"));

	if (strcmp(origin, "/etc/mailname") == 0)
		account_take(&origin, span_from_string(""));
	if (origin != NULL && origin[0] == '/') {
		char *name = source_first_line(reader->room, origin);
		free(origin);
		origin = name;
	}
	account_identity(reader->room->plan, "domain", origin, &at_origin);
	account_identity(reader->room->plan, "ehlo", helo, &at_helo);
}

static bool is_here(const struct reader *reader, const char *domain)
{
	CLEANUP(memory_free_string)
	char *host = postfix_parameters_value(&reader->parameters, "myhostname");

	return strcasecmp(domain, "localhost") == 0 ||
	       strcasecmp(domain, "localhost.localdomain") == 0 || strcasecmp(domain, host) == 0;
}

/* "root me@example.com": a name of this machine; others are addresses of other domains. */
static int take_virtual(struct reader *reader)
{
	CLEANUP(postfix_table_finish) struct postfix_table table = { 0 };

	if (read_table(reader, "virtual_alias_maps", &table) < 0)
		return -1;
	for (size_t i = 0; i < table.count; i++) {
		const struct postfix_entry *entry = &table.items[i];
		const char *at = strrchr(entry->key, '@');
		const char *file = postfix_table_file(&table, entry);
		CLEANUP(memory_free_string)
		char *name = at == NULL ? memory_copy_string(entry->key)
					: memory_copy(entry->key, (size_t)(at - entry->key));

		if (entry->is_pattern || (at != NULL && !is_here(reader, at + 1)))
			plan_note(reader->room->plan, PLAN_LOST, file, entry->line,
			    "\"%s\": aliases are for names of this machine alone", entry->key);
		else
			account_alias(reader->room->plan, name[0] != '\0' ? name : "*",
			    span_from_string(entry->value),
			    &(struct account_place){ file, entry->line });
	}
	return 0;
}

static void take_aliases(struct reader *reader)
{
	CLEANUP(memory_free_string) char *maps = value_of(reader, "alias_maps");
	CLEANUP(memory_free_string) char *luser = value_of(reader, "luser_relay");
	struct span rest = span_from_string(maps);
	struct span word;
	bool has_file = false;

	for (char *p = maps; *p != '\0'; p++)
		if (*p == ',')
			*p = ' ';
	while (span_take_word(&rest, &word)) {
		const char *path = memchr(word.start, '/', word.length);
		CLEANUP(memory_free_string) char *text = span_copy(word);

		if (path == NULL || has_file) {
			plan_note(reader->room->plan, PLAN_LOST, reader->source.path,
			    line_of(reader, "alias_maps"),
			    "alias_maps: %s: one file of aliases is read", text);
			continue;
		}
		has_file = true;
		struct account_place place = place_of(reader, "alias_maps");
		account_aliases_file(reader->room->plan, strchr(text, '/'), &place);
	}
	if (luser[0] != '\0' && plan_find(reader->room->plan, "alias", "*") != NULL) {
		note(
		    reader, PLAN_LOST, "luser_relay", "virtual_alias_maps say where all others go");
	} else if (luser[0] != '\0' && strchr(luser, '$') == NULL) {
		struct account_place place = place_of(reader, "luser_relay");
		account_alias(reader->room->plan, "*", span_from_string(luser), &place);
	}
}

/* What a mail server is more than we are; NULL: nobody misses it. */
static const struct {
	const char *name; /* a * at its end takes the rest */
	const char *why;
} lost[] = {
	{ "inet_interfaces", "" },
	{ "mydestination", "" },
	{ "always_bcc", "no copies are made" },
	{ "sender_bcc_maps", "no copies are made" },
	{ "recipient_bcc_maps", "no copies are made" },
	{ "smtpd_milters", "there are no filters" },
	{ "non_smtpd_milters", "there are no filters" },
	{ "content_filter", "there are no filters" },
	{ "header_checks", "header checks are not made" },
	{ "body_checks", "body checks are not made" },
	{ "transport_maps", "" },
	{ "relay_domains", "" },
	{ "relay_recipient_maps", "mail is taken from this machine alone" },
	{ "recipient_canonical_maps", "addresses of recipients are not rewritten, but by aliases" },
	{ "masquerade_domains", "write: identity { domain = \"example.com\" }" },
	{ "virtual_mailbox_*", "there are no mailboxes" },
	{ "virtual_transport", "there are no mailboxes" },
	{ "home_mailbox",
	    "there are no mailboxes: mail for names here goes where their alias says" },
	{ "mailbox_command",
	    "there are no mailboxes: mail for names here goes where their alias says" },
	{ "mailbox_transport", "there are no mailboxes" },
	{ "smtp_connection_cache_*", NULL },
	{ "smtpd_*", NULL },
	{ "smtp_tls_*", NULL },
	{ "smtp_sasl_*", NULL },
	{ "smtp_*timeout", NULL },
	{ "compatibility_level", NULL },
	{ "default_*", NULL },
	{ "mail_*", NULL },
	{ "mailbox_size_limit", NULL },
	{ "mynetworks*", NULL },
	{ "append_*", NULL },
	{ "local_*", NULL },
	{ "bounce_*", NULL },
	{ "debug*", NULL },
	{ "maillog_file*", NULL },
	{ "milter_*", NULL },
	{ "virtual_alias_domains", NULL },
	{ "sender_canonical_classes", NULL },
	{ "canonical_classes", NULL },
};

/* What is read above, or matters to nobody who only sends. */
static const char *const quiet[] = { "relayhost", "smtp_fallback_relay", "smtp_use_tls",
	"smtp_enforce_tls", "smtp_bind_address", "smtp_bind_address6", "smtp_helo_name",
	"sender_dependent_relayhost_maps", "smtp_sender_dependent_authentication",
	"smtp_generic_maps", "sender_canonical_maps", "canonical_maps", "smtp_header_checks",
	"virtual_alias_maps", "alias_maps", "alias_database", "luser_relay", "myorigin",
	"myhostname", "mydomain", "message_size_limit", "inet_protocols", "maximal_queue_lifetime",
	"delay_warning_time", "smtp_destination_rate_delay", "smtp_destination_concurrency_limit",
	"biff", "readme_directory", "html_directory", "manpage_directory", "sample_directory",
	"command_directory", "daemon_directory", "data_directory", "queue_directory",
	"config_directory", "meta_directory", "shlib_directory", "recipient_delimiter",
	"mail_owner", "setgid_group", "newaliases_path", "sendmail_path", "mailq_path",
	"swap_bangpath", "disable_dns_lookups", "smtp_host_lookup", "smtp_dns_support_level",
	"tls_random_source", "tls_preempt_cipherlist", "tls_high_cipherlist",
	"tls_medium_cipherlist", "unknown_local_recipient_reject_code", "owner_request_special",
	"disable_vrfy_command", "smtp_address_preference", "smtp_always_send_ehlo",
	"minimal_backoff_time", "maximal_backoff_time", "queue_run_delay", "bounce_queue_lifetime",
	"strict_rfc821_envelopes", "show_user_unknown_table_name", "notify_classes",
	"relay_transport", "export_environment", "import_environment", "smtp_mx_session_limit",
	"remote_header_rewrite_domain", "allow_percent_hack", "smtputf8_enable",
	"enable_long_queue_ids", "multi_instance_enable", "process_id_directory",
	"parent_domain_matches_subdomains", "empty_address_recipient", "strict_smtputf8",
	"xforward_hosts", "lmtp_host_lookup", "in_flow_delay", "stale_lock_time",
	"error_notice_recipient", "2bounce_notice_recipient", "double_bounce_sender",
	"resolve_numeric_domain", "authorized_submit_users" };

static bool is_quiet(const char *name)
{
	for (size_t i = 0; i < sizeof quiet / sizeof quiet[0]; i++)
		if (strcmp(quiet[i], name) == 0)
			return true;
	return false;
}

static bool is_match(const char *pattern, const char *name)
{
	const char *star = strchr(pattern, '*');

	if (star == NULL)
		return strcmp(pattern, name) == 0;
	size_t tail = strlen(star + 1);
	size_t length = strlen(name);

	return strncmp(pattern, name, (size_t)(star - pattern)) == 0 &&
	       length >= (size_t)(star - pattern) + tail &&
	       strcmp(name + length - tail, star + 1) == 0;
}

/* Whether what it says now is more than a null client's. */
static void note_server(struct reader *reader, const struct postfix_parameter *parameter)
{
	CLEANUP(memory_free_string)
	char *value = postfix_parameters_expand(
	    &reader->parameters, span_from_string(parameter->value));
	const char *why = NULL;

	if (value[0] == '\0')
		return;
	if (strcmp(parameter->name, "inet_interfaces") == 0 &&
	    strcasecmp(value, "loopback-only") != 0 && strcasecmp(value, "localhost") != 0 &&
	    strncmp(value, "127.", 4) != 0)
		why = "mail is taken from this machine alone, not from the network";
	else if (strcmp(parameter->name, "mydestination") == 0)
		why = "there are no mailboxes: mail for names here goes where their alias says, "
		      "else to "
		      "the smarthost";
	else if (strcmp(parameter->name, "relay_domains") == 0 &&
		 strstr(value, "mydestination") == NULL)
		why = "mail is taken from this machine alone";
	else if (strcmp(parameter->name, "transport_maps") == 0)
		why =
		    "write a route: route \"name\" { to = { \"example.com\" } via = { \"...\" } }";
	if (why != NULL)
		plan_note(reader->room->plan, PLAN_LOST, reader->source.path, parameter->line,
		    "%s: %s", parameter->name, why);
}

static void note_parameter(struct reader *reader, const struct postfix_parameter *parameter)
{
	if (is_quiet(parameter->name) || parameter->value[0] == '\0')
		return;
	for (size_t i = 0; i < sizeof lost / sizeof lost[0]; i++) {
		if (!is_match(lost[i].name, parameter->name))
			continue;
		if (lost[i].why != NULL && lost[i].why[0] == '\0')
			note_server(reader, parameter);
		else if (lost[i].why != NULL)
			plan_note(reader->room->plan, PLAN_LOST, reader->source.path,
			    parameter->line, "%s: %s", parameter->name, lost[i].why);
		return;
	}
	plan_note(reader->room->plan, PLAN_LOST, reader->source.path, parameter->line,
	    "%s has no counterpart here", parameter->name);
}

static void note_parameters(struct reader *reader)
{
	for (size_t i = 0; i < reader->parameters.count; i++) {
		const struct postfix_parameter *parameter = &reader->parameters.items[i];

		/* Of two only the last counts. */
		if (postfix_parameters_find(&reader->parameters, parameter->name) == parameter)
			note_parameter(reader, parameter);
		else if (strcmp(parameter->name, "relayhost") == 0)
			plan_note(reader->room->plan, PLAN_LOST, reader->source.path,
			    parameter->line, "relayhost is set again below, and that one counts");
	}
}

/* ---- all together ---- */

/* The first of several, as Postfix 3.5 and later takes them; the others are for when it is down. */
static void take_relayhosts(struct reader *reader, const char *relayhost)
{
	CLEANUP(memory_free_string) char *fallback = value_of(reader, "smtp_fallback_relay");
	CLEANUP(memory_free_string) char *all = memory_format("%s, %s", relayhost, fallback);
	struct span rest = span_from_string(all);
	struct span word;
	const char *titles[CONFIG_VIA_LIMIT] = { 0 };
	size_t count = 0;

	for (char *p = all; *p != '\0'; p++)
		if (*p == ',')
			*p = ' ';
	while (span_take_word(&rest, &word) && count < CONFIG_VIA_LIMIT) {
		CLEANUP(account_finish) struct account account = { 0 };

		account.place = place_of(
		    reader, line_of(reader, "relayhost") != 0 ? "relayhost" : "default_transport");
		if (!fill_account(reader, &account, word))
			continue;
		if (reader->from != NULL)
			account.from = memory_copy_string(reader->from);
		if (reader->is_from_of_all)
			account.from_policy = memory_copy_string("rewrite");
		titles[count] = account_add(reader->room->plan, &account);
		count += titles[count] != NULL;
	}
	for (size_t i = 0; i < count; i++)
		plan_add(plan_block(reader->room->plan, "route", "default"), "via", titles[i]);
}

/* The first smarthost takes what no route takes, so one alone needs none. */
static void drop_lone_route(struct plan *plan)
{
	struct plan_block *route = plan_find(plan, "route", "default");

	if (plan_count(plan, "smarthost") == 1 && plan_count(plan, "route") == 1 && route != NULL)
		plan_drop(plan, route);
}

/* relayhost, or the same said by default_transport. */
static char *relayhost_of(const struct reader *reader)
{
	char *relayhost = value_of(reader, "relayhost");
	CLEANUP(memory_free_string) char *transport = value_of(reader, "default_transport");

	if (relayhost[0] != '\0' || strchr(transport, '[') == NULL)
		return relayhost;
	free(relayhost);
	return span_copy(without_transport(span_from_string(transport)));
}

static int fill_plan(struct reader *reader)
{
	CLEANUP(memory_free_string) char *relayhost = relayhost_of(reader);

	if (read_table(reader, "smtp_sasl_password_maps", &reader->passwords) < 0 ||
	    read_table(reader, "smtp_tls_policy_maps", &reader->tls_policy) < 0 ||
	    take_from(reader) < 0)
		return -1;
	if (relayhost[0] == '\0' && postfix_parameters_find(&reader->parameters,
					"sender_dependent_relayhost_maps") == NULL) {
		error_set(reader->error, ERROR_DATA, "5.3.5",
		    "%s has no relayhost: Postfix sends to each recipient's own server, which "
		    "mailchute does not do",
		    reader->source.path);
		return error_next(reader->error, "choose a provider: mailchute setup");
	}
	if (take_senders(reader, relayhost) < 0)
		return -1;
	take_relayhosts(reader, relayhost);
	drop_lone_route(reader->room->plan);
	if (take_virtual(reader) < 0)
		return -1;
	take_aliases(reader);
	take_identity(reader);
	take_times(reader);
	note_parameters(reader);
	return 0;
}

/* Its directory may be what was named. */
static char *path_of(const struct source_room *room, char *const *files, size_t count)
{
	if (count == 0)
		return memory_copy_string(main_cf);
	CLEANUP(memory_free_string) char *inside = memory_format("%s/main.cf", files[0]);

	return memory_copy_string(source_exists(room, inside) ? inside : files[0]);
}

int postfix_read(
    const struct source_room *room, char *const *files, size_t count, struct error *error)
{
	CLEANUP(finish) struct reader reader = { .room = room, .error = error };
	CLEANUP(memory_free_string) char *path = path_of(room, files, count);
	const char *slash = strrchr(path, '/');
	int outcome = source_open(room, path, &reader.source, error);

	if (outcome > 0)
		return error_set(error, ERROR_NO_INPUT, "5.3.5", "there is no %s", path);
	if (outcome < 0)
		return -1;
	reader.parameters.directory = slash != NULL ? memory_copy(path, (size_t)(slash - path))
						    : memory_copy_string(".");
	postfix_parameters_read(&reader.parameters, &reader.source, room->plan);
	return fill_plan(&reader);
}
