/* SPDX-License-Identifier: MIT */

/*
 * mailchute secret: logins and passwords, written right and never shown
 *
 * A secret is asked for at the terminal or read from standard input, and
 * never taken from an argument: those can be read by everybody.
 */

#include "admin/secret.h"

#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "admin/ask.h"
#include "admin/command.h"
#include "base/buffer.h"
#include "base/memory.h"
#include "base/nearest.h"
#include "base/process.h"
#include "config/config.h"
#include "config/secrets.h"
#include "config/secrets_file.h"
#include "import/providers.h"

static const char usage[] =
    "usage: mailchute secret set NAME [KEY [VALUE]] [--user LOGIN] [--file PATH] [--no-restart]\n"
    "       mailchute secret list [--file PATH]\n"
    "\n"
    "set: asks for login and password of the smarthost NAME and writes them to secrets.ini.\n"
    "KEY alone: user, password, token, password_file, token_file or token_command.  A\n"
    "password or token is typed without showing, or is the one line of standard input:\n"
    "    mailchute secret set gmail\n"
    "    mailchute secret set gmail password < file\n"
    "    mailchute secret set work token_command \"/usr/local/bin/token --account work\"\n"
    "list: which smarthost has which login, and where its secret stands; never the secret.\n";

/* systemd's copy of the file, which stays as it was when the service began. */
static const char credentials[] = "/run/credentials/mailchute.service";

struct setting {
	const char *name;			  /* as given */
	const char *section;			  /* of secrets.ini */
	const char *key;			  /* NULL: login and password */
	const char *value;			  /* of a key that is no secret; NULL: ask */
	const char *user;			  /* --user */
	const char *path;			  /* of secrets.ini */
	const struct config_smarthost *smarthost; /* NULL: none, or unknown */
	bool has_config;			  /* no file was named */
	bool may_restart;
};

/* ---- which section ---- */

static const char **list_names(const struct config *config, size_t *count)
{
	const char **names = memory_allocate((2 * config->smarthost_count + 1) * sizeof *names);

	*count = 0;
	for (size_t i = 0; i < config->smarthost_count; i++) {
		names[(*count)++] = config->smarthosts[i].parameters.name;
		names[(*count)++] = config->smarthosts[i].secret;
	}
	return names;
}

static void free_names(const char ***names)
{
	free(*names);
}

static int refuse_name(const struct config *config, const char *name, struct error *error)
{
	struct buffer known CLEANUP(buffer_finish) = { 0 };
	size_t count;
	const char **names CLEANUP(free_names) = list_names(config, &count);
	const char *nearest = nearest_name(span_from_string(name), names, count);

	error_set(
	    error, ERROR_USAGE, "5.5.4", "there is no smarthost \"%s\" in the configuration", name);
	if (nearest != NULL)
		return error_next(error, "mailchute secret set %s", nearest);
	buffer_init(&known, 200);
	for (size_t i = 0; i < config->smarthost_count; i++)
		buffer_format(
		    &known, "%s%s", i != 0 ? ", " : "", config->smarthosts[i].parameters.name);
	return error_next(error, "those that are: %s%s", buffer_string(&known),
	    known.has_overflowed ? " ..." : "");
}

/* Its title, or the name of its section. */
static int find_smarthost(const struct config *config, struct setting *setting, struct error *error)
{
	setting->smarthost = config_find_smarthost(config, setting->name);
	for (size_t i = 0; i < config->smarthost_count && setting->smarthost == NULL; i++)
		if (strcmp(config->smarthosts[i].secret, setting->name) == 0)
			setting->smarthost = &config->smarthosts[i];
	if (setting->smarthost != NULL)
		setting->section = setting->smarthost->secret;
	else if (config->smarthost_count != 0)
		return refuse_name(config, setting->name, error);
	return 0;
}

/* ---- what is written ---- */

static bool is_secret(const char *key)
{
	return strcmp(key, "password") == 0 || strcmp(key, "token") == 0;
}

static bool is_key(const char *word)
{
	static const char *const keys[] = { "user", "password", "token", "password_file",
		"token_file", "token_command" };

	for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
		if (strcmp(word, keys[i]) == 0)
			return true;
	return false;
}

