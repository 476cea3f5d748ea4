/* SPDX-License-Identifier: MIT */

/*
 * ssmtp.conf and revaliases.
 *
 * ssmtp.conf looks like an INI file without sections, and is none: '#' cuts a
 * line wherever it stands, a value ends at its first blank or '=', quotes and
 * semicolons are plain text.  So a pass of our own cuts it as ssmtp does, and
 * iniparser gets a section with values that it cannot misread.
 */

#include <iniparser.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
#include "import/account.h"
#include "import/predecessor.h"

static const char conf[] = "/etc/ssmtp/ssmtp.conf";
static const char revaliases[] = "/etc/ssmtp/revaliases";

enum { TEXT_LIMIT = 4 << 20, LINE_LIMIT = 300 };

enum { KNOWN_COUNT = 23 };

static const char *const known[KNOWN_COUNT] = { "root", "mailhub", "remoteport", "rewritedomain",
	"hostname", "fromlineoverride", "usetls", "usestarttls", "usetlscert", "tlscert", "tlskey",
	"tls_ca_file", "tls_ca_dir", "authuser", "authpass", "authmethod", "useoldauth",
	"addheader", "debug", "minuserid", "tlskeypass", "tls_cert", "tls_key" };

/* Only the first of these counts for ssmtp. */
static const char *const first_wins[] = { "authuser", "authpass", "authmethod" };

struct reader {
	const struct source_room *room;
	struct source source;
	struct buffer ini; /* wiped: passwords stand in it */
	dictionary *values;
	int lines[KNOWN_COUNT]; /* where each was set last */
};

/* -1: ssmtp does not know it. */
static int index_of(struct span key)
{
	for (int i = 0; i < KNOWN_COUNT; i++)
		if (span_equals_string_ignoring_case(key, known[i]))
			return i;
	return -1;
}

/* 0: nowhere. */
static int line_of(const struct reader *reader, const char *key)
{
	int index = index_of(span_from_string(key));

	return index >= 0 ? reader->lines[index] : 0;
}

static bool is_listed(const char *const *list, size_t count, struct span key)
{
	for (size_t i = 0; i < count; i++)
		if (span_equals_string_ignoring_case(key, list[i]))
			return true;
	return false;
}

/* Every octet that could mean something to iniparser as %XX. */
static void append_armoured(struct buffer *ini, struct span value)
{
	for (size_t i = 0; i < value.length; i++) {
		char c = value.start[i];

		if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		    (c != '\0' && strchr("@.-_:/", c) != NULL))
			buffer_append_byte(ini, c);
		else
			buffer_format(ini, "%%%02X", (unsigned)(unsigned char)c);
	}
}

static int hex_digit(char c)
{
	return c >= 'A' ? c - 'A' + 10 : c - '0';
}

/* The caller frees it, as a secret where it may be one. */
static char *without_armour(const char *text)
{
	char *plain = memory_allocate(strlen(text) + 1);
	size_t length = 0;

	for (const char *p = text; *p != '\0'; p++) {
		if (*p == '%') {
			plain[length++] = (char)(hex_digit(p[1]) * 16 + hex_digit(p[2]));
			p += 2;
		} else {
			plain[length++] = *p;
		}
	}
	return plain;
}

static void note_cut(struct reader *reader, struct span key, const char *at)
{
	plan_note(reader->room->plan, PLAN_CHANGED, reader->source.path, reader->source.line,
	    "ssmtp cut the value of %.*s at %s, and so does this import; if it goes on there, "
	    "write it anew%s",
	    span_int(key), key.start, at,
	    span_equals_string_ignoring_case(key, "authpass") ? ": mailchute secret set" : "");
}

/* The value as ssmtp takes it. */
static struct span cut_value(struct reader *reader, struct span key, struct span line)
{
	ssize_t hash = span_find_byte(line, '#');
	struct span value = line;

	if (hash >= 0) {
		value = span_first(line, (size_t)hash);
		/* Behind a blank it is a comment for every reader. */
		if (hash > 0 && line.start[hash - 1] != ' ' && line.start[hash - 1] != '\t')
			note_cut(reader, key, "its #");
	}
	value = span_trim(value);
	for (size_t i = 0; i < value.length; i++) {
		if (strchr("= \t", value.start[i]) == NULL)
			continue;
		note_cut(reader, key, value.start[i] == '=' ? "its =" : "its blank");
		return span_first(value, i);
	}
	return value;
}

