/* SPDX-License-Identifier: MIT */

#include "config/overrides.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/nearest.h"
#include "base/span.h"
#include "config/alias_list.h"
#include "config/check.h"
#include "config/environment.h"
#include "config/host.h"
#include "config/origins.h"
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
	origins_drop(config, "smarthost", NULL);
	origins_drop(config, "route", NULL);
	origins_add_block(config, "smarthost", "default");
	origins_put(config, "smarthost", "default", "url", parameters.url, source);
	if (parameters.user != NULL)
		origins_put(config, "smarthost", "default", "user", parameters.user, source);
	if (parameters.password != NULL)
		origins_put(config, "smarthost", "default", "password", NULL, source);
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
	if (user != NULL) {
		replace(&smarthost->user, user);
		origins_put(config, "smarthost", smarthost->name, "user", user, "MAILCHUTE_USER");
	}
	/* Another program's smtp_password must not make a login where nobody asked for one. */
	if (password != NULL && smarthost->user == NULL)
		return !is_variable ? 0 : refuse_login(source, "no user is known", error);
	if (password != NULL && (is_variable || smarthost->password == NULL)) {
		memory_free_secret(&smarthost->password);
		smarthost->password = password;
		password = NULL;
		origins_put(config, "smarthost", smarthost->name, "password", NULL, source);
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
	origins_put(config, "smarthost", smarthost->name, "token", NULL, source);
	return 0;
}

/* ---- variables that are a setting each ---- */

typedef int apply_value(
    struct config *config, const struct check_place *place, const char *text, struct error *error);

typedef int check_text(const struct check_place *place, const char *text, struct error *error);

static int apply_text(check_text *check, const struct check_place *place, const char *text,
    char **target, struct error *error)
{
	if (check(place, text, error) < 0)
		return -1;
	replace(target, text);
	return 0;
}

static int apply_ehlo(
    struct config *config, const struct check_place *place, const char *text, struct error *error)
{
	return apply_text(check_ehlo, place, text, &config->ehlo, error);
}

static int apply_domain(
    struct config *config, const struct check_place *place, const char *text, struct error *error)
{
	if (check_domain(place, text, false, error) < 0)
		return -1;
	replace(&config->domain, text);
	replace(&config->domain_source, place->name);
	return 0;
}

static int apply_spool(
    struct config *config, const struct check_place *place, const char *text, struct error *error)
{
	return apply_text(check_path, place, text, &config->spool, error);
}

static int apply_capture(
    struct config *config, const struct check_place *place, const char *text, struct error *error)
{
	return apply_text(check_path, place, text, &config->capture, error);
}

static int apply_idle(
    struct config *config, const struct check_place *place, const char *text, struct error *error)
{
	return check_duration(place, text, &config->idle, error);
}

static int apply_timeout(
    struct config *config, const struct check_place *place, const char *text, struct error *error)
{
	return check_duration(place, text, &config->timeout, error);
}

static int apply_mode(
    struct config *config, const struct check_place *place, const char *text, struct error *error)
{
	return check_mode(place, text, &config->mode, error);
}

static int apply_log(
    struct config *config, const struct check_place *place, const char *text, struct error *error)
{
	return apply_text(check_log, place, text, &config->log_to, error);
}

static int apply_log_format(
    struct config *config, const struct check_place *place, const char *text, struct error *error)
{
	return check_log_format(place, text, &config->log_is_json, error);
}

/* ---- for every smarthost ---- */

static int apply_auth(
    struct config *config, const struct check_place *place, const char *text, struct error *error)
{
	enum smarthost_auth auth = SMARTHOST_AUTH_AUTO;

	if (check_auth(place, text, &auth, error) < 0)
		return -1;
	for (size_t i = 0; i < config->smarthost_count; i++)
		config->smarthosts[i].parameters.auth = auth;
	return 0;
}