/* The login that will be in force; NULL: none is known. */
static char *known_user(const struct setting *setting)
{
	char *user = NULL;
	struct error error;

	if (setting->smarthost != NULL && setting->smarthost->parameters.user != NULL)
		return memory_copy_string(setting->smarthost->parameters.user);
	(void)secrets_value(setting->path, setting->section, "user", &user, &error);
	return user;
}

static const struct provider *provider_of(const struct setting *setting)
{
	const char *host = setting->smarthost != NULL ? setting->smarthost->parameters.host : NULL;

	return host != NULL ? providers_find_host(host) : NULL;
}

/* At most of them the account's own password is the wrong one. */
static void print_provider(const struct setting *setting)
{
	const struct provider *provider = provider_of(setting);

	if (provider == NULL || !ask_is_possible() || setting->value != NULL ||
	    (setting->key != NULL && strcmp(setting->key, "password") != 0))
		return;
	fprintf(stderr, "%s: %s\n  %s\n", provider->title, provider->peculiarity, provider->page);
}

static char *user_prompt(const struct setting *setting, const char *usual)
{
	const struct provider *provider = provider_of(setting);
	const char *what = provider != NULL ? provider->login : NULL;

	return memory_format("login at %s%s%s%s%s%s%s: ", setting->name, what != NULL ? " (" : "",
	    what != NULL ? what : "", what != NULL ? ")" : "", usual != NULL ? " [" : "",
	    usual != NULL ? usual : "", usual != NULL ? "]" : "");
}

/* *answer stays NULL where the login that is known stays. */
static int ask_user(const struct setting *setting, char **answer, struct error *error)
{
	const struct provider *provider = provider_of(setting);
	const char *fixed = provider != NULL ? provider->fixed_login : NULL;
	char *known CLEANUP(memory_free_string) = known_user(setting);
	char *prompt CLEANUP(memory_free_string) = user_prompt(
	    setting, known != NULL ? known : fixed);

	if (!ask_is_possible() && known == NULL && fixed == NULL) {
		error_set(
		    error, ERROR_USAGE, "5.5.4", "no login is known for [%s]", setting->section);
		return error_next(
		    error, "... | mailchute secret set %s --user you@example.com", setting->name);
	}
	if (ask_is_possible() && ask_line(prompt, answer, error) < 0)
		return -1;
	if (*answer != NULL && (*answer)[0] == '\0')
		memory_free_string(answer);
	if (*answer == NULL && known == NULL && fixed != NULL)
		*answer = memory_copy_string(fixed);
	return 0;
}

static int ask_value(const struct setting *setting, char **answer, struct error *error)
{
	const char *key = setting->key != NULL ? setting->key : "password";
	char *prompt CLEANUP(memory_free_string) = memory_format(
	    "%s for %s%s: ", key, setting->name, is_secret(key) ? " (it does not show)" : "");

	if (setting->value != NULL) {
		*answer = memory_copy_string(setting->value);
		return 0;
	}
	return is_secret(key) ? ask_secret(prompt, answer, error) : ask_line(prompt, answer, error);
}

/* So many characters, for whoever pasted half of it. */
static size_t count_characters(const char *text)
{
	size_t count = 0;

	for (; *text != '\0'; text++)
		count += ((unsigned char)*text & 0xc0) != 0x80;
	return count;
}

static void print_secret(const struct setting *setting, const char *key, const char *value,
    const struct secrets_written *written)
{
	size_t length = strlen(value);

	if (is_secret(key))
		printf("[%s] %s of %zu characters written to %s (%s %s)\n", setting->section, key,
		    count_characters(value),
		    written->own_file != NULL ? written->own_file : setting->path, written->mode,
		    written->owner);
	else
		printf("[%s] %s written to %s (%s %s)\n", setting->section, key, setting->path,
		    written->mode, written->owner);
	if (written->own_file != NULL)
		printf("[%s] it has a file of its own, for no line of secrets.ini can hold it; "
		       "%s_file names it\n",
		    setting->section, key);
	if (length != 0 && (value[0] == ' ' || value[length - 1] == ' '))
		printf(
		    "[%s] note: it begins or ends with a blank, which is kept\n", setting->section);
}