static void convert_line(struct reader *reader, struct span line)
{
	struct span trimmed = span_trim(line);
	ssize_t equal = span_find_byte(trimmed, '=');
	ssize_t hash = span_find_byte(trimmed, '#');

	if (trimmed.length == 0 || trimmed.start[0] == '#' || trimmed.start[0] == ';')
		return;
	if (equal <= 0 || (hash >= 0 && hash < equal)) {
		plan_note(reader->room->plan, PLAN_LOST, reader->source.path, reader->source.line,
		    "this line is no NAME=VALUE, and ssmtp passed it over");
		return;
	}
	struct span key = span_trim(span_first(trimmed, (size_t)equal));

	int index = index_of(key);

	if (index < 0) {
		plan_note(reader->room->plan, PLAN_LOST, reader->source.path, reader->source.line,
		    "ssmtp has no option \"%.*s\"", span_int(span_first(key, 60)), key.start);
		return;
	}
	if (span_equals_string_ignoring_case(key, "addheader")) {
		plan_note(reader->room->plan, PLAN_LOST, reader->source.path, reader->source.line,
		    "AddHeader: no fields are added to messages here");
		return;
	}
	struct span value = cut_value(reader, key, span_after(trimmed, (size_t)equal + 1));

	reader->lines[index] = reader->source.line;
	if (value.length == 0)
		return;
	if (value.length > LINE_LIMIT) {
		plan_note(reader->room->plan, PLAN_LOST, reader->source.path, reader->source.line,
		    "the value of %.*s is too long", span_int(key), key.start);
		return;
	}
	buffer_format(&reader->ini, "%.*s = \"", span_int(key), key.start);
	append_armoured(&reader->ini, value);
	buffer_append_string(&reader->ini, "\"\n");
}

/* The section for iniparser, in which the last of two counts. */
static void convert(struct reader *reader)
{
	struct buffer *ini = &reader->ini;
	struct span line;

	buffer_init(ini, TEXT_LIMIT * 4);
	buffer_append_string(ini, "[ssmtp]\n");
	while (source_next(&reader->source, &line)) {
		struct span trimmed = span_trim(line);
		ssize_t equal = span_find_byte(trimmed, '=');
		struct span key = span_trim(span_first(trimmed, equal < 0 ? 0 : (size_t)equal));
		bool is_first_only = is_listed(
		    first_wins, sizeof first_wins / sizeof first_wins[0], key);
		CLEANUP(memory_free_string)
		char *mark = memory_format("\n%.*s = \"", span_int(key), key.start);

		if (is_first_only && strcasestr(buffer_string(ini), mark) != NULL)
			plan_note(reader->room->plan, PLAN_LOST, reader->source.path,
			    reader->source.line, "%.*s stands there twice; the first one counts",
			    span_int(key), key.start);
		else
			convert_line(reader, line);
	}
}

static int ignore_complaint(const char *format, ...) __attribute__((format(printf, 1, 2)));

static int ignore_complaint(const char *format, ...)
{
	(void)format;
	return 0;
}

static int parse(struct reader *reader, struct error *error)
{
	CLEANUP(file_close) int fd = memfd_create("ssmtp.conf", MFD_CLOEXEC);
	CLEANUP(memory_free_string) char *path = memory_format("/proc/self/fd/%d", fd);

	if (fd < 0 || file_write_all(fd, buffer_span(&reader->ini)) < 0)
		return error_system(error, "cannot keep %s in memory", reader->source.path);
	iniparser_set_error_callback(ignore_complaint);
	reader->values = iniparser_load(path);
	if (reader->values == NULL)
		return error_set(
		    error, ERROR_DATA, "5.3.5", "%s cannot be parsed", reader->source.path);
	return 0;
}

