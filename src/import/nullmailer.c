/* SPDX-License-Identifier: MIT */

/*
 * /etc/nullmailer: a file a setting, and remotes with a smarthost a line:
 * HOST smtp --OPTION[=VALUE] ..., quoted as a shell would.
 */

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/memory.h"
#include "import/account.h"
#include "import/predecessor.h"

static const char default_directory[] = "/etc/nullmailer";

enum { WORD_LIMIT = 64, REMOTE_LIMIT = 16 /* smarthosts of a route */ };

struct words {
	char *items[WORD_LIMIT]; /* secrets among them */
	size_t count;
};

struct reader {
	const struct source_room *room;
	char *directory;
	struct source source;
	char *allmailfrom;
	char *titles[REMOTE_LIMIT];
	size_t count;
};

static void finish_words(struct words *words)
{
	for (size_t i = 0; i < words->count; i++)
		memory_free_secret(&words->items[i]);
}

static void finish(struct reader *reader)
{
	for (size_t i = 0; i < reader->count; i++)
		free(reader->titles[i]);
	free(reader->directory);
	free(reader->allmailfrom);
	source_finish(&reader->source);
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f';
}

/* One word off rest, without its quotes; NULL at the end. */
static char *take_word(struct span *rest)
{
	size_t at = 0;

	while (at < rest->length && is_space(rest->start[at]))
		at++;
	*rest = span_after(*rest, at);
	if (rest->length == 0)
		return NULL;
	char *word = memory_allocate(rest->length + 1);
	size_t length = 0;
	char quote = '\0';

	for (at = 0; at < rest->length && (quote != '\0' || !is_space(rest->start[at])); at++) {
		char c = rest->start[at];

		if (quote != '\0' && c == quote)
			quote = '\0';
		else if (quote == '\0' && (c == '\'' || c == '"'))
			quote = c;
		else if (c == '\\' && quote != '\'' && at + 1 < rest->length)
			word[length++] = rest->start[++at];
		else if (c != '\\' || quote == '\'')
			word[length++] = c;
	}
	*rest = span_after(*rest, at);
	return word;
}

static void split(struct span line, struct words *words)
{
	struct span rest = line;
	char *word = NULL;

	while (words->count < WORD_LIMIT && (word = take_word(&rest)) != NULL)
		words->items[words->count++] = word;
}

static void note(struct reader *reader, enum plan_note_kind kind, const char *text)
{
	plan_note(reader->room->plan, kind, reader->source.path, reader->source.line, "%s", text);
}

static bool take_flag(struct reader *reader, struct account *account, const char *name)
{
	if (strcmp(name, "ssl") == 0 || strcmp(name, "tls") == 0)
		account->tls = ACCOUNT_TLS_AT_ONCE;
	else if (strcmp(name, "starttls") == 0)
		account->tls = ACCOUNT_TLS_MUST;
	else if (strcmp(name, "auth-login") == 0)
		account->auth = memory_copy_string("login");
	else if (strcmp(name, "insecure") == 0)
		note(reader, PLAN_CHANGED,
		    "--insecure took any certificate; now it is verified, or pinned by "
		    "tls_fingerprint");
	else if (strcmp(name, "x509fmtder") == 0)
		note(reader, PLAN_LOST, "--x509fmtder: certificates must be PEM");
	else
		return strcmp(name, "tls-anon-auth") == 0 || name[0] == '\0';
	return true;
}

static bool take_value(struct account *account, const char *name, struct span value)
{
	if (strcmp(name, "port") == 0)
		account->port = account_port(value);
	else if (strcmp(name, "user") == 0)
		account_take(&account->user, value);
	else if (strcmp(name, "pass") == 0)
		account_take_secret(&account->password, value);
	else if (strcmp(name, "x509cafile") == 0)
		account_take(&account->ca_file, value);
	else if (strcmp(name, "x509certfile") == 0)
		account_take(&account->client_cert, value);
	else if (strcmp(name, "x509keyfile") == 0)
		account_take(&account->client_key, value);
	else if (strcmp(name, "source") == 0)
		account_take(&account->source, value);
	else
		return false;
	return true;
}

/* Options that want a value, which may be the next word. */
static bool wants_value(const char *name)
{
	static const char *const names[] = { "port", "user", "pass", "x509cafile", "x509certfile",
		"x509keyfile", "x509crlfile", "source", "p" };

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return false;
}