/* Root's file of before the package came, say. */
static void note_closed(const struct setting *setting, const struct secrets_written *written)
{
	const char *group = strchr(written->owner, ':');
	bool is_readable = group != NULL && strcmp(group, ":mailchute") == 0 &&
			   strchr("4567", written->mode[2]) != NULL;
	struct stat status;

	if (is_readable || !setting->has_config || geteuid() != 0 ||
	    getgrnam("mailchute") == NULL || stat(credentials, &status) == 0)
		return;
	printf("note: the service cannot read it: chgrp mailchute %s%s%s && chmod 640 %s%s%s\n",
	    setting->path, written->own_file != NULL ? " " : "",
	    written->own_file != NULL ? written->own_file : "", setting->path,
	    written->own_file != NULL ? " " : "",
	    written->own_file != NULL ? written->own_file : "");
}

static void print_written(const struct setting *setting, const struct secrets_written *written)
{
	if (written->gave_way != NULL)
		printf("[%s] taken out, for a section has one secret: %s\n", setting->section,
		    written->gave_way);
	if (written->fault_count != 0)
		printf("note: %zu other fault%s of the file remain%s, and until then it cannot be "
		       "used: mailchute secret list\n",
		    written->fault_count, written->fault_count != 1 ? "s" : "",
		    written->fault_count != 1 ? "" : "s");
	if (written->was_open)
		printf("%s could be read by everyone on this machine until now: whoever has seen "
		       "its passwords still knows them\n",
		    setting->path);
}

static void print_notes(const struct setting *setting)
{
	const struct config_smarthost *smarthost = setting->smarthost;
	char *user CLEANUP(memory_free_string) = known_user(setting);

	if (smarthost == NULL && setting->has_config)
		printf(
		    "note: no smarthost uses [%s] yet; write to mailchute.conf: smarthost \"%s\" "
		    "{ url = \"smtp+tls://smtp.example.com:587\" }\n",
		    setting->section, setting->section);
	else if (smarthost == NULL)
		return;
	else if (smarthost->parameters.password != NULL || smarthost->parameters.token != NULL)
		printf("note: a secret for %s comes from MAILCHUTE_URL, MAILCHUTE_PASSWORD, "
		       "MAILCHUTE_TOKEN, their _FILE or /run/secrets, and goes before this one\n",
		    setting->name);
	else if (smarthost->parameters.auth == SMARTHOST_AUTH_NONE)
		printf("note: smarthost \"%s\" has auth = \"none\", so there is no login\n",
		    setting->name);
	if (user == NULL)
		printf(
		    "note: there is no login yet: mailchute secret set %s user\n", setting->name);
}

/* ---- the running service ---- */

/* Without our variables: they may hold secrets. */
static int restart_service(void)
{
	static const char *const programs[] = { "/usr/bin/systemctl", "/bin/systemctl" };
	int status = -1;

	fflush(NULL);
	pid_t child = fork();
	if (child == 0) {
		static char path[] = "PATH=/usr/bin:/bin";
		char *const variables[] = { path, NULL };

		for (size_t i = 0; i < sizeof programs / sizeof programs[0]; i++)
			execle(programs[i], "systemctl", "try-restart", "mailchute.service",
			    (char *)NULL, variables);
		_exit(127);
	}
	while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR)
		continue;
	return child > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -1;
}

static void tell_when(const struct setting *setting, const struct secrets_written *written)
{
	static const char command[] = "systemctl restart mailchute.service";
	struct stat status;

	if (!setting->has_config)
		return;
	if (stat(credentials, &status) < 0) {
		printf("It is used at the next login, without a restart; what waits is tried by: "
		       "mailchute queue flush\n");
		return;
	}
	if (written->own_file != NULL)
		printf("The service reads copies that systemd makes (LoadCredential): add "
		       "LoadCredential=%s:%s\n",
		    strrchr(written->own_file, '/') + 1, written->own_file);
	if (!setting->may_restart || geteuid() != 0 || restart_service() < 0)
		printf("The service keeps the copy that systemd made when it began "
		       "(LoadCredential), so run: %s\n",
		    command);
	else
		printf(
		    "mailchute.service has been started anew, for it keeps the copy that systemd "
		    "made when it began (LoadCredential)\n");
}

