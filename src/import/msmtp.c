/* SPDX-License-Identifier: MIT */

/*
 * msmtprc: lines of a command and its argument, which may stand in double
 * quotes as a whole; '#' begins a comment at the start of a line only.
 *
 * "defaults" holds for the accounts behind it, "account b : a" begins with
 * what was set for a.
 */

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/memory.h"
#include "config/check.h"
#include "import/account.h"
#include "import/predecessor.h"

static const char system_file[] = "/etc/msmtprc";

enum { ACCOUNT_LIMIT = 200, ROW_LIMIT = 400 };

struct row {
	char *key;
	char *value; /* may be a secret */
	int line;
};

struct rows {
	struct row *items;
	size_t count;
};

struct entry {
	char *name;
	int line;
	struct rows base;  /* the defaults when it began */
	struct rows own;   /* with what it inherits */
	size_t inherited;  /* of own */
	char *parent;	   /* the only one, or NULL */
	const char *title; /* of its smarthost; the plan's */
};

struct reader {
	const struct source_room *room;
	struct source source;
	struct rows defaults;
	struct entry *entries;
	size_t count;
	struct rows *open; /* what the next lines are put in; NULL: nothing yet */
};

/* What has no counterpart, and why; NULL: nobody misses it. */
static const struct {
	const char *key;
	const char *why;
} lost[] = {
	{ "proxy_host", "connections through a SOCKS proxy are not made" },
	{ "proxy_port", NULL },
	{ "eval", "commands in the configuration are not run" },
	{ "logfile", "the log goes to the journal or syslog; write: log { to = \"/path\" }" },
	{ "logfile_time_format", NULL },
	{ "syslog", NULL },
	{ "tls_crl_file", "revocation lists are not read" },
	{ "tls_priorities", "the system's own rules for TLS are used; there is tls_min = \"1.3\"" },
	{ "tls_min_dh_prime_bits", NULL },
	{ "tls_force_sslv3", NULL },
	{ "ntlmdomain", "NTLM is not spoken" },
	{ "dsn_notify", "the caller's sendmail -N says that" },
	{ "dsn_return", "the caller's sendmail -R says that" },
	{ "keepbcc", "Bcc fields are removed always" },
	{ "remove_bcc_headers", NULL },
	{ "undisclosed_recipients", "To and Cc are left as they are" },
	{ "set_to_header", NULL },
	{ "set_date_header", NULL },
	{ "set_msgid_header", NULL },
	{ "add_missing_from_header", NULL },
	{ "add_missing_date_header", NULL },
	{ "from_full_name", "the caller's full name is used" },
	{ "auto_from", NULL },
};

/* What finds its place below. */
static const char *const carried[] = { "host", "port", "protocol", "socket", "tls", "tls_starttls",
	"tls_trust_file", "tls_fingerprint", "tls_cert_file", "tls_key_file", "tls_certcheck",
	"tls_host_override", "auth", "user", "password", "passwordeval", "from", "aliases",
	"domain", "maildomain", "timeout", "connect_timeout", "set_from_header",
	"allow_from_override", "source_ip" };

static void finish_rows(struct rows *rows)
{
	for (size_t i = 0; i < rows->count; i++) {
		free(rows->items[i].key);
		memory_free_secret(&rows->items[i].value);
	}
	free(rows->items);
	*rows = (struct rows){ 0 };
}

static void finish(struct reader *reader)
{
	for (size_t i = 0; i < reader->count; i++) {
		free(reader->entries[i].name);
		free(reader->entries[i].parent);
		finish_rows(&reader->entries[i].base);
		finish_rows(&reader->entries[i].own);
	}
	free(reader->entries);
	finish_rows(&reader->defaults);
	source_finish(&reader->source);
}

static void add_row(struct rows *rows, const char *key, const char *value, int line)
{
	rows->items = memory_resize_array(rows->items, rows->count + 1, sizeof(struct row));
	rows->items[rows->count++] = (struct row){ memory_copy_string(key),
		memory_copy_string(value), line };
}

static void copy_rows(const struct rows *from, struct rows *to)
{
	for (size_t i = 0; i < from->count; i++)
		add_row(to, from->items[i].key, from->items[i].value, from->items[i].line);
}