static void take_option(
    struct reader *reader, struct account *account, const struct words *words, size_t *index)
{
	const char *word = words->items[*index];

	while (*word == '-')
		word++;
	const char *equal = strchr(word, '=');
	CLEANUP(memory_free_string)
	char *name = equal != NULL ? memory_copy(word, (size_t)(equal - word))
				   : memory_copy_string(word);
	const char *value = equal != NULL ? equal + 1 : NULL;

	if (value == NULL && wants_value(name) && *index + 1 < words->count)
		value = words->items[++*index];
	if (strcmp(name, "p") == 0)
		account_take(&name, span_from_string("port"));
	if (value != NULL && take_value(account, name, span_from_string(value)))
		return;
	if (value == NULL && take_flag(reader, account, name))
		return;
	/* Its name alone: a value might be a password in the wrong place. */
	plan_note(reader->room->plan, PLAN_LOST, reader->source.path, reader->source.line,
	    "the option --%.40s", wants_value(name) || equal != NULL ? name : "?");
}

static void take_remote(struct reader *reader, struct span line)
{
	CLEANUP(finish_words) struct words words = { 0 };
	CLEANUP(account_finish) struct account account = { 0 };

	split(line, &words);
	if (words.count == 0)
		return;
	account.place = (struct account_place){ reader->source.path, reader->source.line };
	if (reader->count >= REMOTE_LIMIT ||
	    !account_set_host(&account, span_from_string(words.items[0]))) {
		note(reader, PLAN_LOST, "this line names no host, or is one too many");
		return;
	}
	if (words.count > 1 && strcmp(words.items[1], "smtp") != 0 && words.items[1][0] != '-') {
		note(reader, PLAN_LOST, "only the protocol smtp is spoken, no QMQP");
		return;
	}
	for (size_t i = words.count > 1 && words.items[1][0] != '-' ? 2 : 1; i < words.count; i++)
		take_option(reader, &account, &words, &i);
	if (account.port == 0)
		account.port = account.tls == ACCOUNT_TLS_AT_ONCE ? 465 : 25;
	if (reader->allmailfrom != NULL) {
		account.from = memory_copy_string(reader->allmailfrom);
		account.from_policy = memory_copy_string("rewrite");
	}
	const char *title = account_add(reader->room->plan, &account);
	if (title != NULL)
		reader->titles[reader->count++] = memory_copy_string(title);
}

static char *path_of(const struct reader *reader, const char *name)
{
	return memory_format("%s/%s", reader->directory, name);
}

/* The setting that is the first line of a file. */
static char *setting(const struct reader *reader, const char *name)
{
	CLEANUP(memory_free_string) char *path = path_of(reader, name);

	return source_first_line(reader->room, path);
}

/* defaulthost, or me, made whole by defaultdomain where it has no dot. */
static void take_domain(struct reader *reader)
{
	CLEANUP(memory_free_string) char *host = setting(reader, "defaulthost");
	CLEANUP(memory_free_string) char *domain = setting(reader, "defaultdomain");
	CLEANUP(memory_free_string) char *path = NULL;
	CLEANUP(memory_free_string) char *whole = NULL;

	path = path_of(reader, host != NULL ? "defaulthost" : "me");
	if (host == NULL)
		host = setting(reader, "me");
	if (host == NULL && domain != NULL) {
		account_take(&host, span_from_string(domain));
		account_take(&domain, span_from_string(""));
		free(path);
		path = path_of(reader, "defaultdomain");
	}
	if (host == NULL)
		return;
	whole = strchr(host, '.') == NULL && domain != NULL ? memory_format("%s.%s", host, domain)
							    : memory_copy_string(host);
	account_identity(reader->room->plan, "domain", whole, &(struct account_place){ path, 1 });
}

static void take_identity(struct reader *reader)
{
	CLEANUP(memory_free_string) char *ehlo = setting(reader, "helohost");
	CLEANUP(memory_free_string) char *path = path_of(reader, "helohost");

	take_domain(reader);
	account_identity(reader->room->plan, "ehlo", ehlo, &(struct account_place){ path, 1 });
}

static void take_admin(struct reader *reader)
{
	CLEANUP(memory_free_string) char *path = path_of(reader, "adminaddr");
	CLEANUP(memory_free_string) char *address = setting(reader, "adminaddr");
	struct account_place place = { path, 1 };

	if (address == NULL)
		return;
	account_alias(reader->room->plan, "root", span_from_string(address), &place);
	if (plan_find(reader->room->plan, "alias", "root") != NULL)
		account_alias(reader->room->plan, "*", span_from_string("root"), &place);
}

