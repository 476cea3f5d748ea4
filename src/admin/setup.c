/* SPDX-License-Identifier: MIT */

/*
 * mailchute setup: four questions, and mail works.
 *
 * Which provider, which login, its password, and where root's mail goes.  Each
 * is also an option, so that a script can answer; the password never is, but
 * the name of a file that holds it, or standard input.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "admin/ask.h"
#include "admin/command.h"
#include "admin/written.h"
#include "base/memory.h"
#include "base/nearest.h"
#include "base/process.h"
#include "config/check.h"
#include "config/environment.h"
#include "doctor/reader.h"
#include "import/account.h"
#include "import/providers.h"
#include "import/write.h"
#include "net/tls.h"
#include "smtp/smarthost.h"

static const char help[] =
    "usage: mailchute setup [OPTION ...]\n"
    "\n"
    "  --provider NAME        one of mailchute setup --list\n"
    "  --url URL              or any smarthost: smtp+tls://smtp.example.com:587\n"
    "  --region REGION        of a provider whose host has one (ses: eu-west-1)\n"
    "  --user LOGIN           \"\" where none is needed\n"
    "  --password-file FILE   whose first line is the password; else standard input is\n"
    "  --from ADDRESS         as which the login may send; else the login, if it is one\n"
    "  --root ADDRESS         where mail for root and other names of this machine goes\n"
    "  --ca-file FILE         a CA of your own, PEM; an absolute path, for the service to read\n"
    "  --force                also where there are settings already; the old ones are kept\n"
    "  --into DIR             writes there instead of " MAILCHUTE_SYSCONFDIR "\n"
    "  --no-check             does not speak to the smarthost afterwards\n"
    "  --list                 the providers, and what is peculiar of each\n"
    "\n"
    "At a terminal, what is not given is asked for.\n";

enum option {
	PROVIDER,
	URL,
	REGION,
	USER,
	PASSWORD_FILE,
	FROM,
	ROOT,
	CA_FILE,
	FORCE,
	INTO,
	NO_CHECK,
	LIST,
	HELP,
	OPTION_COUNT
};

enum { PROVIDER_LIMIT = 100 };

struct setup {
	struct command_option options[OPTION_COUNT];
	bool is_asking; /* somebody sits there */
	const struct provider *provider;
	char *url;
	char *user; /* "": no login */
	char *password;
	char *from;
	char *root;
	bool is_forced;
	struct plan plan;
};

static void finish(struct setup *setup)
{
	free(setup->url);
	free(setup->user);
	memory_free_secret(&setup->password);
	free(setup->from);
	free(setup->root);
	plan_finish(&setup->plan);
}

static int refuse_missing(const char *option, const char *what, struct error *error)
{
	error_set(error, ERROR_USAGE, "5.5.4",
	    "setup: %s is missing (%s), and there is no terminal to ask at", option, what);
	return error_next(error, "give it, or run mailchute setup at a terminal");
}

/* One line, trimmed.  Empty: *answer is what stands for it, which may be NULL. */
static int ask(const char *prompt, const char *otherwise, char **answer, struct error *error)
{
	CLEANUP(memory_free_secret) char *line = NULL;

	(void)fflush(stdout);
	if (ask_line(prompt, &line, error) < 0)
		return -1;
	struct span text = span_trim(span_from_string(line));

	free(*answer);
	*answer = NULL;
	if (text.length != 0)
		*answer = span_copy(text);
	else if (otherwise != NULL)
		*answer = memory_copy_string(otherwise);
	return 0;
}

static int ask_yes(const char *prompt, bool otherwise, bool *is_yes, struct error *error)
{
	CLEANUP(memory_free_string) char *answer = NULL;

	if (ask(prompt, otherwise ? "y" : "n", &answer, error) < 0)
		return -1;
	*is_yes = answer[0] == 'y' || answer[0] == 'Y' || answer[0] == 'j' || answer[0] == 'J';
	return 0;
}

/* ---- 1: the smarthost ---- */

static void print_providers(bool is_whole)
{
	size_t i = 0;

	for (const struct provider *one = providers; one->name != NULL; one++, i++)
		if (is_whole)
			printf("%s: %s\n    %s\n    login: %s\n    %s\n    %s\n\n", one->name,
			    one->title, one->url, one->login, one->peculiarity, one->page);
		else
			printf("%3zu %-30.30s%s", i + 1, one->title, i % 2 == 1 ? "\n" : "  ");
	if (!is_whole && i % 2 == 1)
		printf("\n");
}