static const struct row *find_row(const struct rows *rows, const char *key)
{
	for (size_t i = rows->count; i > 0; i--)
		if (strcmp(rows->items[i - 1].key, key) == 0)
			return &rows->items[i - 1];
	return NULL;
}

static const struct row *find(const struct entry *entry, const char *key)
{
	const struct row *row = find_row(&entry->own, key);

	return row != NULL ? row : find_row(&entry->base, key);
}

/* The value, "" included, or NULL. */
static const char *value_of(const struct entry *entry, const char *key)
{
	const struct row *row = find(entry, key);

	return row != NULL ? row->value : NULL;
}

static bool is_on(const struct entry *entry, const char *key, bool otherwise)
{
	const char *value = value_of(entry, key);

	if (value == NULL)
		return otherwise;
	return value[0] == '\0' || strcasecmp(value, "on") == 0 || strcasecmp(value, "yes") == 0;
}

static struct entry *find_entry(struct reader *reader, struct span name)
{
	for (size_t i = 0; i < reader->count; i++)
		if (span_equals_string(name, reader->entries[i].name))
			return &reader->entries[i];
	return NULL;
}

static void note_lost(struct reader *reader, int line, const char *text)
{
	plan_note(reader->room->plan, PLAN_LOST, reader->source.path, line, "%s", text);
}

static struct entry *add_entry(struct reader *reader, struct span name)
{
	reader->entries = memory_resize_array(
	    reader->entries, reader->count + 1, sizeof(struct entry));
	struct entry *entry = &reader->entries[reader->count++];

	*entry = (struct entry){ .name = span_copy(name), .line = reader->source.line };
	copy_rows(&reader->defaults, &entry->base);
	return entry;
}

static void inherit(struct reader *reader, struct entry *entry, struct span parents)
{
	struct span rest = parents;
	struct span part;
	size_t count = 0;

	while (span_take_until(&rest, ',', &part)) {
		struct span name = span_trim(part);
		const struct entry *parent = find_entry(reader, name);

		if (parent == NULL || parent == entry) {
			plan_note(reader->room->plan, PLAN_LOST, reader->source.path,
			    reader->source.line, "there is no account %.*s before this line",
			    span_int(span_first(name, 100)), name.start);
			continue;
		}
		if (entry->own.count + parent->own.count > ROW_LIMIT)
			return;
		copy_rows(&parent->own, &entry->own);
		free(entry->parent);
		entry->parent = count++ == 0 ? memory_copy_string(parent->name) : NULL;
	}
	entry->inherited = entry->own.count;
}

static void begin_account(struct reader *reader, struct span argument)
{
	ssize_t colon = span_find_byte(argument, ':');
	struct span name = span_trim(colon < 0 ? argument : span_first(argument, (size_t)colon));

	reader->open = NULL;
	if (name.length == 0 || reader->count >= ACCOUNT_LIMIT) {
		note_lost(
		    reader, reader->source.line, "this account has no name, or is one too many");
		return;
	}
	if (find_entry(reader, name) != NULL) {
		note_lost(reader, reader->source.line,
		    "this account was defined before; msmtp refuses the file");
		return;
	}
	struct entry *entry = add_entry(reader, name);

	if (colon >= 0)
		inherit(reader, entry, span_after(argument, (size_t)colon + 1));
	reader->open = &entry->own;
}

static bool is_carried(const char *key)
{
	for (size_t i = 0; i < sizeof carried / sizeof carried[0]; i++)
		if (strcmp(carried[i], key) == 0)
			return true;
	return false;
}

static void take_setting(struct reader *reader, const char *key, const char *value)
{
	if (is_carried(key)) {
		if (reader->open->count < ROW_LIMIT)
			add_row(reader->open, key, value, reader->source.line);
		return;
	}
	for (size_t i = 0; i < sizeof lost / sizeof lost[0]; i++) {
		if (strcmp(lost[i].key, key) != 0)
			continue;
		if (lost[i].why != NULL && strcasecmp(value, "off") != 0)
			plan_note(reader->room->plan, PLAN_LOST, reader->source.path,
			    reader->source.line, "%s: %s", key, lost[i].why);
		return;
	}
	plan_note(reader->room->plan, PLAN_LOST, reader->source.path, reader->source.line,
	    "msmtp's command \"%.60s\" is not known here", key);
}