/* ---- set ---- */

static int refuse_argument(const struct setting *setting, struct error *error)
{
	error_set(error, ERROR_USAGE, "5.5.4",
	    "a %s is not taken from an argument: arguments show to everyone in ps, and stay in the "
	    "shell's history",
	    setting->key);
	return error_next(error,
	    "mailchute secret set %s %s asks for it; if it was the real one, "
	    "change it at the provider",
	    setting->name, setting->key);
}

static int check_words(struct setting *setting, char **words, int count, struct error *error)
{
	if (count < 1 || count > 3)
		return error_set(error, ERROR_USAGE, "5.5.4",
		    count < 1 ? "secret set: which smarthost?" : "secret set: too many words");
	setting->name = setting->section = words[0];
	setting->key = count > 1 ? words[1] : NULL;
	setting->value = count > 2 ? words[2] : NULL;
	if (setting->key == NULL || is_key(setting->key))
		return setting->value != NULL && is_secret(setting->key)
			   ? refuse_argument(setting, error)
			   : 0;
	/* It may be the password itself. */
	error_set(error, ERROR_USAGE, "5.5.4", "the word behind %s is no key", setting->name);
	return error_next(error, "keys: user, password, token, password_file, token_file, "
				 "token_command; the password itself is asked for");
}

static int change(
    const struct setting *setting, const char *user, const char *value, struct error *error)
{
	struct secrets_written written CLEANUP(secrets_file_finish_written) = { 0 };
	const char *key = setting->key != NULL ? setting->key : "password";
	struct secrets_change changes[2];
	size_t count = 0;

	if (user != NULL)
		changes[count++] = (struct secrets_change){ setting->section, "user", user };
	changes[count++] = (struct secrets_change){ setting->section, key, value };
	if (secrets_file_change(setting->path, changes, count, &written, error) < 0)
		return -1;
	print_secret(setting, key, value, &written);
	print_written(setting, &written);
	note_closed(setting, &written);
	print_notes(setting);
	tell_when(setting, &written);
	return 0;
}

static int ask_and_change(const struct setting *setting, struct error *error)
{
	char *user CLEANUP(memory_free_string) = NULL;
	char *value CLEANUP(memory_free_secret) = NULL;

	if (setting->user != NULL)
		user = memory_copy_string(setting->user);
	else if (setting->key == NULL && ask_user(setting, &user, error) < 0)
		return -1;
	if (ask_value(setting, &value, error) < 0)
		return -1;
	return change(setting, user, value, error);
}

static int set(int argc, char **argv, struct error *error)
{
	struct command_option options[] = {
		{ .name = "--user", .takes_value = true },
		{ .name = "--file", .takes_value = true },
		{ .name = "--no-restart" },
	};
	struct secret_paths paths CLEANUP(secret_finish_paths) = { 0 };
	struct setting setting = { 0 };
	int count;

	if (command_read_words(argc, argv, options, 3, &count, error) < 0 ||
	    check_words(&setting, argv + 1, count, error) < 0 ||
	    secret_find_paths(&paths, options[1].value, error) < 0)
		return -1;
	setting.user = options[0].value;
	setting.path = paths.path;
	setting.has_config = paths.has_config;
	setting.may_restart = options[2].value == NULL;
	if (paths.has_config && find_smarthost(&paths.config, &setting, error) < 0)
		return -1;
	process_protect_memory();
	print_provider(&setting);
	return ask_and_change(&setting, error);
}

int command_secret(int argc, char **argv)
{
	struct error error;
	int outcome;

	if (argc > 1 && strcmp(argv[1], "set") == 0)
		outcome = set(argc - 1, argv + 1, &error);
	else if (argc > 1 && strcmp(argv[1], "list") == 0)
		outcome = secret_list(argc - 1, argv + 1, &error);
	else {
		bool is_asked_for = argc > 1 && strcmp(argv[1], "--help") == 0;

		fputs(usage, is_asked_for ? stdout : stderr);
		return is_asked_for ? 0 : ERROR_USAGE;
	}
	return outcome < 0 ? command_fail(&error) : outcome;
}