static const struct provider *provider_of_number(const char *text)
{
	uint64_t number = 0;
	size_t count = 0;

	while (providers[count].name != NULL)
		count++;
	if (!span_to_number(span_from_string(text), &number) || number == 0 || number > count)
		return NULL;
	return &providers[number - 1];
}

/* By what its URL says, whatever was typed. */
static int take_url(struct setup *setup, const char *url, struct error *error)
{
	CLEANUP(smarthost_finish) struct smarthost smarthost = { 0 };

	smarthost_init(&smarthost);
	if (smarthost_set_url(&smarthost, span_from_string(url), error) < 0) {
		error->kind = ERROR_USAGE;
		return -1;
	}
	free(setup->url);
	setup->url = memory_copy_string(smarthost.url);
	if (smarthost.host != NULL)
		setup->provider = providers_find_host(smarthost.host);
	/* What the URL says of the login need not be asked. */
	if (smarthost.user != NULL && setup->user == NULL)
		setup->user = memory_copy_string(smarthost.user);
	if (smarthost.password != NULL &&
	    (setup->options[URL].value != NULL || setup->options[PROVIDER].value != NULL)) {
		error_set(error, ERROR_USAGE, "5.5.4",
		    "setup: the URL holds a password, and everyone may read the arguments of a "
		    "program");
		return error_next(error, "give --user LOGIN --password-file FILE");
	}
	if (smarthost.password != NULL && setup->password == NULL)
		setup->password = memory_copy_string(smarthost.password);
	return 0;
}

static int refuse_choice(const char *text, struct error *error)
{
	const char *names[PROVIDER_LIMIT];
	size_t count = 0;

	for (; count < PROVIDER_LIMIT && providers[count].name != NULL; count++)
		names[count] = providers[count].name;
	const char *nearest = nearest_name(span_from_string(text), names, count);

	error_set(error, ERROR_USAGE, "5.5.4",
	    "\"%s\" is no provider that is known here, and no host", text);
	if (nearest != NULL)
		return error_next(error, "the nearest known one is \"%s\"", nearest);
	return error_next(
	    error, "mailchute setup --list names the providers; any other is smtp+tls://HOST:587");
}

/* "smtp.example.com", with or without a port: 465 speaks TLS at once, all others STARTTLS. */
static int take_host(struct setup *setup, const char *text, struct error *error)
{
	CLEANUP(account_finish) struct account account = { 0 };

	/* A word alone is a provider that is written wrong; with a port it is a host of this
	 * network. */
	if (!account_set_host(&account, span_from_string(text)) ||
	    (strpbrk(account.host, ".:") == NULL && account.port == 0 &&
		strcasecmp(account.host, "localhost") != 0))
		return refuse_choice(text, error);
	setup->provider = providers_find_host(account.host);
	if (setup->provider != NULL && account.port == 0 && setup->provider->region == NULL)
		return take_url(setup, setup->provider->url, error);
	const char *scheme = account.port == 465  ? "smtps"
			     : account.port == 25 ? "smtp"
						  : "smtp+tls";
	bool is_literal = strchr(account.host, ':') != NULL;
	CLEANUP(memory_free_string)
	char *url = memory_format("%s://%s%s%s:%u", scheme, is_literal ? "[" : "", account.host,
	    is_literal ? "]" : "", account.port != 0 ? (unsigned)account.port : 587);

	return take_url(setup, url, error);
}

static int take_provider(struct setup *setup, const struct provider *provider, struct error *error)
{
	CLEANUP(memory_free_string) char *region = NULL;
	CLEANUP(memory_free_string) char *prompt = NULL;

	setup->provider = provider;
	if (setup->options[REGION].value != NULL)
		region = memory_copy_string(setup->options[REGION].value);
	if (provider->region != NULL && region == NULL && !setup->is_asking)
		return refuse_missing("--region", provider->region, error);
	if (provider->region != NULL && region == NULL) {
		prompt = memory_format("Region [%s]: ", provider->region);
		if (ask(prompt, provider->region, &region, error) < 0)
			return -1;
	}
	CLEANUP(memory_free_string)
	char *url = providers_url(provider, provider->region != NULL ? region : NULL);

	return take_url(setup, url, error);
}