/* As a whole in double quotes, or as it stands. */
static struct span unquote(struct span argument)
{
	size_t length = argument.length;

	if (length >= 2 && argument.start[0] == '"' && argument.start[length - 1] == '"')
		return span_first(span_after(argument, 1), length - 2);
	return argument;
}

static void take_line(struct reader *reader, struct span line)
{
	struct span rest = span_trim(line);
	struct span word = { 0 };

	if (rest.length == 0 || rest.start[0] == '#' || !span_take_word(&rest, &word))
		return;
	struct span argument = unquote(span_trim(rest));

	/* "account default:gmail" is one, and so is "account: x", which is none. */
	if (span_equals_string(word, "defaults")) {
		reader->open = &reader->defaults;
	} else if (span_equals_string(word, "account")) {
		begin_account(reader, argument);
	} else {
		CLEANUP(memory_free_string) char *key = span_copy(word);
		CLEANUP(memory_free_secret) char *value = span_copy(argument);

		/* As in versions before 1.4: all of the file is the account. */
		if (reader->open == NULL && reader->count == 0)
			reader->open = &add_entry(reader, span_from_string("default"))->own;
		if (reader->open != NULL)
			take_setting(reader, key, value);
	}
}

static void take_host(const struct entry *entry, struct account *account)
{
	const char *host = value_of(entry, "host");
	const char *socket = value_of(entry, "socket");
	const char *port = value_of(entry, "port");
	const char *protocol = value_of(entry, "protocol");

	account_take(&account->host, span_from_string(host != NULL ? host : ""));
	if (socket != NULL && socket[0] == '/')
		account_take(&account->socket, span_from_string(socket));
	account->is_lmtp = protocol != NULL && strcasecmp(protocol, "lmtp") == 0;
	account->port = port != NULL ? account_port(span_from_string(port)) : 0;
	if (!is_on(entry, "tls", false))
		account->tls = ACCOUNT_TLS_NEVER;
	else if (is_on(entry, "tls_starttls", true))
		account->tls = ACCOUNT_TLS_MUST;
	else
		account->tls = ACCOUNT_TLS_AT_ONCE;
	/* Its default is 25 but for TLS at once. */
	if (account->port == 0 && !account->is_lmtp)
		account->port = account->tls == ACCOUNT_TLS_AT_ONCE ? 465 : 25;
}

/* "~" is whose file it is, who is asked to be the one who imports. */
static void take_path(char **place, const char *value)
{
	const char *home = getenv("HOME");

	if (value == NULL || value[0] == '\0')
		return;
	free(*place);
	if (value[0] == '~' && value[1] == '/' && home != NULL)
		*place = memory_format("%s%s", home, value + 1);
	else
		*place = memory_copy_string(value);
}

static void take_tls(struct reader *reader, const struct entry *entry, struct account *account)
{
	const struct row *check = find(entry, "tls_certcheck");
	const char *name = value_of(entry, "tls_host_override");
	const char *print = value_of(entry, "tls_fingerprint");

	take_path(&account->ca_file, value_of(entry, "tls_trust_file"));
	take_path(&account->client_cert, value_of(entry, "tls_cert_file"));
	take_path(&account->client_key, value_of(entry, "tls_key_file"));
	account_take(&account->tls_name, span_from_string(name != NULL ? name : ""));
	account_take(&account->tls_fingerprint, span_from_string(print != NULL ? print : ""));
	if (check != NULL && !is_on(entry, "tls_certcheck", true))
		plan_note(reader->room->plan, PLAN_CHANGED, reader->source.path, check->line,
		    "certificates are verified now; one that nobody signed is pinned by "
		    "tls_fingerprint");
}

