/* SPDX-License-Identifier: MIT */

#include "config/overrides.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "config/alias_list.h"
#include "config/check.h"
#include "config/environment.h"
#include "config/route_block.h"
#include "config/secrets.h"

static void replace(char **target, const char *value)
{
	free(*target);
	*target = memory_copy_string(value);
}

/* A secret by its variable, else by its file in run_secrets; *source says which it was. */
static int read_secret(const char *variable, const char *file, bool uses_environment, char **value,
    char **source, struct error *error)
{
	if (uses_environment && environment_read_secret(variable, value, error) < 0)
		return -1;
	if (*value != NULL) {
		*source = memory_copy_string(variable);
		return 0;
	}
	if (environment_read_secret_file(file, value, error) < 0)
		return -1;
	if (*value != NULL && (*value)[0] == '\0')
		memory_free_secret(value);
	if (*value != NULL)
		*source = memory_copy_string(file);
	return 0;
}

/* And the routes to them. */
static void drop_smarthosts(struct config *config)
{
	for (size_t i = 0; i < config->route_count; i++)
		route_block_finish(&config->routes[i]);
	free(config->routes);
	config->routes = NULL;
	config->route_count = 0;
	for (size_t i = 0; i < config->smarthost_count; i++)
		config_finish_smarthost(&config->smarthosts[i]);
	free(config->smarthosts);
	config->smarthosts = NULL;
	config->smarthost_count = 0;
}

static int apply_url(
    const char *run_secrets, bool uses_environment, struct config *config, struct error *error)
{
	CLEANUP(memory_free_string) char *file = memory_format("%s/mailchute_url", run_secrets);
	CLEANUP(memory_free_secret) char *url = NULL;
	CLEANUP(memory_free_string) char *source = NULL;
	CLEANUP(smarthost_finish) struct smarthost parameters = { 0 };

	if (read_secret("MAILCHUTE_URL", file, uses_environment, &url, &source, error) < 0)
		return -1;
	if (url == NULL)
		return 0;
	smarthost_init(&parameters);
	if (smarthost_set_url(&parameters, span_trim(span_from_string(url)), error) < 0)
		return error_prefix(error, "%s: ", source);
	drop_smarthosts(config);
	config->smarthosts = memory_allocate(sizeof *config->smarthosts);
	config->smarthost_count = 1;
	config->smarthosts[0] = (struct config_smarthost){
		.parameters = parameters,
		.secret = memory_copy_string("default"),
		.place = { .file = source, .line = 0 },
	};
	config->smarthosts[0].parameters.name = memory_copy_string("default");
	parameters = (struct smarthost){ 0 };
	source = NULL;
	return 0;
}

/* One login belongs to one smarthost: with several, secrets.ini says which has which. */
static int refuse_login(const char *source, const char *reason, struct error *error)
{
	error_set(error, ERROR_CONFIG, "5.3.5", "%s is set, but %s", source, reason);
	return error_next(error, "set MAILCHUTE_URL, MAILCHUTE_USER and MAILCHUTE_PASSWORD, or "
				 "write user and password to secrets.ini");
}

static int apply_login(
    const char *run_secrets, bool uses_environment, struct config *config, struct error *error)
{
	CLEANUP(memory_free_string) char *file = memory_format("%s/smtp_password", run_secrets);
	CLEANUP(memory_free_secret) char *password = NULL;
	CLEANUP(memory_free_string) char *source = NULL;
	CLEANUP(memory_free_secret) char *user = NULL;

	if (uses_environment && environment_read_secret("MAILCHUTE_USER", &user, error) < 0)
		return -1;
	if (read_secret("MAILCHUTE_PASSWORD", file, uses_environment, &password, &source, error) <
	    0)
		return -1;
	bool is_variable = source != NULL && strcmp(source, "MAILCHUTE_PASSWORD") == 0;
	bool is_asked_for = is_variable || user != NULL;
	if (config->smarthost_count == 0)
		return 0;
	if (config->smarthost_count > 1)
		return !is_asked_for ? 0
				     : refuse_login(is_variable ? source : "MAILCHUTE_USER",
					   "there are several smarthosts", error);
	struct smarthost *smarthost = &config->smarthosts[0].parameters;
	if (user != NULL)
		replace(&smarthost->user, user);
	/* Another program's smtp_password must not make a login where nobody asked for one. */
	if (password != NULL && smarthost->user == NULL)
		return !is_variable ? 0 : refuse_login(source, "no user is known", error);
	if (password != NULL && (is_variable || smarthost->password == NULL)) {
		memory_free_secret(&smarthost->password);
		smarthost->password = password;
		password = NULL;
	}
	return 0;
}

