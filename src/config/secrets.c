/* SPDX-License-Identifier: MIT */

#include "config/secrets.h"

#include <errno.h>
#include <fcntl.h>
#include <iniparser.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/file.h"
#include "base/memory.h"
#include "config/environment.h"
#include "config/lint.h"
#include "config/unreadable.h"
#include "smtp/token_command.h"

enum { SECRETS_LIMIT = 1 << 20 };

static void wipe_dictionary(dictionary **entries)
{
	if (*entries == NULL)
		return;
	for (ssize_t i = 0; i < (ssize_t)(*entries)->size; i++)
		if ((*entries)->val[i] != NULL)
			explicit_bzero((*entries)->val[i], strlen((*entries)->val[i]));
	iniparser_freedict(*entries);
	*entries = NULL;
}

bool secrets_are_of_runtime(const char *path)
{
	struct span span = span_from_string(path);
	const char *credentials = getenv("CREDENTIALS_DIRECTORY");

	if (span_starts_with(span, "/run/secrets/") || span_starts_with(span, "/run/credentials/"))
		return true;
	if (credentials == NULL || credentials[0] != '/' || !environment_counts())
		return false;
	return span_starts_with(span, credentials) && path[strlen(credentials)] == '/';
}

static int refuse_unreadable(const char *path, int number, struct error *error)
{
	return unreadable_refuse(path, number, secrets_are_of_runtime(path), error);
}

/* A secret that everyone on the machine may read is none. */
static int check_mode(const char *path, int fd, struct error *error)
{
	struct stat status;

	if (fstat(fd, &status) < 0)
		return error_system(error, "cannot look at %s", path);
	if ((status.st_mode & (S_IROTH | S_IWOTH)) == 0 || secrets_are_of_runtime(path))
		return 0;
	CLEANUP(memory_free_string) char *mode = unreadable_mode(&status);
	error_set(error, ERROR_CONFIG, "5.3.5",
	    "%s holds passwords and is %s: everyone on this machine may %s it", path, mode,
	    (status.st_mode & S_IROTH) != 0 ? "read" : "change");
	error_code(error, "MC-CONF-14");
	return error_next(error, "chmod o= %s", path);
}

/* 0, or 1 when the file is missing. */
static int read_text(const char *path, struct buffer *text, struct error *error)
{
	CLEANUP(file_close) int fd = file_open_to_read(path);

	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return 1;
	if (fd < 0)
		return refuse_unreadable(path, errno, error);
	if (check_mode(path, fd, error) < 0)
		return -1;
	int outcome = file_read_to_end(fd, text);
	if (outcome < 0)
		return refuse_unreadable(path, errno, error);
	if (outcome > 0)
		return error_set(
		    error, ERROR_CONFIG, "5.3.5", "%s is larger than %zu bytes", path, text->limit);
	return 0;
}

/* What iniparser has to say would go to stderr; lint has said it before. */
static int ignore_complaint(const char *format, ...) __attribute__((format(printf, 1, 2)));

static int ignore_complaint(const char *format, ...)
{
	(void)format;
	return 0;
}

static char *lookup(const dictionary *entries, const char *section, const char *key)
{
	CLEANUP(memory_free_string) char *name = memory_format("%s:%s", section, key);
	const char *value = iniparser_getstring(entries, name, NULL);

	return value != NULL && value[0] != '\0' ? memory_copy_string(value) : NULL;
}

/* password_file and token_file are found from where secrets.ini lies, not from where we happen to
 * run. */
static char *path_beside(const char *path, const char *name)
{
	const char *slash = strrchr(path, '/');

	if (name[0] == '/' || slash == NULL)
		return memory_copy_string(name);
	return memory_format(
	    "%.*s/%s", span_int(span_from_bytes(path, (size_t)(slash - path))), path, name);
}

static int read_secret_file(
    const char *path, const char *key, const char *name, char **secret, struct error *error)
{
	CLEANUP(memory_free_string) char *full = path_beside(path, name);
	CLEANUP(file_close) int fd = file_open_to_read(full);

	if (fd < 0 && errno != ENOENT && errno != ENOTDIR)
		return refuse_unreadable(full, errno, error);
	if (fd >= 0 && check_mode(full, fd, error) < 0)
		return -1;
	int outcome = environment_read_secret_file(full, secret, error);
	if (outcome > 0)
		return error_set(error, ERROR_CONFIG, "5.3.5",
		    "%s names the %s %s, which does not exist", path, key, full);
	return outcome;
}

struct login {
	char *user;
	char *password;
	char *token;
	char *command;
};

static void finish_login(struct login *login)
{
	free(login->user);
	memory_free_secret(&login->password);
	memory_free_secret(&login->token);
	memory_free_secret(&login->command);
}