/* "cat FILE" needs no command. */
static void take_password(struct reader *reader, const struct entry *entry, struct account *account)
{
	const struct row *command = find(entry, "passwordeval");
	const char *password = value_of(entry, "password");
	struct span rest = span_from_string(command != NULL ? command->value : "");
	struct span word = { 0 };

	if (password != NULL)
		account_take_secret(&account->password, span_from_string(password));
	if (command == NULL || account->password != NULL)
		return;
	if (span_take_word(&rest, &word) && span_equals_string(word, "cat")) {
		CLEANUP(memory_free_string) char *path = span_copy(span_trim(rest));

		if ((path[0] == '/' || path[0] == '~') &&
		    strpbrk(path, " \t\"'\\|;&$*?<>()`") == NULL)
			take_path(&account->password_file, path);
	}
	if (account->password_file == NULL)
		plan_note(reader->room->plan, PLAN_LOST, reader->source.path, command->line,
		    "passwordeval: commands are not run; run it yourself, and store what it "
		    "prints");
}

static void take_login(struct reader *reader, const struct entry *entry, struct account *account)
{
	static const char *const ours[] = { "plain", "login", "cram-md5", "external", "xoauth2",
		"oauthbearer" };
	const struct row *auth = find(entry, "auth");
	const char *user = value_of(entry, "user");

	if (auth == NULL || strcasecmp(auth->value, "off") == 0)
		return;
	account_take(&account->user, span_from_string(user != NULL ? user : ""));
	take_password(reader, entry, account);
	if (auth->value[0] == '\0' || strcasecmp(auth->value, "on") == 0)
		return;
	for (size_t i = 0; i < sizeof ours / sizeof ours[0]; i++)
		if (strcasecmp(auth->value, ours[i]) == 0) {
			account->auth = memory_copy_string(ours[i]);
			return;
		}
	if (strncasecmp(auth->value, "scram-", 6) == 0)
		account->auth = memory_copy_string("scram");
	else
		plan_note(reader->room->plan, PLAN_LOST, reader->source.path, auth->line,
		    "auth %.40s: the best that both ends know is used", auth->value);
}

static bool is_pattern(const char *from)
{
	return strpbrk(from, "*?[%") != NULL;
}

static bool is_domain_pattern(const char *from)
{
	struct error unused;

	return strncmp(from, "*@", 2) == 0 && !is_pattern(from + 1) &&
	       check_pattern(&(struct check_place){ "here", "from" }, from, &unused) == 0;
}

static void take_from(struct reader *reader, const struct entry *entry, struct account *account)
{
	const struct row *from = find(entry, "from");

	if (is_on(entry, "set_from_header", false) || !is_on(entry, "allow_from_override", true))
		account->from_policy = memory_copy_string("rewrite");
	if (from == NULL || from->value[0] == '\0')
		return;
	if (!is_pattern(from->value))
		account_take(&account->from, span_from_string(from->value));
	else if (!is_domain_pattern(from->value))
		plan_note(reader->room->plan, PLAN_LOST, reader->source.path, from->line,
		    "from \"%s\": of patterns only \"*@example.com\" is taken", from->value);
}

static void take_timeout(const struct entry *entry, struct account *account)
{
	const char *timeout = value_of(entry, "timeout");
	uint64_t seconds = 0;

	if (timeout == NULL)
		timeout = value_of(entry, "connect_timeout");
	if (timeout != NULL && span_to_number(span_from_string(timeout), &seconds) && seconds > 0 &&
	    seconds < 3600)
		account->timeout = memory_format("%us", (unsigned)seconds);
	const char *source = value_of(entry, "source_ip");
	account_take(&account->source, span_from_string(source != NULL ? source : ""));
}

static void add_smarthost(struct reader *reader, struct entry *entry)
{
	CLEANUP(account_finish) struct account account = { 0 };
	const struct row *host = find(entry, "host");

	account.place = (struct account_place){ reader->source.path,
		host != NULL ? host->line : entry->line };
	account.title = memory_copy_string(entry->name);
	take_host(entry, &account);
	take_tls(reader, entry, &account);
	take_login(reader, entry, &account);
	take_from(reader, entry, &account);
	take_timeout(entry, &account);
	entry->title = account_add(reader->room->plan, &account);
	const char *from = value_of(entry, "from");
	if (entry->title != NULL && from != NULL && is_domain_pattern(from))
		plan_add(
		    plan_find(reader->room->plan, "smarthost", entry->title), "from_allow", from);
}

/* "account default : gmail" and nothing more is gmail itself. */
static struct entry *same_entry(struct reader *reader, struct entry *entry)
{
	if (entry->parent == NULL || entry->own.count != entry->inherited)
		return entry;
	struct entry *parent = find_entry(reader, span_from_string(entry->parent));