/* A number of the list, a name of it, an address, a host, or a URL. */
static int take_choice(struct setup *setup, const char *text, struct error *error)
{
	const struct provider *provider = provider_of_number(text);

	if (provider == NULL)
		provider = providers_find(text);
	if (provider == NULL && strstr(text, "://") == NULL && strchr(text, '@') != NULL) {
		provider = providers_find_address(text);
		if (provider == NULL) {
			error_set(error, ERROR_USAGE, "5.5.4",
			    "who sends for \"%s\" is not known here", text);
			return error_next(
			    error, "type the host that your provider names for sending");
		}
		if (setup->user == NULL)
			setup->user = memory_copy_string(text);
	}
	if (provider != NULL)
		return take_provider(setup, provider, error);
	if (strstr(text, "://") != NULL)
		return take_url(setup, text, error);
	return take_host(setup, text, error);
}

static void print_error(const struct error *error)
{
	printf("%s%s%s\n", error->text, error->next[0] != '\0' ? "; " : "", error->next);
}

static int ask_smarthost(struct setup *setup, struct error *error)
{
	printf("1. Through whom is mail sent?\n\n");
	print_providers(false);
	printf("\n");
	for (;;) {
		CLEANUP(memory_free_string) char *answer = NULL;

		if (ask("Number, name, your address, host or URL: ", NULL, &answer, error) < 0)
			return -1;
		if (answer == NULL)
			continue;
		if (take_choice(setup, answer, error) == 0)
			return 0;
		print_error(error);
	}
}

static int find_smarthost(struct setup *setup, struct error *error)
{
	const char *provider = setup->options[PROVIDER].value;
	int outcome = 0;

	if (setup->options[URL].value != NULL)
		outcome = strstr(setup->options[URL].value, "://") != NULL
			      ? take_url(setup, setup->options[URL].value, error)
			      : take_host(setup, setup->options[URL].value, error);
	else if (provider != NULL)
		outcome = take_choice(setup, provider, error);
	else if (setup->is_asking)
		outcome = ask_smarthost(setup, error);
	else
		return refuse_missing("--provider or --url", "through whom mail is sent", error);
	if (outcome == 0 && setup->is_asking) {
		printf("\n%s\n", setup->url);
		if (setup->provider != NULL)
			printf("%s\n%s\n", setup->provider->peculiarity, setup->provider->page);
		printf("\n");
	}
	return outcome;
}

/* ---- 2 and 3: the login ---- */

static int ask_user(struct setup *setup, struct error *error)
{
	const struct provider *provider = setup->provider;
	const char *otherwise = provider != NULL ? provider->fixed_login : "";
	CLEANUP(memory_free_string)
	char *prompt = provider == NULL
			   ? memory_copy_string("2. Login (empty where none is needed): ")
		       : provider->fixed_login != NULL
			   ? memory_format("2. Login [%s]: ", provider->fixed_login)
			   : memory_format("2. Login (%s): ", provider->login);

	do {
		if (ask(prompt, otherwise, &setup->user, error) < 0)
			return -1;
	} while (setup->user == NULL);
	return 0;
}

static int find_user(struct setup *setup, struct error *error)
{
	const struct provider *provider = setup->provider;

	if (setup->options[USER].value != NULL) {
		free(setup->user);
		setup->user = memory_copy_string(setup->options[USER].value);
	}
	if (setup->user == NULL && provider != NULL && provider->fixed_login != NULL &&
	    !setup->is_asking)
		setup->user = memory_copy_string(provider->fixed_login);
	if (setup->user != NULL)
		return 0;
	if (!setup->is_asking)
		return refuse_missing("--user", "the login; \"\" where none is needed", error);
	return ask_user(setup, error);
}

static int read_password_file(struct setup *setup, const char *path, struct error *error)
{
	int outcome = environment_read_secret_file(path, &setup->password, error);

	if (outcome > 0)
		return error_set(error, ERROR_NO_INPUT, "5.3.5", "there is no file %s", path);
	return outcome;
}

static int find_password(struct setup *setup, struct error *error)
{
	if (setup->user[0] == '\0' || setup->password != NULL)
		return 0;
	if (setup->options[PASSWORD_FILE].value != NULL)
		return read_password_file(setup, setup->options[PASSWORD_FILE].value, error);
	do {
		memory_free_secret(&setup->password);
		(void)fflush(stdout);
		if (ask_secret("3. Password (it does not show): ", &setup->password, error) < 0 ||
		    (setup->password[0] == '\0' && !setup->is_asking))
			return setup->is_asking
				   ? -1
				   : refuse_missing("--password-file",
					 "or the password as the line of standard input", error);
	} while (setup->password[0] == '\0');
	return 0;
}

static bool is_address(const char *text, bool may_be_bare)
{
	struct error unused;

	return check_address(
		   &(struct check_place){ "here", "address" }, text, may_be_bare, &unused) == 0;
}