static int refuse_both(
    const char *path, const char *section, const char *one, const char *other, struct error *error)
{
	error_set(
	    error, ERROR_CONFIG, "5.3.5", "%s: [%s] has both %s and %s", path, section, one, other);
	return error_next(error, "remove one of the two");
}

/* The secret as it stands there, or from the file that stands there. */
static int read_secret(const dictionary *entries, const char *path, const char *section,
    const char *key, char **secret, struct error *error)
{
	CLEANUP(memory_free_string) char *file_key = memory_format("%s_file", key);
	CLEANUP(memory_free_string) char *file = lookup(entries, section, file_key);

	*secret = lookup(entries, section, key);
	if (file == NULL)
		return 0;
	if (*secret != NULL)
		return refuse_both(path, section, key, file_key, error);
	return read_secret_file(path, file_key, file, secret, error);
}

/* Whoever may write it has his command run as us. */
static int check_command(
    const char *path, const char *section, const char *command, struct error *error)
{
	struct token_command words CLEANUP(token_command_finish) = { 0 };
	struct stat status;

	if (token_command_split(command, &words, error) < 0)
		return error_prefix(error, "%s: [%s] token_command: ", path, section);
	if (stat(path, &status) == 0 && (status.st_mode & S_IWOTH) == 0)
		return 0;
	error_set(error, ERROR_CONFIG, "5.3.5",
	    "%s: [%s] token_command is not run: everyone may write this file", path, section);
	return error_next(error, "chmod o-w %s", path);
}

static int read_command(const dictionary *entries, const char *path, const char *section,
    struct login *login, struct error *error)
{
	login->command = lookup(entries, section, "token_command");
	if (login->command == NULL)
		return 0;
	if (login->token != NULL)
		return refuse_both(path, section, "a token", "token_command", error);
	if (login->password != NULL)
		return refuse_both(path, section, "a password", "token_command", error);
	return check_command(path, section, login->command, error);
}

static int load(const char *path, dictionary **entries, struct error *error)
{
	iniparser_set_error_callback(ignore_complaint);
	*entries = iniparser_load(path);
	if (*entries == NULL)
		return error_set(error, ERROR_CONFIG, "5.3.5", "%s cannot be parsed", path);
	return 0;
}

static int read_login(
    const char *path, const char *section, struct login *login, struct error *error)
{
	CLEANUP(wipe_dictionary) dictionary *entries = NULL;

	if (load(path, &entries, error) < 0)
		return -1;
	login->user = lookup(entries, section, "user");
	if (read_secret(entries, path, section, "password", &login->password, error) < 0 ||
	    read_secret(entries, path, section, "token", &login->token, error) < 0)
		return -1;
	if (login->password != NULL && login->token != NULL)
		return refuse_both(path, section, "a password", "a token", error);
	return read_command(entries, path, section, login, error);
}

/* An account's name is an address at most providers, and then the one it may send as. */
static bool is_address(const char *user)
{
	struct span span = span_from_string(user);
	ssize_t at = span_find_byte(span, '@');

	if (span_has_control(span) || strpbrk(user, " <>,;:\"\\()") != NULL)
		return false;
	return at > 0 && at == span_find_last_byte(span, '@') && (size_t)at + 1 < span.length;
}

void secrets_default_from(struct smarthost *smarthost)
{
	if (smarthost->from == NULL && smarthost->user != NULL && is_address(smarthost->user))
		smarthost->from = memory_copy_string(smarthost->user);
}

static int check_login(const char *path, const char *section, const struct smarthost *smarthost,
    const struct login *login, int line, struct error *error)
{
	const char *user = smarthost->user != NULL ? smarthost->user : login->user;
	bool has_secret = login->password != NULL || login->token != NULL || login->command != NULL;
	bool needs_none = smarthost->auth == SMARTHOST_AUTH_EXTERNAL ||
			  (smarthost->auth == SMARTHOST_AUTH_AUTO &&
			      smarthost->client_certificate != NULL);

	if ((user != NULL) == has_secret || line == 0 || (user != NULL && needs_none))
		return 0;
	error_set(error, ERROR_CONFIG, "5.3.5", "%s line %d: [%s] has no %s", path, line, section,
	    user != NULL ? "password" : "user");
	const char *missing = user != NULL ? "password" : "user";
	return error_next(error, "write below it: %s = \"...\", or: mailchute secret set %s %s",
	    missing, section, missing);
}

static void forget_login(struct smarthost *smarthost)
{
	secrets_default_from(smarthost);
	memory_free_string(&smarthost->user);
	memory_free_secret(&smarthost->password);
	memory_free_secret(&smarthost->token);
	memory_free_secret(&smarthost->token_command);
}