static int apply_from(
    struct config *config, const struct check_place *place, const char *text, struct error *error)
{
	if (check_address(place, text, false, error) < 0)
		return -1;
	for (size_t i = 0; i < config->smarthost_count; i++)
		replace(&config->smarthosts[i].parameters.from, text);
	return 0;
}

static int apply_from_policy(
    struct config *config, const struct check_place *place, const char *text, struct error *error)
{
	enum smarthost_from_policy policy = SMARTHOST_FROM_AUTO;

	if (check_from_policy(place, text, &policy, error) < 0)
		return -1;
	for (size_t i = 0; i < config->smarthost_count; i++)
		config->smarthosts[i].parameters.from_policy = policy;
	return 0;
}

static int apply_rate(
    struct config *config, const struct check_place *place, const char *text, struct error *error)
{
	unsigned rate;
	int64_t period;

	if (check_rate(place, text, &rate, &period, error) < 0)
		return -1;
	for (size_t i = 0; i < config->smarthost_count; i++) {
		config->smarthosts[i].parameters.rate = rate;
		config->smarthosts[i].parameters.rate_period = period;
	}
	return 0;
}

/*
 * What every other program in the container goes by, too.  It is no setting of
 * ours, so that one comes first; a pin needs no authorities.
 */
static void apply_bundle(struct config *config, struct faults *faults)
{
	static const struct check_place place = { "environment", "SSL_CERT_FILE" };
	const char *path = environment_get(place.name);
	struct error error;

	if (path == NULL)
		return;
	if (check_path(&place, path, &error) < 0) {
		faults_add(faults, FAULTS_OF_ENVIRONMENT, 0, &error);
		return;
	}
	for (size_t i = 0; i < config->smarthost_count; i++) {
		struct smarthost *smarthost = &config->smarthosts[i].parameters;

		if (smarthost->ca_file != NULL || smarthost->tls_fingerprint != NULL ||
		    smarthost->tls == SMARTHOST_TLS_NEVER)
			continue;
		smarthost->ca_file = memory_copy_string(path);
		origins_put(config, "smarthost", smarthost->name, "ca_file", path, place.name);
	}
}

/* ---- the rest ---- */

static int put_alias(struct config *config, const char *name, const struct check_place *place,
    const char *text, struct error *error)
{
	struct config_alias alias = { 0 };

	alias_list_add_targets(&alias, text);
	if (alias_list_check(place, &alias, error) < 0) {
		alias_list_finish(&alias);
		return -1;
	}
	alias.name = memory_copy_string(name);
	alias.place = (struct config_place){ .file = memory_copy_string(place->name) };
	alias_list_put(config, &alias);
	origins_drop(config, "alias", name);
	origins_add_block(config, "alias", name);
	origins_put(config, "alias", name, "to", text, place->name);
	return 0;
}

/* "shop.example", where bare names are completed with that: names there are of the world. */
static bool host_is_domain(const struct config *config)
{
	CLEANUP(memory_free_string) char *host = host_name();

	return strchr(host, '.') != NULL &&
	       (config->domain == NULL ||
		   span_equals_string_ignoring_case(span_from_string(host), config->domain));
}

/* Nobody reads the mail of a container's www-data, either. */
static int apply_root(
    struct config *config, const struct check_place *place, const char *text, struct error *error)
{
	if (put_alias(config, "root", place, text, error) < 0)
		return -1;
	if (alias_list_find(config, "*") != NULL || host_is_domain(config))
		return 0;
	return put_alias(config, "*", place, text, error);
}