/* It takes the password's place, so there must be none. */
static int apply_token(struct config *config, struct error *error)
{
	CLEANUP(memory_free_secret) char *token = NULL;
	static const char source[] = "MAILCHUTE_TOKEN";

	if (environment_read_secret(source, &token, error) < 0)
		return -1;
	if (token == NULL || config->smarthost_count == 0)
		return 0;
	if (config->smarthost_count > 1)
		return refuse_login(source, "there are several smarthosts", error);
	struct smarthost *smarthost = &config->smarthosts[0].parameters;
	if (smarthost->user == NULL)
		return refuse_login(source, "no user is known", error);
	if (smarthost->password != NULL)
		return refuse_login(source, "there is a password, too", error);
	memory_free_secret(&smarthost->token);
	smarthost->token = token;
	token = NULL;
	return 0;
}

static int apply_auth(struct config *config, struct error *error)
{
	const struct check_place place = { "environment", "MAILCHUTE_AUTH" };
	const char *word = environment_get("MAILCHUTE_AUTH");
	enum smarthost_auth auth = SMARTHOST_AUTH_AUTO;

	if (word == NULL)
		return 0;
	if (check_auth(&place, word, &auth, error) < 0)
		return -1;
	for (size_t i = 0; i < config->smarthost_count; i++)
		config->smarthosts[i].parameters.auth = auth;
	return 0;
}

static int apply_from(struct config *config, struct error *error)
{
	const struct check_place place = { "environment", "MAILCHUTE_FROM" };
	const char *from = environment_get("MAILCHUTE_FROM");

	if (from == NULL)
		return 0;
	if (check_address(&place, from, false, error) < 0)
		return -1;
	for (size_t i = 0; i < config->smarthost_count; i++)
		replace(&config->smarthosts[i].parameters.from, from);
	return 0;
}

static int apply_from_policy(struct config *config, struct error *error)
{
	const struct check_place place = { "environment", "MAILCHUTE_FROM_POLICY" };
	const char *word = environment_get("MAILCHUTE_FROM_POLICY");
	enum smarthost_from_policy policy = SMARTHOST_FROM_AUTO;

	if (word == NULL)
		return 0;
	if (check_from_policy(&place, word, &policy, error) < 0)
		return -1;
	for (size_t i = 0; i < config->smarthost_count; i++)
		config->smarthosts[i].parameters.from_policy = policy;
	return 0;
}

static int apply_rate(struct config *config, struct error *error)
{
	const struct check_place place = { "environment", "MAILCHUTE_RATE" };
	const char *text = environment_get("MAILCHUTE_RATE");
	unsigned rate;
	int64_t period;

	if (text == NULL)
		return 0;
	if (check_rate(&place, text, &rate, &period, error) < 0)
		return -1;
	for (size_t i = 0; i < config->smarthost_count; i++) {
		config->smarthosts[i].parameters.rate = rate;
		config->smarthosts[i].parameters.rate_period = period;
	}
	return 0;
}

static int apply_root(struct config *config, struct error *error)
{
	const struct check_place place = { "environment", "MAILCHUTE_ROOT" };
	const char *root = environment_get("MAILCHUTE_ROOT");
	struct config_alias alias = { 0 };

	if (root == NULL)
		return 0;
	alias_list_add_targets(&alias, root);
	if (alias_list_check(&place, &alias, error) < 0) {
		alias_list_finish(&alias);
		return -1;
	}
	alias.name = memory_copy_string("root");
	alias.place = (struct config_place){ .file = memory_copy_string("MAILCHUTE_ROOT") };
	alias_list_put(config, &alias);
	return 0;
}