static void finish(struct reader *reader)
{
	if (reader->values != NULL) {
		for (ssize_t i = 0; i < (ssize_t)reader->values->size; i++)
			if (reader->values->val[i] != NULL)
				explicit_bzero(
				    reader->values->val[i], strlen(reader->values->val[i]));
		iniparser_freedict(reader->values);
	}
	buffer_finish_secret(&reader->ini);
	source_finish(&reader->source);
}

/* NULL when it is not set. */
static char *value_of(const struct reader *reader, const char *key)
{
	CLEANUP(memory_free_string) char *name = memory_format("ssmtp:%s", key);
	const char *value = iniparser_getstring(reader->values, name, NULL);

	return value != NULL && value[0] != '\0' ? without_armour(value) : NULL;
}

static bool has_value(const struct reader *reader, const char *key)
{
	CLEANUP(memory_free_secret) char *value = value_of(reader, key);

	return value != NULL;
}

static bool is_on(const struct reader *reader, const char *key)
{
	CLEANUP(memory_free_string) char *value = value_of(reader, key);

	return value != NULL && strcasecmp(value, "yes") == 0;
}

static void read_host(struct reader *reader, struct account *account)
{
	CLEANUP(memory_free_string) char *hub = value_of(reader, "mailhub");
	CLEANUP(memory_free_string) char *port = value_of(reader, "remoteport");

	account->place = (struct account_place){ reader->source.path, line_of(reader, "mailhub") };
	if (hub == NULL) {
		plan_note(reader->room->plan, PLAN_LOST, reader->source.path, 0,
		    "there is no mailhub; ssmtp then sends to a host that is called \"mailhub\"");
	} else if (!account_set_host(account, span_from_string(hub))) {
		plan_note(reader->room->plan, PLAN_LOST, reader->source.path,
		    line_of(reader, "mailhub"), "\"%s\" is no host", hub);
	}
	if (port != NULL && account_port(span_from_string(port)) != 0)
		account->port = account_port(span_from_string(port));
	if (account->port == 0)
		account->port = 25;
}

static void read_tls(struct reader *reader, struct account *account)
{
	CLEANUP(memory_free_string) char *directory = value_of(reader, "tls_ca_dir");

	account->ca_file = value_of(reader, "tls_ca_file");
	if (is_on(reader, "usestarttls"))
		account->tls = ACCOUNT_TLS_MUST;
	else if (is_on(reader, "usetls"))
		account->tls = ACCOUNT_TLS_AT_ONCE;
	if (account->tls != ACCOUNT_TLS_NEVER && account->ca_file == NULL && directory == NULL)
		plan_note(reader->room->plan, PLAN_CHANGED, reader->source.path,
		    line_of(reader, line_of(reader, "usestarttls") != 0 ? "usestarttls" : "usetls"),
		    "ssmtp took any certificate (no TLS_CA_File); now it is verified");
	if (directory != NULL)
		plan_note(reader->room->plan, PLAN_LOST, reader->source.path,
		    line_of(reader, "tls_ca_dir"),
		    "TLS_CA_Dir=%s: the system's CAs are trusted instead; others go into one "
		    "ca_file",
		    directory);
	if (is_on(reader, "usetlscert") || has_value(reader, "tlskey")) {
		account->client_cert = value_of(reader, "tlscert");
		account->client_key = value_of(reader, "tlskey");
		if (account->client_cert == NULL)
			account->client_cert = memory_copy_string("/etc/ssl/certs/ssmtp.pem");
	}
}

static void read_login(struct reader *reader, struct account *account)
{
	CLEANUP(memory_free_string) char *method = value_of(reader, "authmethod");

	account->user = value_of(reader, "authuser");
	account->password = value_of(reader, "authpass");
	if (method != NULL && strcasecmp(method, "cram-md5") == 0)
		account->auth = memory_copy_string("cram-md5");
	else if (method != NULL && strcasecmp(method, "login") != 0)
		plan_note(reader->room->plan, PLAN_LOST, reader->source.path,
		    line_of(reader, "authmethod"),
		    "AuthMethod=%s: the best that both ends know is used", method);
	if (account->user == NULL && account->password != NULL)
		plan_note(reader->room->plan, PLAN_LOST, reader->source.path,
		    line_of(reader, "authpass"), "AuthPass without AuthUser: there is no login");
}