static const struct variable {
	const char *name;
	const char *block; /* of the option that it sets */
	const char *option;
	const char *title; /* NULL: those of all smarthosts, or none */
	apply_value *apply;
} variables[] = {
	{ "MAILCHUTE_EHLO", "identity", "ehlo", NULL, apply_ehlo },
	{ "MAILCHUTE_DOMAIN", "identity", "domain", NULL, apply_domain },
	{ "MAILCHUTE_AUTH", "smarthost", "auth", NULL, apply_auth },
	{ "MAILCHUTE_FROM", "smarthost", "from", NULL, apply_from },
	{ "MAILCHUTE_FROM_POLICY", "smarthost", "from_policy", NULL, apply_from_policy },
	{ "MAILCHUTE_RATE", "smarthost", "rate", NULL, apply_rate },
	{ "MAILCHUTE_ROOT", "alias", "to", "root", apply_root },
	{ "MAILCHUTE_MODE", "submit", "mode", NULL, apply_mode },
	{ "MAILCHUTE_TIMEOUT", "submit", "timeout", NULL, apply_timeout },
	{ "MAILCHUTE_IDLE", "submit", "idle", NULL, apply_idle },
	{ "MAILCHUTE_SPOOL", "queue", "dir", NULL, apply_spool },
	{ "MAILCHUTE_LOG", "log", "to", NULL, apply_log },
	{ "MAILCHUTE_LOG_FORMAT", "log", "format", NULL, apply_log_format },
	{ "MAILCHUTE_CAPTURE", NULL, "capture", NULL, apply_capture },
};

/* Those that are no setting of a file, and what may carry _FILE. */
static const char *const other_variables[] = { "MAILCHUTE_URL", "MAILCHUTE_URL_FILE",
	"MAILCHUTE_USER", "MAILCHUTE_USER_FILE", "MAILCHUTE_PASSWORD", "MAILCHUTE_PASSWORD_FILE",
	"MAILCHUTE_TOKEN", "MAILCHUTE_TOKEN_FILE", "MAILCHUTE_CONFIG", "MAILCHUTE_SOCKET",
	"MAILCHUTE_CAPTURE_FILE" };

enum {
	VARIABLE_COUNT = sizeof variables / sizeof variables[0],
	OTHER_COUNT = sizeof other_variables / sizeof other_variables[0],
	PREFIX_LENGTH = sizeof "MAILCHUTE_" - 1,
};

/* Kubernetes sets some for a service of our name, so none is an error. */
char *overrides_unknown(void)
{
	const char *names[VARIABLE_COUNT + OTHER_COUNT];
	const char *short_names[VARIABLE_COUNT + OTHER_COUNT];

	for (size_t i = 0; i < VARIABLE_COUNT; i++)
		names[i] = variables[i].name;
	memcpy(names + VARIABLE_COUNT, other_variables, sizeof other_variables);
	for (size_t i = 0; i < VARIABLE_COUNT + OTHER_COUNT; i++)
		short_names[i] = names[i] + PREFIX_LENGTH;
	for (char **variable = environ; *variable != NULL; variable++) {
		struct span name = span_first(span_from_string(*variable), strcspn(*variable, "="));
		size_t i = 0;

		if (!span_starts_with(name, "MAILCHUTE_"))
			continue;
		while (i < VARIABLE_COUNT + OTHER_COUNT && !span_equals_string(name, names[i]))
			i++;
		/* The part that they share would make them all alike. */
		const char *nearest = nearest_name(
		    span_after(name, PREFIX_LENGTH), short_names, VARIABLE_COUNT + OTHER_COUNT);
		if (i == VARIABLE_COUNT + OTHER_COUNT && nearest != NULL)
			return memory_format("%.*s is set, which is no variable of ours; the "
					     "nearest known one is MAILCHUTE_%s",
			    span_int(name), name.start, nearest);
	}
	return NULL;
}

static void record(struct config *config, const struct variable *variable, const char *text)
{
	if (variable->block == NULL || strcmp(variable->block, "smarthost") != 0) {
		origins_put(config, variable->block, variable->title, variable->option, text,
		    variable->name);
		return;
	}
	for (size_t i = 0; i < config->smarthost_count; i++)
		origins_put(config, variable->block, config->smarthosts[i].parameters.name,
		    variable->option, text, variable->name);
}

