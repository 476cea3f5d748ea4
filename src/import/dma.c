/* SPDX-License-Identifier: MIT */

/*
 * dma.conf: a word and its value a line; '#' cuts a line wherever it stands.
 * auth.conf: LOGIN|HOST:PASSWORD, the rest of the line being the password, and
 * the last line for a host counts.
 */

#include <string.h>
#include <strings.h>

#include "base/memory.h"
#include "import/account.h"
#include "import/predecessor.h"

static const char conf[] = "/etc/dma/dma.conf";
static const char default_auth[] = "/etc/dma/auth.conf";

struct reader {
	const struct source_room *room;
	struct source source;
	struct account account;
	char *auth_path;
	char *masquerade;
	char *mailname;
	int line_of_masquerade;
	int line_of_mailname;
	int secure; /* the line of SECURETRANSFER, and so on; 0: it is not set */
	int starttls;
	int opportunistic;
	int verified;
	int insecure;
};

static void finish(struct reader *reader)
{
	source_finish(&reader->source);
	account_finish(&reader->account);
	memory_free_string(&reader->auth_path);
	memory_free_string(&reader->masquerade);
	memory_free_string(&reader->mailname);
}

static void note(struct reader *reader, enum plan_note_kind kind, const char *text)
{
	plan_note(reader->room->plan, kind, reader->source.path, reader->source.line, "%s", text);
}

static bool take_switch(struct reader *reader, struct span word)
{
	const struct {
		const char *name;
		int *place;
	} switches[] = {
		{ "SECURETRANSFER", &reader->secure },
		{ "STARTTLS", &reader->starttls },
		{ "OPPORTUNISTIC_TLS", &reader->opportunistic },
		{ "VERIFYCERT", &reader->verified },
		{ "INSECURE", &reader->insecure },
	};

	for (size_t i = 0; i < sizeof switches / sizeof switches[0]; i++)
		if (span_equals_string(word, switches[i].name)) {
			*switches[i].place = reader->source.line;
			return true;
		}
	/* As mailchute does always. */
	if (span_equals_string(word, "NULLCLIENT") || span_equals_string(word, "FULLBOUNCE"))
		return true;
	if (!span_equals_string(word, "DEFER"))
		return false;
	note(reader, PLAN_LOST,
	    "DEFER: mail is sent at once, and the queue by the service, not by cron");
	return true;
}

static void take_aliases(struct reader *reader, struct span value)
{
	CLEANUP(memory_free_string) char *path = span_copy(value);

	account_aliases_file(reader->room->plan, path,
	    &(struct account_place){ reader->source.path, reader->source.line });
}

static void take_smarthost(struct reader *reader, struct span value)
{
	reader->account.place = (struct account_place){ reader->source.path, reader->source.line };
	if (!account_set_host(&reader->account, value))
		note(reader, PLAN_LOST, "SMARTHOST names no host");
}

static void take_pair(struct reader *reader, struct span word, struct span value)
{
	if (span_equals_string(word, "SMARTHOST")) {
		take_smarthost(reader, value);
	} else if (span_equals_string(word, "PORT")) {
		reader->account.port = account_port(value);
	} else if (span_equals_string(word, "ALIASES")) {
		take_aliases(reader, value);
	} else if (span_equals_string(word, "AUTHPATH")) {
		account_take(&reader->auth_path, value);
	} else if (span_equals_string(word, "CERTFILE")) {
		account_take(&reader->account.client_cert, value);
	} else if (span_equals_string(word, "FINGERPRINT")) {
		account_take(&reader->account.tls_fingerprint, value);
	} else if (span_equals_string(word, "MASQUERADE")) {
		account_take(&reader->masquerade, value);
		reader->line_of_masquerade = reader->source.line;
	} else if (span_equals_string(word, "MAILNAME")) {
		account_take(&reader->mailname, value);
		reader->line_of_mailname = reader->source.line;
	} else if (span_equals_string(word, "SPOOLDIR")) {
		note(reader, PLAN_LOST,
		    "SPOOLDIR: mailchute has a queue of its own; what waits in dma's is sent by "
		    "dma -q");
	} else if (!span_equals_string(word, "MAILNAMEFILE") &&
		   !span_equals_string(word, "DEBUGLOG")) {
		plan_note(reader->room->plan, PLAN_LOST, reader->source.path, reader->source.line,
		    "dma has no option \"%.*s\"", span_int(span_first(word, 60)), word.start);
	}
}

static void take_line(struct reader *reader, struct span line)
{
	ssize_t hash = span_find_byte(line, '#');
	struct span rest = hash >= 0 ? span_first(line, (size_t)hash) : line;
	struct span word = { 0 };

	if (!span_take_word(&rest, &word))
		return;
	rest = span_trim(rest);
	if (rest.length == 0 && take_switch(reader, word))
		return;
	if (rest.length != 0)
		take_pair(reader, word, rest);
	else if (!span_equals_string(word, "SMARTHOST"))
		plan_note(reader->room->plan, PLAN_LOST, reader->source.path, reader->source.line,
		    "\"%.*s\" has no value", span_int(span_first(word, 60)), word.start);
}

/* LOGIN|HOST:PASSWORD; the password may hold anything, blanks and colons too. */
static bool split_auth(
    struct span line, struct span *login, struct span *host, struct span *password)
{
	ssize_t bar = span_find_byte(line, '|');
	size_t end = 0;

	if (bar <= 0)
		return false;
	struct span rest = span_after(line, (size_t)bar + 1);