/* 1: there is no such file. */
static int read_checked(const char *path, const char *section, struct smarthost *smarthost,
    struct login *login, struct error *error)
{
	CLEANUP(buffer_finish_secret) struct buffer text = { 0 };

	buffer_init(&text, SECRETS_LIMIT);
	int outcome = read_text(path, &text, error);
	if (outcome != 0)
		return outcome;
	int line = lint_find_secret(buffer_span(&text), section, "");
	if (lint_secrets(path, buffer_span(&text), error) < 0 ||
	    read_login(path, section, login, error) < 0)
		return -1;
	return check_login(path, section, smarthost, login, line, error);
}

static void take(char **from, char **to)
{
	*to = *from;
	*from = NULL;
}

int secrets_read(
    const char *path, const char *section, struct smarthost *smarthost, struct error *error)
{
	CLEANUP(finish_login) struct login login = { 0 };

	if (smarthost->auth == SMARTHOST_AUTH_NONE) {
		forget_login(smarthost);
		return 0;
	}
	if (smarthost->password != NULL || smarthost->token != NULL) {
		secrets_default_from(smarthost);
		return 0;
	}
	if (read_checked(path, section, smarthost, &login, error) < 0)
		return -1;
	if (smarthost->user == NULL)
		take(&login.user, &smarthost->user);
	take(&login.password, &smarthost->password);
	take(&login.token, &smarthost->token);
	memory_free_secret(&smarthost->token_command);
	take(&login.command, &smarthost->token_command);
	secrets_default_from(smarthost);
	/* The certificate says who it is. */
	if (smarthost->user == NULL && smarthost->auth == SMARTHOST_AUTH_EXTERNAL)
		smarthost->user = memory_copy_string("");
	return 0;
}

int secrets_value(
    const char *path, const char *section, const char *key, char **value, struct error *error)
{
	CLEANUP(wipe_dictionary) dictionary *entries = NULL;
	CLEANUP(buffer_finish_secret) struct buffer text = { 0 };
	CLEANUP(memory_free_secret) char *found = NULL;

	buffer_init(&text, SECRETS_LIMIT);
	int outcome = read_text(path, &text, error);
	if (outcome != 0)
		return outcome < 0 ? -1 : 0;
	if (lint_secrets(path, buffer_span(&text), error) < 0 || load(path, &entries, error) < 0 ||
	    read_secret(entries, path, section, key, &found, error) < 0)
		return -1;
	if (found != NULL)
		take(&found, value);
	return 0;
}

/* ---- all faults ---- */

struct telling {
	void (*tell)(void *context, const struct error *fault);
	void *context;
	struct error first;
	size_t count;
};

static void add_fault(void *context, const struct error *fault)
{
	struct telling *telling = context;

	if (telling->count++ == 0)
		telling->first = *fault;
	telling->tell(telling->context, fault);
}

/* As if each section were used; whether a user is missing only its smarthost can say. */
static void check_sections(const char *path, struct telling *telling)
{
	CLEANUP(wipe_dictionary) dictionary *entries = NULL;
	struct error error;

	if (load(path, &entries, &error) < 0) {
		add_fault(telling, &error);
		return;
	}
	for (int i = 0; i < iniparser_getnsec(entries); i++) {
		CLEANUP(finish_login) struct login login = { 0 };

		if (read_login(path, iniparser_getsecname(entries, i), &login, &error) < 0)
			add_fault(telling, &error);
	}
}

int secrets_check(const char *path, void (*tell)(void *context, const struct error *fault),
    void *context, struct error *error)
{
	CLEANUP(buffer_finish_secret) struct buffer text = { 0 };
	struct telling telling = { .tell = tell, .context = context };
	struct error fault;

	buffer_init(&text, SECRETS_LIMIT);
	int outcome = read_text(path, &text, &fault);
	if (outcome < 0)
		add_fault(&telling, &fault);
	else if (outcome == 0 &&
		 lint_secrets_telling(path, buffer_span(&text), add_fault, &telling, &fault) == 0)
		check_sections(path, &telling);
	if (telling.count == 0)
		return 0;
	*error = telling.first;
	return -1;
}

char *secrets_warning(const char *path)
{
	struct stat status;

	if (stat(path, &status) < 0 || (status.st_mode & S_IROTH) == 0)
		return NULL;
	CLEANUP(memory_free_string) char *mode = unreadable_mode(&status);
	return memory_format("%s holds a secret and is %s: every user in here may read it; "
			     "Kubernetes: defaultMode: 0440 with fsGroup; Compose: uid and mode",
	    path, mode);
}