static int refuse_address(const char *option, const char *text, struct error *error)
{
	return error_set(
	    error, ERROR_USAGE, "5.5.4", "setup: %s \"%s\" is no mail address", option, text);
}

static bool login_sends(const struct setup *setup)
{
	return is_address(setup->user, false) &&
	       (setup->provider == NULL || !setup->provider->login_is_no_sender);
}

/* Only where the login does not say it. */
static int find_from(struct setup *setup, struct error *error)
{
	if (setup->options[FROM].value != NULL)
		setup->from = memory_copy_string(setup->options[FROM].value);
	else if (setup->user[0] == '\0' || login_sends(setup))
		return 0;
	else if (!setup->is_asking)
		return refuse_missing("--from", "the address as which this login may send", error);
	for (;;) {
		if (setup->from != NULL && is_address(setup->from, false))
			return 0;
		if (setup->from != NULL && !setup->is_asking)
			return refuse_address("--from", setup->from, error);
		if (ask("   Which address may this login send as? ", NULL, &setup->from, error) < 0)
			return -1;
	}
}

/* ---- 4: root ---- */

static bool are_addresses(const char *text)
{
	struct span rest = span_from_string(text);
	struct span part;
	size_t count = 0;

	for (; span_take_until(&rest, ',', &part); count++) {
		CLEANUP(memory_free_string) char *one = span_copy(span_trim(part));

		if (!is_address(one, false))
			return false;
	}
	return count != 0;
}

static int find_root(struct setup *setup, struct error *error)
{
	if (setup->options[ROOT].value != NULL)
		setup->root = memory_copy_string(setup->options[ROOT].value);
	else if (!setup->is_asking)
		return refuse_missing("--root", "where mail for root goes", error);
	for (;;) {
		if (setup->root != NULL && are_addresses(setup->root))
			return 0;
		if (setup->root != NULL && !setup->is_asking)
			return refuse_address("--root", setup->root, error);
		if (setup->root != NULL)
			printf("\"%s\" is no mail address\n", setup->root);
		if (ask("4. To which address goes root's mail? ", NULL, &setup->root, error) < 0)
			return -1;
	}
}

/* ---- what is written ---- */

static void fill_plan(struct setup *setup)
{
	const char *title = setup->provider != NULL ? setup->provider->name : "main";
	struct plan_block *smarthost = plan_block(&setup->plan, "smarthost", title);
	const struct account_place place = { "setup", 0 };

	plan_set(smarthost, "url", setup->url);
	plan_set(smarthost, "from",
	    setup->from != NULL	     ? setup->from
	    : setup->user[0] != '\0' ? setup->user
				     : NULL);
	plan_set(smarthost, "ca_file", setup->options[CA_FILE].value);
	account_alias(&setup->plan, "root", span_from_string(setup->root), &place);
	account_alias(&setup->plan, "*", span_from_string("root"), &place);
	if (setup->user[0] == '\0')
		return;
	struct plan_login *login = plan_login(&setup->plan, title);

	account_take(&login->user, span_from_string(setup->user));
	account_take_secret(&login->password, span_from_string(setup->password));
}

/* It is this machine's service that will read it; a folder to write into may be another's. */
static int check_ca_file(const struct setup *setup, struct error *error)
{
	const struct tls_client_settings settings = { .ca_file = setup->options[CA_FILE].value };
	uid_t uid;
	gid_t gid;

	if (settings.ca_file == NULL || setup->options[INTO].value != NULL)
		return 0;
	struct tls *tls = tls_client_new_with(&settings, error);
	if (tls == NULL) {
		error->kind = ERROR_NO_INPUT;
		return -1;
	}
	tls_free(tls);
	return reader_is_another(MAILCHUTE_SPOOL_DIR, &uid, &gid)
		   ? reader_check(uid, gid, settings.ca_file, false, error)
		   : 0;
}

/* Before any question, lest all answers were for nothing. */
static int look_first(struct setup *setup, struct error *error)
{
	bool is_yes = false;

	if (check_ca_file(setup, error) < 0)
		return -1;
	setup->is_forced = setup->options[FORCE].value != NULL;
	if (written_may(&setup->plan, setup->options[INTO].value, setup->is_forced, error) == 0)
		return 0;
	if (!setup->is_asking || error->kind != ERROR_CANNOT_CREATE)
		return -1;
	printf("%s.\n", error->text);
	if (ask_yes("Write them anew, and keep the old file under another name? [y/N] ", false,
		&is_yes, error) < 0)
		return -1;
	if (!is_yes)
		return error_set(error, ERROR_CANNOT_CREATE, "5.3.5", "nothing is changed");
	setup->is_forced = true;
	return 0;
}

