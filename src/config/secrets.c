/* SPDX-License-Identifier: MIT */

#include "config/secrets.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <iniparser.h>
#include <pwd.h>
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

/* Where the runtime, not an administrator's chmod, decides who reads a file. */
static bool is_runtime_secret(const char *path)
{
	struct span span = span_from_string(path);
	const char *credentials = getenv("CREDENTIALS_DIRECTORY");

	if (span_starts_with(span, "/run/secrets/") || span_starts_with(span, "/run/credentials/"))
		return true;
	if (credentials == NULL || credentials[0] != '/' || !environment_counts())
		return false;
	return span_starts_with(span, credentials) && path[strlen(credentials)] == '/';
}

static char *user_label(uid_t uid)
{
	const struct passwd *entry = getpwuid(uid);

	return entry != NULL ? memory_format("%s (%u)", entry->pw_name, (unsigned)uid)
			     : memory_format("uid %u", (unsigned)uid);
}

/* "0600 root:root" */
static char *mode_label(const struct stat *status)
{
	const struct passwd *user = getpwuid(status->st_uid);
	CLEANUP(memory_free_string)
	char *owner = user != NULL ? memory_copy_string(user->pw_name)
				   : memory_format("%u", (unsigned)status->st_uid);
	const struct group *group = getgrgid(status->st_gid);

	if (group == NULL)
		return memory_format("%04o %s:%u", (unsigned)status->st_mode & 07777, owner,
		    (unsigned)status->st_gid);
	return memory_format(
	    "%04o %s:%s", (unsigned)status->st_mode & 07777, owner, group->gr_name);
}

static int refuse_unreadable(const char *path, int number, struct error *error)
{
	CLEANUP(memory_free_string) char *user = user_label(geteuid());
	CLEANUP(memory_free_string) char *mode = NULL;
	struct stat status = { 0 };

	mode = stat(path, &status) == 0 ? mode_label(&status)
					: memory_copy_string("in a directory closed to it");
	error_set(error, ERROR_CONFIG, "4.3.5", "cannot read %s as %s: %s, the file is %s", path,
	    user, strerror(number), mode);
	if (is_runtime_secret(path))
		return error_next(error,
		    "make the secret readable for this user: Kubernetes: defaultMode: 0440 with "
		    "fsGroup; Compose: uid or mode of the secret");
	return error_next(error,
	    "let the service read it: chgrp mailchute %s && chmod 640 %s, and start the service: "
	    "systemctl enable --now mailchute.socket",
	    path, path);
}

/* A secret that everyone on the machine may read is none. */
static int check_mode(const char *path, int fd, struct error *error)
{
	struct stat status;

	if (fstat(fd, &status) < 0)
		return error_system(error, "cannot look at %s", path);
	if ((status.st_mode & S_IROTH) == 0 || is_runtime_secret(path))
		return 0;
	CLEANUP(memory_free_string) char *mode = mode_label(&status);
	error_set(error, ERROR_CONFIG, "5.3.5",
	    "%s holds passwords and is %s: everyone on this machine may read it", path, mode);
	return error_next(error, "chmod o= %s", path);
}

/* 0, or 1 when the file is missing. */
static int read_text(const char *path, struct buffer *text, struct error *error)
{
	CLEANUP(file_close) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

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
	CLEANUP(file_close) int fd = open(full, O_RDONLY | O_CLOEXEC | O_NOCTTY);

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
};

static void finish_login(struct login *login)
{
	free(login->user);
	memory_free_secret(&login->password);
	memory_free_secret(&login->token);
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

static int read_login(
    const char *path, const char *section, struct login *login, struct error *error)
{
	CLEANUP(wipe_dictionary) dictionary *entries = NULL;

	iniparser_set_error_callback(ignore_complaint);
	entries = iniparser_load(path);
	if (entries == NULL)
		return error_set(error, ERROR_CONFIG, "5.3.5", "%s cannot be parsed", path);
	login->user = lookup(entries, section, "user");
	if (read_secret(entries, path, section, "password", &login->password, error) < 0 ||
	    read_secret(entries, path, section, "token", &login->token, error) < 0)
		return -1;
	if (login->password != NULL && login->token != NULL)
		return refuse_both(path, section, "a password", "a token", error);
	return 0;
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
	bool has_secret = login->password != NULL || login->token != NULL;
	bool needs_none = smarthost->auth == SMARTHOST_AUTH_EXTERNAL ||
			  (smarthost->auth == SMARTHOST_AUTH_AUTO &&
			      smarthost->client_certificate != NULL);

	if ((user != NULL) == has_secret || line == 0 || (user != NULL && needs_none))
		return 0;
	error_set(error, ERROR_CONFIG, "5.3.5", "%s line %d: [%s] has no %s", path, line, section,
	    user != NULL ? "password" : "user");
	return error_next(
	    error, "write below it: %s = \"...\"", user != NULL ? "password" : "user");
}

static void forget_login(struct smarthost *smarthost)
{
	secrets_default_from(smarthost);
	memory_free_string(&smarthost->user);
	memory_free_secret(&smarthost->password);
	memory_free_secret(&smarthost->token);
}

int secrets_read(
    const char *path, const char *section, struct smarthost *smarthost, struct error *error)
{
	CLEANUP(buffer_finish_secret) struct buffer text = { 0 };
	CLEANUP(finish_login) struct login login = { 0 };

	if (smarthost->auth == SMARTHOST_AUTH_NONE) {
		forget_login(smarthost);
		return 0;
	}
	if (smarthost->password != NULL || smarthost->token != NULL) {
		secrets_default_from(smarthost);
		return 0;
	}
	buffer_init(&text, SECRETS_LIMIT);
	int outcome = read_text(path, &text, error);
	if (outcome < 0)
		return -1;
	if (outcome == 0) {
		int line = lint_find_secret(buffer_span(&text), section, "");

		if (lint_secrets(path, buffer_span(&text), error) < 0 ||
		    read_login(path, section, &login, error) < 0 ||
		    check_login(path, section, smarthost, &login, line, error) < 0)
			return -1;
	}
	if (smarthost->user == NULL) {
		smarthost->user = login.user;
		login.user = NULL;
	}
	smarthost->password = login.password;
	login.password = NULL;
	smarthost->token = login.token;
	login.token = NULL;
	secrets_default_from(smarthost);
	/* The certificate says who it is. */
	if (smarthost->user == NULL && smarthost->auth == SMARTHOST_AUTH_EXTERNAL)
		smarthost->user = memory_copy_string("");
	return 0;
}