static int apply_log(struct config *config, struct error *error)
{
	const char *to = environment_get("MAILCHUTE_LOG");
	const char *format = environment_get("MAILCHUTE_LOG_FORMAT");

	if (to != NULL) {
		if (check_log(&(struct check_place){ "environment", "MAILCHUTE_LOG" }, to, error) <
		    0)
			return -1;
		replace(&config->log_to, to);
	}
	if (format == NULL)
		return 0;
	return check_log_format(&(struct check_place){ "environment", "MAILCHUTE_LOG_FORMAT" },
	    format, &config->log_is_json, error);
}

typedef int check_text(const struct check_place *place, const char *text, struct error *error);

static int check_ehlo(const struct check_place *place, const char *text, struct error *error)
{
	return strcmp(text, "auto") == 0 ? 0 : check_domain(place, text, true, error);
}

static int check_plain_domain(
    const struct check_place *place, const char *text, struct error *error)
{
	return check_domain(place, text, false, error);
}

static int apply_text(const char *variable, check_text *check, char **target, struct error *error)
{
	const struct check_place place = { "environment", variable };
	const char *text = environment_get(variable);

	if (text == NULL)
		return 0;
	if (check(&place, text, error) < 0)
		return -1;
	replace(target, text);
	return 0;
}

static int apply_duration(const char *variable, int64_t *target, struct error *error)
{
	const struct check_place place = { "environment", variable };
	const char *text = environment_get(variable);

	return text == NULL ? 0 : check_duration(&place, text, target, error);
}

static int apply_mode(struct config *config, struct error *error)
{
	const struct check_place place = { "environment", "MAILCHUTE_MODE" };
	const char *text = environment_get("MAILCHUTE_MODE");

	return text == NULL ? 0 : check_mode(&place, text, &config->mode, error);
}

static int apply_simple(struct config *config, struct error *error)
{
	if (apply_text("MAILCHUTE_EHLO", check_ehlo, &config->ehlo, error) < 0 ||
	    apply_text("MAILCHUTE_DOMAIN", check_plain_domain, &config->domain, error) < 0)
		return -1;
	if (environment_get("MAILCHUTE_DOMAIN") != NULL)
		replace(&config->domain_source, "MAILCHUTE_DOMAIN");
	if (apply_text("MAILCHUTE_SPOOL", check_path, &config->spool, error) < 0 ||
	    apply_text("MAILCHUTE_CAPTURE", check_path, &config->capture, error) < 0 ||
	    apply_duration("MAILCHUTE_IDLE", &config->idle, error) < 0 ||
	    apply_duration("MAILCHUTE_TIMEOUT", &config->timeout, error) < 0 ||
	    apply_log(config, error) < 0)
		return -1;
	return apply_mode(config, error);
}

int overrides_apply(
    const char *run_secrets, bool uses_environment, struct config *config, struct error *error)
{
	if (apply_url(run_secrets, uses_environment, config, error) < 0 ||
	    apply_login(run_secrets, uses_environment, config, error) < 0)
		return -1;
	if (uses_environment &&
	    (apply_token(config, error) < 0 || apply_auth(config, error) < 0 ||
		apply_from(config, error) < 0 || apply_from_policy(config, error) < 0 ||
		apply_rate(config, error) < 0 || apply_root(config, error) < 0 ||
		apply_simple(config, error) < 0))
		return -1;
	for (size_t i = 0; i < config->smarthost_count; i++)
		secrets_default_from(&config->smarthosts[i].parameters);
	return 0;
}

char *overrides_looked(const char *run_secrets, bool uses_environment)
{
	CLEANUP(memory_free_string) char *file = memory_format("%s/mailchute_url", run_secrets);
	const char *state = access(file, F_OK) == 0 ? "empty" : "missing";

	if (!uses_environment || !environment_counts())
		return memory_format("%s (%s), MAILCHUTE_URL (does not count here)", file, state);
	return memory_format("%s (%s), MAILCHUTE_URL (unset here%s)", file, state,
	    environment_is_set_for_init("MAILCHUTE_URL")
		? ", but set for process 1: PHP-FPM \"clear_env\" or cron removed it"
		: "");
}