static void read_identity(struct reader *reader)
{
	CLEANUP(memory_free_string) char *domain = value_of(reader, "rewritedomain");
	CLEANUP(memory_free_string) char *host = value_of(reader, "hostname");
	CLEANUP(memory_free_string) char *root = value_of(reader, "root");
	const char *file = reader->source.path;
	const char *at = domain != NULL ? strrchr(domain, '@') : NULL;

	account_identity(reader->room->plan, "domain", at != NULL ? at + 1 : domain,
	    &(struct account_place){ file, line_of(reader, "rewritedomain") });
	account_identity(reader->room->plan, "ehlo", host,
	    &(struct account_place){ file, line_of(reader, "hostname") });
	if (root != NULL && strcasecmp(root, "root") != 0 && strcasecmp(root, "postmaster") != 0)
		account_alias(reader->room->plan, "root", span_from_string(root),
		    &(struct account_place){ file, line_of(reader, "root") });
	else if (root != NULL)
		plan_note(reader->room->plan, PLAN_LOST, reader->source.path,
		    line_of(reader, "root"),
		    "root=%s names nobody who reads it; write: alias \"root\" { to = { "
		    "\"you@example.com\" } }",
		    root);
	if (has_value(reader, "minuserid"))
		plan_note(reader->room->plan, PLAN_LOST, reader->source.path,
		    line_of(reader, "minuserid"),
		    "MinUserId: names are not told apart by number; each name that shall go to "
		    "root is an alias");
}

/* FromLineOverride: whose From counts. */
static void read_sender(struct reader *reader, struct account *account)
{
	if (is_on(reader, "fromlineoverride"))
		return;
	CLEANUP(memory_free_string) char *domain = value_of(reader, "rewritedomain");

	if (account->from == NULL && (account->user == NULL || strchr(account->user, '@') == NULL))
		return;
	account->from_policy = memory_copy_string("rewrite");
	plan_note(reader->room->plan, PLAN_CHANGED, reader->source.path,
	    line_of(reader, "fromlineoverride"),
	    "FromLineOverride is off: every sender becomes the account's address (from_policy = "
	    "\"rewrite\")%s",
	    domain != NULL ? ", not LOGIN@rewriteDomain" : "");
}

/* A line of revaliases. */
struct alias {
	char *login;
	char *address;
	char *host; /* with its port; NULL: the mailhub */
	int line;
};

struct alias_table {
	struct source source;
	struct alias *rows;
	size_t count;
};

static void finish_table(struct alias_table *table)
{
	for (size_t i = 0; i < table->count; i++) {
		free(table->rows[i].login);
		free(table->rows[i].address);
		free(table->rows[i].host);
	}
	free(table->rows);
	source_finish(&table->source);
}

static bool add_row(struct alias_table *table, struct span line)
{
	struct span rest = line;
	struct span login = { 0 };
	struct span address = { 0 };
	ssize_t hash = span_find_byte(line, '#');

	if (hash >= 0)
		rest = span_first(line, (size_t)hash);
	if (!span_take_until(&rest, ':', &login) || !span_take_until(&rest, ':', &address))
		return false;
	login = span_trim(login);
	address = span_trim(address);
	rest = span_trim(rest);
	if (login.length == 0 || address.length == 0)
		return false;
	table->rows = memory_resize_array(table->rows, table->count + 1, sizeof(struct alias));
	table->rows[table->count++] = (struct alias){ span_copy(login), span_copy(address),
		rest.length != 0 ? span_copy(rest) : NULL, table->source.line };
	return true;
}

static int read_table(
    struct reader *reader, const char *path, struct alias_table *table, struct error *error)
{
	struct span line;

	if (source_open(reader->room, path, &table->source, error) < 0)
		return -1;
	while (source_next(&table->source, &line)) {
		struct span trimmed = span_trim(line);

		if (trimmed.length != 0 && trimmed.start[0] != '#' && !add_row(table, line))
			plan_note(reader->room->plan, PLAN_LOST, path, table->source.line,
			    "this line is no LOGIN:ADDRESS, and ssmtp passed it over");
	}
	return 0;
}