	while (end < rest.length && strchr(": \t", rest.start[end]) == NULL)
		end++;
	if (end == 0 || end >= rest.length)
		return false;
	*login = span_first(line, (size_t)bar);
	*host = span_first(rest, end);
	*password = span_after(rest, end + 1);
	return true;
}

static int read_auth(struct reader *reader, const char *path, struct error *error)
{
	CLEANUP(source_finish) struct source source = { 0 };
	struct span line;
	int outcome = source_open(reader->room, path, &source, error);

	if (outcome > 0 && reader->auth_path != NULL)
		plan_note(reader->room->plan, PLAN_LOST, path, 0,
		    "AUTHPATH names this file, and there is none");
	if (outcome != 0)
		return outcome < 0 ? -1 : 0;
	while (source_next(&source, &line)) {
		struct span login;
		struct span host;
		struct span password;

		if (line.length == 0 || line.start[0] == '#')
			continue;
		if (!split_auth(line, &login, &host, &password)) {
			plan_note(reader->room->plan, PLAN_LOST, path, source.line,
			    "this line is no LOGIN|HOST:PASSWORD, and dma refuses the file");
			continue;
		}
		if (reader->account.host == NULL ||
		    !span_equals_string_ignoring_case(host, reader->account.host)) {
			plan_note(reader->room->plan, PLAN_LOST, path, source.line,
			    "the login is for %.*s, which is not the SMARTHOST",
			    span_int(span_first(host, 200)), host.start);
			continue;
		}
		account_take(&reader->account.user, login);
		account_take_secret(&reader->account.password, password);
	}
	return 0;
}

static void take_tls(struct reader *reader)
{
	struct account *account = &reader->account;
	struct plan *plan = reader->room->plan;

	if (account->port == 0)
		account->port = 25;
	if (reader->secure == 0)
		account->tls = ACCOUNT_TLS_NEVER;
	else if (reader->starttls == 0)
		account->tls = ACCOUNT_TLS_AT_ONCE;
	else
		account->tls = reader->opportunistic != 0 ? ACCOUNT_TLS_MAY : ACCOUNT_TLS_MUST;
	if (reader->starttls != 0 && reader->secure == 0)
		plan_note(plan, PLAN_CHANGED, reader->source.path, reader->starttls,
		    "STARTTLS without SECURETRANSFER does nothing in dma: it sent in the clear");
	if (reader->secure != 0 && reader->verified == 0 && account->tls_fingerprint == NULL)
		plan_note(plan, PLAN_CHANGED, reader->source.path, reader->secure,
		    "dma took any certificate (no VERIFYCERT); now it is verified");
	if (reader->insecure != 0 && account->user != NULL)
		plan_note(plan, PLAN_LOST, reader->source.path, reader->insecure,
		    "INSECURE: a password is never sent without TLS");
}

/* A name, or a file whose first line is it. */
static void take_mailname(struct reader *reader)
{
	CLEANUP(memory_free_string) char *name = NULL;

	if (reader->mailname == NULL)
		return;
	/* Which is the default of identity.domain, too. */
	if (strcmp(reader->mailname, "/etc/mailname") == 0)
		return;
	if (reader->mailname[0] == '/')
		name = source_first_line(reader->room, reader->mailname);
	else
		name = memory_copy_string(reader->mailname);
	account_identity(reader->room->plan, "domain", name,
	    &(struct account_place){ reader->source.path, reader->line_of_mailname });
}

/* "user@host": all mail; "host": the domain of all senders; "user@": the name alone. */
static void take_masquerade(struct reader *reader)
{
	const char *text = reader->masquerade;
	const char *at = text != NULL ? strrchr(text, '@') : NULL;
	struct account_place place = { reader->source.path, reader->line_of_masquerade };

	if (text == NULL)
		return;
	if (at == NULL || at == text) {
		account_identity(reader->room->plan, "domain", at == NULL ? text : at + 1, &place);
	} else if (at[1] != '\0') {
		reader->account.from = memory_copy_string(text);
		reader->account.from_policy = memory_copy_string("rewrite");
		plan_note(reader->room->plan, PLAN_CHANGED, place.file, place.line,
		    "MASQUERADE changed the envelope alone; now From is changed, too");
	} else {
		plan_note(reader->room->plan, PLAN_LOST, place.file, place.line,
		    "MASQUERADE %s has no domain; write: from = \"%sexample.com\"", text, text);
	}
}

int dma_read(const struct source_room *room, char *const *files, size_t count, struct error *error)
{
	CLEANUP(finish) struct reader reader = { .room = room };
	const char *path = count > 0 ? files[0] : conf;
	struct span line;
	int outcome = source_open(room, path, &reader.source, error);

	if (outcome > 0)
		return error_set(error, ERROR_NO_INPUT, "5.3.5", "there is no %s", path);
	if (outcome < 0)
		return -1;
	while (source_next(&reader.source, &line))
		take_line(&reader, line);
	if (reader.account.host == NULL) {
		error_set(error, ERROR_DATA, "5.3.5",
		    "%s has no SMARTHOST: dma sends to each recipient's own server, which "
		    "mailchute "
		    "does not do",
		    path);
		return error_next(error, "choose a provider: mailchute setup");
	}
	const char *auth = count > 1 ? files[1] : reader.auth_path;
	if (auth == NULL && count == 0 && source_exists(room, default_auth))
		plan_note(room->plan, PLAN_CHANGED, path, 0,
		    "there is no AUTHPATH, so dma made no login, although %s is there",
		    default_auth);
	if (auth != NULL && read_auth(&reader, auth, error) < 0)
		return -1;
	take_tls(&reader);
	take_masquerade(&reader);
	(void)account_add(room->plan, &reader.account);
	take_mailname(&reader);
	return 0;
}
