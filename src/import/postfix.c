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
#include "import/postfix_account.h"
#include "import/postfix_server.h"
#include "import/predecessor.h"

static const char main_cf[] = "/etc/postfix/main.cf";

/* ---- senders ---- */

/* "@example.com" is "*@example.com" here. */
static char *pattern_of(const char *key)
{
	return key[0] == '@' ? memory_format("*%s", key) : memory_copy_string(key);
}

static const char *add_sender(struct postfix_reader *reader, const struct postfix_entry *entry,
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
	if (!postfix_account_fill(reader, &account, nexthop))
		return NULL;
	if (login != NULL)
		postfix_account_take_login(reader, &account, login);
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
static int take_senders(struct postfix_reader *reader, const char *relayhost)
{
	CLEANUP(postfix_table_finish) struct postfix_table hosts = { 0 };
	bool has_own_logins = postfix_reader_is_yes(reader, "smtp_sender_dependent_authentication");

	if (postfix_reader_table(reader, "sender_dependent_relayhost_maps", &hosts) < 0)
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
static void take_map(
    struct postfix_reader *reader, const char *name, const struct postfix_table *table)
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
static void take_header_check(struct postfix_reader *reader, const struct postfix_table *table)
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

static int take_from(struct postfix_reader *reader)
{
	static const char *const maps[] = { "sender_canonical_maps", "smtp_generic_maps",
		"canonical_maps" };

	for (size_t i = 0; i < sizeof maps / sizeof maps[0]; i++) {
		CLEANUP(postfix_table_finish) struct postfix_table table = { 0 };

		if (postfix_reader_table(reader, maps[i], &table) < 0)
			return -1;
		take_map(reader, maps[i], &table);
	}
	CLEANUP(postfix_table_finish) struct postfix_table checks = { 0 };
	if (postfix_reader_table(reader, "smtp_header_checks", &checks) < 0)
		return -1;
	take_header_check(reader, &checks);
	return 0;
}

/* ---- the rest ---- */

static void take_times(struct postfix_reader *reader)
{
	CLEANUP(memory_free_string)
	char *lifetime = postfix_reader_value(reader, "maximal_queue_lifetime");
	CLEANUP(memory_free_string) char *warn = postfix_reader_value(reader, "delay_warning_time");
	CLEANUP(memory_free_string) char *size = postfix_reader_value(reader, "message_size_limit");
	uint64_t seconds = postfix_reader_seconds(lifetime, 86400);
	uint64_t octets = 0;
	struct plan *plan = reader->room->plan;

	if (seconds >= 3600) {
		CLEANUP(memory_free_string) char *text = memory_format("%us", (unsigned)seconds);
		plan_set(plan_block(plan, "queue", NULL), "lifetime", text);
	}
	seconds = postfix_reader_seconds(warn, 3600);
	if (seconds > 0) {
		CLEANUP(memory_free_string) char *text = memory_format("%us", (unsigned)seconds);
		plan_set(plan_block(plan, "queue", NULL), "warn", text);
	}
	if (span_to_number(span_from_string(size), &octets) && octets > 0)
		plan_set(plan_block(plan, "submit", NULL), "max_size", size);
}

static void take_identity(struct postfix_reader *reader)
{
	CLEANUP(memory_free_string) char *origin = postfix_reader_value(reader, "myorigin");
	CLEANUP(memory_free_string)
	char *helo = postfix_reader_value(
	    reader, postfix_reader_first_set(reader, "smtp_helo_name", "myhostname"));
	struct account_place at_origin = postfix_reader_place(reader, "myorigin");
	struct account_place at_helo = postfix_reader_place(
	    reader, postfix_reader_first_set(reader, "smtp_helo_name", "myhostname"));

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

static bool is_here(const struct postfix_reader *reader, const char *domain)
{
	CLEANUP(memory_free_string)
	char *host = postfix_parameters_value(&reader->parameters, "myhostname");

	return strcasecmp(domain, "localhost") == 0 ||
	       strcasecmp(domain, "localhost.localdomain") == 0 || strcasecmp(domain, host) == 0;
}

/* "root me@example.com": a name of this machine; others are addresses of other domains. */
static int take_virtual(struct postfix_reader *reader)
{
	CLEANUP(postfix_table_finish) struct postfix_table table = { 0 };

	if (postfix_reader_table(reader, "virtual_alias_maps", &table) < 0)
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

static void take_aliases(struct postfix_reader *reader)
{
	CLEANUP(memory_free_string) char *maps = postfix_reader_value(reader, "alias_maps");
	CLEANUP(memory_free_string) char *luser = postfix_reader_value(reader, "luser_relay");
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
			    postfix_reader_line(reader, "alias_maps"),
			    "alias_maps: %s: one file of aliases is read", text);
			continue;
		}
		has_file = true;
		struct account_place place = postfix_reader_place(reader, "alias_maps");
		account_aliases_file(reader->room->plan, strchr(text, '/'), &place);
	}
	if (luser[0] != '\0' && plan_find(reader->room->plan, "alias", "*") != NULL) {
		postfix_reader_note(
		    reader, PLAN_LOST, "luser_relay", "virtual_alias_maps say where all others go");
	} else if (luser[0] != '\0' && strchr(luser, '$') == NULL) {
		struct account_place place = postfix_reader_place(reader, "luser_relay");
		account_alias(reader->room->plan, "*", span_from_string(luser), &place);
	}
}

/* ---- all together ---- */

/* The first of several, as Postfix 3.5 and later takes them; the others are for when it is down. */
static void take_relayhosts(struct postfix_reader *reader, const char *relayhost)
{
	CLEANUP(memory_free_string)
	char *fallback = postfix_reader_value(reader, "smtp_fallback_relay");
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

		account.place = postfix_reader_place(
		    reader, postfix_reader_line(reader, "relayhost") != 0 ? "relayhost"
									  : "default_transport");
		if (!postfix_account_fill(reader, &account, word))
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
static char *relayhost_of(const struct postfix_reader *reader)
{
	char *relayhost = postfix_reader_value(reader, "relayhost");
	CLEANUP(memory_free_string)
	char *transport = postfix_reader_value(reader, "default_transport");

	if (relayhost[0] != '\0' || strchr(transport, '[') == NULL)
		return relayhost;
	free(relayhost);
	return span_copy(postfix_account_nexthop(span_from_string(transport)));
}

static int fill_plan(struct postfix_reader *reader)
{
	CLEANUP(memory_free_string) char *relayhost = relayhost_of(reader);

	if (postfix_reader_table(reader, "smtp_sasl_password_maps", &reader->passwords) < 0 ||
	    postfix_reader_table(reader, "smtp_tls_policy_maps", &reader->tls_policy) < 0 ||
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
	postfix_server_note(reader);
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
	CLEANUP(postfix_reader_finish)
	struct postfix_reader reader = { .room = room, .error = error };
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