/* Seconds, but for queuelifetime, which nullmailer takes in seconds, too. */
static void take_times(struct reader *reader)
{
	CLEANUP(memory_free_string) char *path = path_of(reader, "queuelifetime");
	CLEANUP(memory_free_string) char *lifetime = setting(reader, "queuelifetime");
	CLEANUP(memory_free_string) char *pause = setting(reader, "pausetime");
	CLEANUP(memory_free_string) char *longest = setting(reader, "maxpause");
	uint64_t seconds = 0;

	if (lifetime != NULL && span_to_number(span_from_string(lifetime), &seconds) &&
	    seconds >= 3600 && seconds <= 366ull * 86400) {
		CLEANUP(memory_free_string) char *text = memory_format("%us", (unsigned)seconds);
		plan_set(plan_block(reader->room->plan, "queue", NULL), "lifetime", text);
	} else if (lifetime != NULL) {
		plan_note(reader->room->plan, PLAN_LOST, path, 1,
		    "queuelifetime: queue.lifetime stays 5d");
	}
	CLEANUP(memory_free_string)
	char *where = path_of(reader, pause != NULL ? "pausetime" : "maxpause");
	if (pause != NULL || longest != NULL)
		plan_note(reader->room->plan, PLAN_LOST, where, 1,
		    "pausetime, maxpause: queue { retry = { \"30s\", \"2m\", \"10m\", \"30m\", "
		    "\"1h\" } } is "
		    "what is done here");
}

static void take_lost(struct reader *reader)
{
	static const struct {
		const char *name;
		const char *why;
	} rows[] = {
		{ "sendtimeout", "the protocol's own time limits are kept (RFC 5321)" },
		{ "doublebounceto", "write: queue { bounce = \"you@example.com\" }" },
		{ "idhost", "Message-IDs are made with identity.domain" },
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		CLEANUP(memory_free_string) char *path = path_of(reader, rows[i].name);
		CLEANUP(memory_free_string) char *value = setting(reader, rows[i].name);

		if (value != NULL)
			plan_note(reader->room->plan, PLAN_LOST, path, 1, "%s: %s", rows[i].name,
			    rows[i].why);
	}
	CLEANUP(memory_free_string) char *all = path_of(reader, "allmailfrom");
	if (reader->allmailfrom != NULL)
		plan_note(reader->room->plan, PLAN_CHANGED, all, 1,
		    "allmailfrom changed the envelope alone; now From is changed, too");
}

/* Where two remotes are there, the second takes over while the first is down. */
static void add_route(struct reader *reader)
{
	for (size_t i = 0; i < reader->count && reader->count > 1; i++)
		plan_add(
		    plan_block(reader->room->plan, "route", "default"), "via", reader->titles[i]);
}

/* remotes itself may be what was named. */
static char *directory_of(char *const *files, size_t count)
{
	char *directory = memory_copy_string(count != 0 ? files[0] : default_directory);
	char *slash = strrchr(directory, '/');

	if (slash != NULL && strcmp(slash, "/remotes") == 0)
		*slash = '\0';
	else if (strcmp(directory, "remotes") == 0)
		account_take(&directory, span_from_string("."));
	return directory;
}

int nullmailer_read(
    const struct source_room *room, char *const *files, size_t count, struct error *error)
{
	CLEANUP(finish)
	struct reader reader = { .room = room, .directory = directory_of(files, count) };
	CLEANUP(memory_free_string) char *path = path_of(&reader, "remotes");
	struct span line;
	int outcome = source_open(room, path, &reader.source, error);

	if (outcome > 0)
		return error_set(error, ERROR_NO_INPUT, "5.3.5", "there is no %s", path);
	if (outcome < 0)
		return -1;
	reader.allmailfrom = setting(&reader, "allmailfrom");
	while (source_next(&reader.source, &line)) {
		line = span_trim(line);
		if (line.length != 0 && line.start[0] != '#')
			take_remote(&reader, line);
	}
	if (reader.count == 0)
		return error_set(error, ERROR_DATA, "5.3.5", "%s has no remote", path);
	add_route(&reader);
	take_identity(&reader);
	take_admin(&reader);
	take_times(&reader);
	take_lost(&reader);
	return 0;
}