	return parent != NULL ? parent : entry;
}

static struct entry *default_entry(struct reader *reader)
{
	struct entry *entry = find_entry(reader, span_from_string("default"));

	if (entry != NULL)
		return same_entry(reader, entry);
	entry = &reader->entries[0];
	if (reader->count > 1)
		plan_note(reader->room->plan, PLAN_CHANGED, reader->source.path, entry->line,
		    "there is no account default; what no route takes goes to the first, %s",
		    entry->name);
	return entry;
}

/* By the sender, as msmtp chooses where no account is named. */
static void add_route(struct reader *reader, const struct entry *entry)
{
	struct plan_block *smarthost = plan_find(reader->room->plan, "smarthost", entry->title);
	const char *allowed = plan_get(smarthost, "from_allow");
	const char *from = allowed != NULL ? allowed : plan_get(smarthost, "from");

	if (from == NULL) {
		plan_note(reader->room->plan, PLAN_LOST, reader->source.path, entry->line,
		    "account %s is used by its name alone (msmtp -a); write a route for it: by "
		    "sender, recipient or user",
		    entry->name);
		return;
	}
	(void)account_add_route(reader->room->plan, entry->title, from,
	    &(struct account_place){ reader->source.path, entry->line });
}

/* Returns the one that is the default. */
static const struct entry *add_smarthosts(struct reader *reader)
{
	struct entry *first = default_entry(reader);

	/* Without any route the first smarthost takes all. */
	add_smarthost(reader, first);
	for (size_t i = 0; i < reader->count; i++) {
		struct entry *entry = &reader->entries[i];

		if (entry != first && same_entry(reader, entry) == entry)
			add_smarthost(reader, entry);
	}
	for (size_t i = 0; i < reader->count; i++)
		if (&reader->entries[i] != first && reader->entries[i].title != NULL)
			add_route(reader, &reader->entries[i]);
	if (plan_count(reader->room->plan, "route") != 0 && first->title != NULL)
		plan_add(plan_block(reader->room->plan, "route", "default"), "via", first->title);
	return first;
}

/* What concerns not one account, but the machine. */
static void add_rest(struct reader *reader, const struct entry *entry)
{
	struct plan *plan = reader->room->plan;
	const struct row *aliases = find(entry, "aliases");
	const struct row *domain = find(entry, "maildomain");
	const struct row *ehlo = find(entry, "domain");
	CLEANUP(memory_free_string) char *path = NULL;

	if (aliases != NULL)
		take_path(&path, aliases->value);
	if (path != NULL)
		account_aliases_file(
		    plan, path, &(struct account_place){ reader->source.path, aliases->line });
	if (domain != NULL)
		account_identity(plan, "domain", domain->value,
		    &(struct account_place){ reader->source.path, domain->line });
	if (ehlo != NULL)
		account_identity(plan, "ehlo", ehlo->value,
		    &(struct account_place){ reader->source.path, ehlo->line });
}

/* The system's, or else that of who asks. */
static int open_file(struct reader *reader, char *const *files, size_t count, struct error *error)
{
	const char *home = getenv("HOME");
	CLEANUP(memory_free_string)
	char *own = memory_format("%s/.msmtprc", home != NULL ? home : "");
	const char *path = count != 0 ? files[0] : system_file;
	int outcome = source_open(reader->room, path, &reader->source, error);

	if (outcome > 0 && count == 0 && home != NULL)
		outcome = source_open(reader->room, own, &reader->source, error);
	if (outcome > 0)
		return error_set(error, ERROR_NO_INPUT, "5.3.5", "there is no %s", path);
	return outcome;
}

int msmtp_read(
    const struct source_room *room, char *const *files, size_t count, struct error *error)
{
	CLEANUP(finish) struct reader reader = { .room = room };
	struct span line;

	if (open_file(&reader, files, count, error) < 0)
		return -1;
	while (source_next(&reader.source, &line))
		take_line(&reader, line);
	if (reader.count == 0)
		return error_set(
		    error, ERROR_DATA, "5.3.5", "%s has no account", reader.source.path);
	add_rest(&reader, add_smarthosts(&reader));
	return 0;
}