static void apply_variables(struct config *config, struct faults *faults)
{
	for (size_t i = 0; i < VARIABLE_COUNT; i++) {
		const struct variable *variable = &variables[i];
		const struct check_place place = { "environment", variable->name };
		const char *text = environment_get(variable->name);
		struct error error;

		if (text == NULL)
			continue;
		if (variable->apply(config, &place, text, &error) == 0)
			record(config, variable, text);
		else
			faults_add(faults, FAULTS_OF_ENVIRONMENT, 0, &error);
	}
}

/* Whoever says so by a file must not see his mail leave, either. */
static int apply_capture_file(struct config *config, struct error *error)
{
	static const struct check_place place = { "environment", "MAILCHUTE_CAPTURE_FILE" };
	CLEANUP(memory_free_secret) char *path = NULL;

	if (environment_get(place.name) == NULL)
		return 0;
	if (environment_read_secret("MAILCHUTE_CAPTURE", &path, error) < 0 ||
	    apply_capture(config, &place, path != NULL ? path : "", error) < 0)
		return -1;
	origins_put(config, NULL, NULL, "capture", path, place.name);
	return 0;
}

/* A smarthost without a from sends as its login, where that is an address. */
static void default_senders(struct config *config)
{
	for (size_t i = 0; i < config->smarthost_count; i++) {
		struct smarthost *smarthost = &config->smarthosts[i].parameters;
		bool had_none = smarthost->from == NULL;

		secrets_default_from(smarthost);
		if (had_none && smarthost->from != NULL)
			origins_explain(config, "smarthost", smarthost->name, "from",
			    smarthost->from, "the login");
	}
}

void overrides_apply(
    const char *run_secrets, bool uses_environment, struct config *config, struct faults *faults)
{
	struct error error;

	if (apply_url(run_secrets, uses_environment, config, &error) < 0 ||
	    apply_login(run_secrets, uses_environment, config, &error) < 0 ||
	    (uses_environment && apply_token(config, &error) < 0))
		faults_add(faults, FAULTS_OF_ENVIRONMENT, 0, &error);
	if (uses_environment) {
		apply_variables(config, faults);
		apply_bundle(config, faults);
	}
	if (uses_environment && apply_capture_file(config, &error) < 0)
		faults_add(faults, FAULTS_OF_ENVIRONMENT, 0, &error);
	default_senders(config);
}

/* Why MAILCHUTE_URL is unset, where somebody set it for the container. */
static char *explain_unset(void)
{
	static const char *const names[] = { "MAILCHUTE_URL", "MAILCHUTE_URL_FILE",
		"MAILCHUTE_CONFIG" };
	const char *clearer = environment_cleared_by();

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		if (!environment_is_set_for_init(names[i]))
			continue;
		if (i == 0)
			return memory_copy_string(
			    ", but set for process 1: PHP-FPM \"clear_env\" or cron removed it");
		return memory_format(", but %s is set for process 1: PHP-FPM \"clear_env\" or "
				     "cron removed it",
		    names[i]);
	}
	/* Process 1 may be another user's, whose environment is not ours to see. */
	if (clearer == NULL)
		return memory_copy_string("");
	return memory_format("; %s hands no variables on%s", clearer,
	    strcmp(clearer, "cron") == 0 ? "" : " unless its pool says clear_env = no");
}

char *overrides_looked(const char *run_secrets, bool uses_environment)
{
	CLEANUP(memory_free_string) char *file = memory_format("%s/mailchute_url", run_secrets);
	CLEANUP(memory_free_string) char *why = NULL;
	const char *state = access(file, F_OK) == 0 ? "empty" : "missing";

	if (!uses_environment || !environment_counts())
		return memory_format("%s (%s), MAILCHUTE_URL (does not count here)", file, state);
	why = explain_unset();
	return memory_format("%s (%s), MAILCHUTE_URL (unset here%s)", file, state, why);
}