static int show_and_ask(struct setup *setup, const char *about, struct error *error)
{
	bool is_yes = true;

	printf("\n");
	written_show(&setup->plan, about, setup->options[INTO].value);
	if (setup->is_asking && ask_yes("Write this? [Y/n] ", true, &is_yes, error) < 0)
		return -1;
	if (!is_yes)
		return error_set(error, ERROR_CANNOT_CREATE, "5.3.5", "nothing is changed");
	/* A login of that name is not asked for twice. */
	if (setup->is_asking)
		setup->is_forced = true;
	return 0;
}

static int run(struct setup *setup, struct error *error)
{
	static const char about[] = "made by mailchute setup";

	if (look_first(setup, error) < 0 || find_smarthost(setup, error) < 0 ||
	    find_user(setup, error) < 0 || find_password(setup, error) < 0 ||
	    find_from(setup, error) < 0 || find_root(setup, error) < 0)
		return -1;
	fill_plan(setup);
	if (show_and_ask(setup, about, error) < 0)
		return -1;
	return written_write(
	    &setup->plan, about, setup->options[INTO].value, setup->is_forced, error);
}

/* ---- afterwards ---- */

static int offer_test(const struct setup *setup, int status)
{
	char name[] = "test";
	char root[] = "root";
	char *argv[] = { name, root, NULL };
	struct error error;
	bool is_yes = false;

	if (setup->is_asking &&
	    ask_yes("\nSend a test mail to root now? [Y/n] ", true, &is_yes, &error) == 0 && is_yes)
		return command_test(2, argv);
	printf("\nSend a test mail:  mailchute test root\n");
	return status;
}

static int examine(const struct setup *setup)
{
	if (setup->options[INTO].value != NULL || setup->options[NO_CHECK].value != NULL)
		return 0;
	return offer_test(setup, written_examine(true));
}

/* The service runs in another folder. */
static int refuse_relative(const char *path, struct error *error)
{
	CLEANUP(memory_free_string) char *whole = realpath(path, NULL);

	error_set(error, ERROR_USAGE, "5.5.4",
	    "setup: --ca-file wants an absolute path, and %s is none", path);
	return whole != NULL ? error_next(error, "--ca-file %s", whole)
			     : error_next(error, "begin it with a /");
}

static int read_options(struct setup *setup, int argc, char **argv, struct error *error)
{
	if (command_read_options(argc, argv, setup->options, OPTION_COUNT, error) < 0)
		return -1;
	if (setup->options[PROVIDER].value != NULL && setup->options[URL].value != NULL)
		return error_set(error, ERROR_USAGE, "5.5.4",
		    "setup: --provider and --url say the same; give one of them");
	if (setup->options[CA_FILE].value != NULL && setup->options[CA_FILE].value[0] != '/')
		return refuse_relative(setup->options[CA_FILE].value, error);
	setup->is_asking = ask_is_possible();
	return 0;
}

int command_setup(int argc, char **argv)
{
	struct setup setup CLEANUP(
	    finish) = { .options = {
			    [PROVIDER] = { .name = "--provider", .takes_value = true },
			    [URL] = { .name = "--url", .takes_value = true },
			    [REGION] = { .name = "--region", .takes_value = true },
			    [USER] = { .name = "--user", .takes_value = true },
			    [PASSWORD_FILE] = { .name = "--password-file", .takes_value = true },
			    [FROM] = { .name = "--from", .takes_value = true },
			    [ROOT] = { .name = "--root", .takes_value = true },
			    [CA_FILE] = { .name = "--ca-file", .takes_value = true },
			    [FORCE] = { .name = "--force" },
			    [INTO] = { .name = "--into", .takes_value = true },
			    [NO_CHECK] = { .name = "--no-check" },
			    [LIST] = { .name = "--list" },
			    [HELP] = { .name = "--help" },
			} };
	struct error error;

	process_protect_memory();
	if (read_options(&setup, argc, argv, &error) < 0)
		return command_fail(&error);
	if (setup.options[HELP].value != NULL)
		return fputs(help, stdout) < 0 ? ERROR_IO : 0;
	if (setup.options[LIST].value != NULL) {
		print_providers(true);
		return 0;
	}
	if (run(&setup, &error) < 0) {
		(void)fflush(stdout);
		return command_fail(&error);
	}
	(void)fflush(stdout);
	return examine(&setup);
}