static bool is_same_host(const struct account *hub, const struct alias *row)
{
	CLEANUP(account_finish) struct account other = { .port = 25 };

	if (row->host == NULL)
		return true;
	return account_set_host(&other, span_from_string(row->host)) &&
	       strcasecmp(other.host, hub->host) == 0 && other.port == hub->port;
}

/* All lines say the same of the same mailhub: then it is simply the address of the account. */
static const char *common_address(const struct alias_table *table, const struct account *hub)
{
	for (size_t i = 0; i < table->count; i++)
		if (!is_same_host(hub, &table->rows[i]) ||
		    strcasecmp(table->rows[i].address, table->rows[0].address) != 0)
			return NULL;
	return table->count != 0 ? table->rows[0].address : NULL;
}

static char *copy_or_null(const char *text)
{
	return text != NULL ? memory_copy_string(text) : NULL;
}

/* A user with a mailhub or an address of its own becomes a smarthost with a route. */
static void add_user(
    struct reader *reader, const struct account *hub, const char *file, const struct alias *row)
{
	struct plan *plan = reader->room->plan;
	CLEANUP(account_finish) struct account account = { .port = hub->port, .tls = hub->tls };

	if (getpwnam(row->login) == NULL) {
		plan_note(plan, PLAN_LOST, file, row->line, "there is no user %s here", row->login);
		return;
	}
	account.place = (struct account_place){ file, row->line };
	account.title = copy_or_null(row->login);
	account.host = copy_or_null(hub->host);
	account.from = copy_or_null(row->address);
	account.user = copy_or_null(hub->user);
	account.password = copy_or_null(hub->password);
	account.auth = copy_or_null(hub->auth);
	account.ca_file = copy_or_null(hub->ca_file);
	account.from_policy = memory_copy_string("rewrite");
	if (row->host != NULL && !account_set_host(&account, span_from_string(row->host))) {
		plan_note(plan, PLAN_LOST, file, row->line, "\"%s\" is no host", row->host);
		return;
	}
	if (account.user != NULL && !is_same_host(hub, row))
		plan_note(plan, PLAN_CHANGED, file, row->line,
		    "%s has a mailhub of its own, and ssmtp logs in there with the AuthUser of all",
		    row->login);
	const char *title = account_add(plan, &account);

	if (title != NULL) {
		plan_add(plan_block(plan, "route", row->login), "user", row->login);
		plan_add(plan_block(plan, "route", row->login), "via", title);
	}
}

/* The main account and the users' own. */
static void add_accounts(
    struct reader *reader, struct account *hub, const struct alias_table *table)
{
	struct plan *plan = reader->room->plan;
	const char *address = hub->host != NULL ? common_address(table, hub) : NULL;

	account_take(&hub->from, span_from_string(address != NULL ? address : ""));
	read_sender(reader, hub);
	const char *title = account_add(plan, hub);

	for (size_t i = 0; i < table->count && address == NULL && title != NULL; i++)
		add_user(reader, hub, table->source.path, &table->rows[i]);
	if (title != NULL && plan_count(plan, "route") != 0)
		plan_add(plan_block(plan, "route", "default"), "via", title);
}

int ssmtp_read(
    const struct source_room *room, char *const *files, size_t count, struct error *error)
{
	CLEANUP(finish) struct reader reader = { .room = room };
	CLEANUP(account_finish) struct account account = { 0 };
	CLEANUP(finish_table) struct alias_table table = { 0 };
	const char *path = count > 0 ? files[0] : conf;
	int outcome = source_open(room, path, &reader.source, error);

	if (outcome > 0)
		return error_set(error, ERROR_NO_INPUT, "5.3.5", "there is no %s", path);
	if (outcome < 0)
		return -1;
	convert(&reader);
	if (parse(&reader, error) < 0)
		return -1;
	read_host(&reader, &account);
	read_login(&reader, &account);
	read_tls(&reader, &account);
	if (count != 1 && read_table(&reader, count > 1 ? files[1] : revaliases, &table, error) < 0)
		return -1;
	add_accounts(&reader, &account, &table);
	read_identity(&reader);
	return 0;
}
