/* SPDX-License-Identifier: MIT */

#include "config/config.h"

#include <assert.h>
#include <confuse.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/file.h"
#include "base/memory.h"
#include "config/alias_list.h"
#include "config/check.h"
#include "config/environment.h"
#include "config/host.h"
#include "config/lint.h"
#include "config/nearest.h"
#include "config/overrides.h"

enum { SETTINGS_LIMIT = 1 << 20, OPTION_LIMIT = 64 };

static const char compiled_main_file[] = MAILCHUTE_SYSCONFDIR "/mailchute.conf";
static const char compiled_secrets_file[] = MAILCHUTE_SYSCONFDIR "/secrets.ini";

/* The file being read. */
struct settings {
	const char *path;
	struct span text;
	bool is_public; /* others may read it */
	struct error *error;
};

/* One block of it; name NULL: the options outside of blocks. */
struct block {
	const struct settings *settings;
	cfg_t *section;
	const char *name;
	const char *title;
};

/*
 * libConfuse's error function gets no context.  An option that no file can
 * set, its name being a line end, stands in every block and leads here.
 */
struct complaint {
	char *never_set;
	const struct settings *settings;
	bool is_filled;
};

static const char complaint_option[] = "\n";

static struct complaint *complaint_of(cfg_t *section)
{
	for (const cfg_opt_t *option = section->opts; option->name != NULL; option++)
		if (strcmp(option->name, complaint_option) == 0)
			return (struct complaint *)(void *)option->simple_value.string;
	return NULL;
}

static const char *nearest_option(const cfg_t *section, const char *given)
{
	const char *names[OPTION_LIMIT];
	size_t count = 0;

	for (const cfg_opt_t *option = section->opts; option->name != NULL; option++)
		if (strcmp(option->name, complaint_option) != 0 && count < OPTION_LIMIT)
			names[count++] = option->name;
	return nearest_name(span_from_string(given), names, count);
}

static void refuse_option(cfg_t *section, const struct settings *settings, const char *given)
{
	const char *nearest = nearest_option(section, given);
	bool is_outside = strcmp(cfg_name(section), "root") == 0;

	error_set(settings->error, ERROR_CONFIG, "5.3.5",
	    "%s line %d: there is no option \"%s\" %s%s", settings->path, section->line, given,
	    is_outside ? "outside of blocks" : "in ", is_outside ? "" : cfg_name(section));
	if (nearest != NULL)
		error_next(settings->error, "the nearest known one is \"%s\"", nearest);
}

static void hear_complaint(cfg_t *section, const char *format, va_list arguments)
    __attribute__((format(printf, 2, 0)));

static void hear_complaint(cfg_t *section, const char *format, va_list arguments)
{
	struct complaint *complaint = complaint_of(section);
	char text[ERROR_TEXT_SIZE];

	/* The first one is nearest to the cause. */
	if (complaint == NULL || complaint->is_filled)
		return;
	complaint->is_filled = true;
	if (strcmp(format, "no such option '%s'") == 0) {
		refuse_option(section, complaint->settings, va_arg(arguments, const char *));
		return;
	}
	vsnprintf(text, sizeof text, format, arguments);
	error_set(complaint->settings->error, ERROR_CONFIG, "5.3.5", "%s line %d: %s",
	    complaint->settings->path, section->line, text);
}

/* Values */

static char *where_is(const struct block *block, const char *option)
{
	int line = lint_find_line(block->settings->text, block->name, block->title, option);

	return memory_format("%s line %d", block->settings->path, line);
}

/* A value that came out empty, by an unset variable, is no value. */
static const char *get(const struct block *block, const char *option)
{
	const char *text = cfg_getstr(block->section, option);

	return text != NULL && text[0] != '\0' ? text : NULL;
}

typedef int check_function(const struct check_place *place, const char *text, struct error *error);

static int check_ehlo(const struct check_place *place, const char *text, struct error *error)
{
	return strcmp(text, "auto") == 0 ? 0 : check_domain(place, text, true, error);
}

static int check_plain_domain(
    const struct check_place *place, const char *text, struct error *error)
{
	return check_domain(place, text, false, error);
}

static int check_full_address(
    const struct check_place *place, const char *text, struct error *error)
{
	return check_address(place, text, false, error);
}

static int take_string(
    const struct block *block, const char *option, check_function *check, char **target)
{
	const char *text = get(block, option);

	if (text == NULL)
		return 0;
	CLEANUP(memory_free_string) char *where = where_is(block, option);
	if (check(&(struct check_place){ where, option }, text, block->settings->error) < 0)
		return -1;
	free(*target);
	*target = memory_copy_string(text);
	return 0;
}

static int take_duration(const struct block *block, const char *option, int64_t *target)
{
	const char *text = get(block, option);

	if (text == NULL)
		return 0;
	CLEANUP(memory_free_string) char *where = where_is(block, option);
	return check_duration(
	    &(struct check_place){ where, option }, text, target, block->settings->error);
}

static int read_identity(const struct block *block, struct config *config)
{
	if (take_string(block, "ehlo", check_ehlo, &config->ehlo) < 0)
		return -1;
	return take_string(block, "domain", check_plain_domain, &config->domain);
}

static int read_retry(const struct block *block, struct config *config)
{
	struct config_alias list = { 0 };
	CLEANUP(memory_free_string) char *where = where_is(block, "retry");
	int outcome = 0;

	for (unsigned i = 0; i < cfg_size(block->section, "retry"); i++)
		alias_list_add_targets(&list, cfg_getnstr(block->section, "retry", i));
	int64_t *retry = memory_allocate((list.target_count + 1) * sizeof *retry);
	for (size_t i = 0; i < list.target_count && outcome == 0; i++)
		outcome = check_duration(&(struct check_place){ where, "retry" }, list.targets[i],
		    &retry[i], block->settings->error);
	if (outcome == 0 && list.target_count != 0) {
		int64_t *old = config->retry;

		config->retry = retry;
		config->retry_count = list.target_count;
		retry = old;
	}
	free(retry);
	alias_list_finish(&list);
	return outcome;
}

static int read_queue(const struct block *block, struct config *config)
{
	if (take_string(block, "dir", check_path, &config->spool) < 0 ||
	    take_duration(block, "lifetime", &config->lifetime) < 0)
		return -1;
	return read_retry(block, config);
}

static int read_submit(const struct block *block, struct config *config)
{
	const char *mode = get(block, "mode");
	const char *wait = get(block, "wait");

	if (mode != NULL) {
		CLEANUP(memory_free_string) char *where = where_is(block, "mode");
		if (check_mode(&(struct check_place){ where, "mode" }, mode, &config->mode,
			block->settings->error) < 0)
			return -1;
	}
	if (wait != NULL) {
		CLEANUP(memory_free_string) char *where = where_is(block, "wait");
		if (check_wait(&(struct check_place){ where, "wait" }, wait, &config->wait,
			block->settings->error) < 0)
			return -1;
	}
	if (take_duration(block, "wait_limit", &config->wait_limit) < 0)
		return -1;
	return take_duration(block, "timeout", &config->timeout);
}

static int read_log(const struct block *block, struct config *config)
{
	return take_string(block, "to", check_log, &config->log_to);
}

static int read_url(const struct block *block, struct smarthost *smarthost)
{
	const char *url = get(block, "url");
	struct error *error = block->settings->error;
	CLEANUP(memory_free_string) char *where = where_is(block, url != NULL ? "url" : NULL);

	if (url == NULL) {
		error_set(error, ERROR_CONFIG, "5.3.5", "%s: smarthost \"%s\" has no url", where,
		    block->title);
		return error_next(error, "write: url = \"smtp+tls://smtp.example.com:587\"");
	}
	if (smarthost_set_url(smarthost, span_from_string(url), error) < 0)
		return error_prefix(error, "%s: ", where);
	if (smarthost->password == NULL || !block->settings->is_public)
		return 0;
	error_set(error, ERROR_CONFIG, "5.3.5",
	    "%s: the url of smarthost \"%s\" holds a password, and everyone may read this file",
	    where, block->title);
	return error_next(
	    error, "move user and password to secrets.ini, section [%s]", block->title);
}

static int check_smarthost_title(const struct block *block, const struct config *config)
{
	CLEANUP(memory_free_string) char *where = where_is(block, NULL);
	struct error *error = block->settings->error;

	if (check_title(&(struct check_place){ where, "smarthost" }, block->title, error) < 0)
		return -1;
	for (size_t i = 0; i < config->smarthost_count; i++)
		if (strcasecmp(config->smarthosts[i].parameters.name, block->title) == 0)
			return error_set(error, ERROR_CONFIG, "5.3.5",
			    "%s: smarthost \"%s\" differs from \"%s\" in line %d only by case, "
			    "which secrets.ini cannot tell apart",
			    where, block->title, config->smarthosts[i].parameters.name,
			    config->smarthosts[i].place.line);
	return 0;
}

static void finish_smarthost(struct config_smarthost *smarthost)
{
	smarthost_finish(&smarthost->parameters);
	free(smarthost->secret);
	free(smarthost->place.file);
	*smarthost = (struct config_smarthost){ 0 };
}

/* Two options that do not go together. */
static int refuse_pair(
    const struct block *block, const char *option, const char *why, const char *next)
{
	CLEANUP(memory_free_string) char *where = where_is(block, option);

	error_set(block->settings->error, ERROR_CONFIG, "5.3.5", "%s: smarthost \"%s\": %s", where,
	    block->title, why);
	return error_next(block->settings->error, "%s", next);
}

static int check_server_name(const struct check_place *place, const char *text, struct error *error)
{
	struct error unused;

	if (check_ip_address(place, text, &unused) == 0)
		return 0;
	return check_domain(place, text, false, error);
}

static int read_tls(const struct block *block, struct smarthost *smarthost)
{
	const char *minimum = get(block, "tls_min");

	if (take_string(block, "ca_file", check_path, &smarthost->ca_file) < 0 ||
	    take_string(block, "client_cert", check_path, &smarthost->client_certificate) < 0 ||
	    take_string(block, "client_key", check_path, &smarthost->client_key) < 0 ||
	    take_string(block, "tls_name", check_server_name, &smarthost->tls_name) < 0 ||
	    take_string(block, "tls_fingerprint", check_fingerprint, &smarthost->tls_fingerprint) <
		0)
		return -1;
	if (minimum != NULL) {
		CLEANUP(memory_free_string) char *where = where_is(block, "tls_min");
		if (check_tls_min(&(struct check_place){ where, "tls_min" }, minimum,
			&smarthost->tls_min_is_1_3, block->settings->error) < 0)
			return -1;
	}
	if (smarthost->client_key != NULL && smarthost->client_certificate == NULL)
		return refuse_pair(block, "client_key", "client_key stands without client_cert",
		    "write both, or client_cert alone for a file that holds both");
	if (smarthost->tls_fingerprint != NULL && smarthost->tls == SMARTHOST_TLS_NEVER)
		return refuse_pair(block, "tls_fingerprint",
		    "tls_fingerprint asks for TLS, and the url says that there is none",
		    "begin the url with smtp+tls:// or smtps://");
	return 0;
}

/* A login by certificate wants one, but where the uid of a socket may do. */
static int read_auth(const struct block *block, struct smarthost *smarthost)
{
	const char *auth = get(block, "auth");

	if (auth == NULL)
		return 0;
	CLEANUP(memory_free_string) char *where = where_is(block, "auth");
	if (check_auth(&(struct check_place){ where, "auth" }, auth, &smarthost->auth,
		block->settings->error) < 0)
		return -1;
	if (smarthost->auth != SMARTHOST_AUTH_EXTERNAL || smarthost->is_loopback ||
	    smarthost->client_certificate != NULL)
		return 0;
	return refuse_pair(block, "auth",
	    "auth = \"external\" logs in by a client certificate, and there is none",
	    "write: client_cert = \"/path/to/file.pem\"");
}

static int read_addresses(const struct block *block, struct smarthost *smarthost)
{
	const char *family = get(block, "ip");

	if (family != NULL) {
		CLEANUP(memory_free_string) char *where = where_is(block, "ip");
		if (check_family(&(struct check_place){ where, "ip" }, family, &smarthost->family,
			block->settings->error) < 0)
			return -1;
	}
	if (take_string(block, "source", check_ip_address, &smarthost->source) < 0)
		return -1;
	if (smarthost->source == NULL || smarthost->family == 0 ||
	    (strchr(smarthost->source, ':') != NULL) == (smarthost->family == 6))
		return 0;
	return refuse_pair(block, "source", "source is no address of the family that ip allows",
	    "write: ip = \"any\", or another source");
}

static int take_count(
    const struct block *block, const char *option, unsigned limit, unsigned *target)
{
	const char *text = get(block, option);

	if (text == NULL)
		return 0;
	CLEANUP(memory_free_string) char *where = where_is(block, option);
	return check_count(
	    &(struct check_place){ where, option }, text, limit, target, block->settings->error);
}

/* How much at once, and how much in a time. */
static int read_pace(const struct block *block, struct smarthost *smarthost)
{
	const char *rate = get(block, "rate");

	if (take_count(block, "window", SMARTHOST_WINDOW_LIMIT, &smarthost->window) < 0 ||
	    take_count(block, "burst", SMARTHOST_RATE_LIMIT, &smarthost->burst) < 0)
		return -1;
	if (rate != NULL) {
		CLEANUP(memory_free_string) char *where = where_is(block, "rate");
		return check_rate(&(struct check_place){ where, "rate" }, rate, &smarthost->rate,
		    &smarthost->rate_period, block->settings->error);
	}
	if (smarthost->burst == 1)
		return 0;
	return refuse_pair(
	    block, "burst", "burst stands without a rate", "write: rate = \"30/min\", or no burst");
}

static int read_smarthost(const struct block *block, struct config *config)
{
	CLEANUP(finish_smarthost) struct config_smarthost smarthost = { 0 };
	struct smarthost *parameters = &smarthost.parameters;

	smarthost_init(parameters);
	if (check_smarthost_title(block, config) < 0 || read_url(block, parameters) < 0)
		return -1;
	free(parameters->name);
	parameters->name = memory_copy_string(block->title);
	smarthost.secret = memory_copy_string(block->title);
	if (take_string(block, "secret", check_title, &smarthost.secret) < 0 ||
	    take_string(block, "from", check_full_address, &parameters->from) < 0 ||
	    read_tls(block, parameters) < 0 || read_auth(block, parameters) < 0 ||
	    read_addresses(block, parameters) < 0 || read_pace(block, parameters) < 0 ||
	    take_duration(block, "timeout", &parameters->connect_timeout) < 0)
		return -1;
	smarthost.place.file = memory_copy_string(block->settings->path);
	smarthost.place.line = lint_find_line(
	    block->settings->text, block->name, block->title, NULL);
	config->smarthosts = memory_resize_array(
	    config->smarthosts, config->smarthost_count + 1, sizeof smarthost);
	config->smarthosts[config->smarthost_count++] = smarthost;
	smarthost = (struct config_smarthost){ 0 };
	return 0;
}

static int check_alias_title(const struct block *block, const struct config *config)
{
	CLEANUP(memory_free_string) char *where = where_is(block, NULL);
	struct error *error = block->settings->error;
	const struct config_alias *twin = alias_list_find(config, block->title);

	if (strchr(block->title, '@') != NULL) {
		error_set(error, ERROR_CONFIG, "5.3.5",
		    "%s: alias \"%s\": an alias is for a name without @", where, block->title);
		return error_next(
		    error, "write: alias \"%.*s\"", (int)strcspn(block->title, "@"), block->title);
	}
	if (twin != NULL)
		return error_set(error, ERROR_CONFIG, "5.3.5",
		    "%s: there is an alias \"%s\" in line %d already", where, twin->name,
		    twin->place.line);
	return check_address(&(struct check_place){ where, "alias" }, block->title, true, error);
}

static int read_alias(const struct block *block, struct config *config)
{
	CLEANUP(alias_list_finish) struct config_alias alias = { 0 };
	CLEANUP(memory_free_string) char *where = NULL;
	int line = lint_find_line(block->settings->text, block->name, block->title, "to");

	if (check_alias_title(block, config) < 0)
		return -1;
	for (unsigned i = 0; i < cfg_size(block->section, "to"); i++)
		alias_list_add_targets(&alias, cfg_getnstr(block->section, "to", i));
	where = where_is(block, line != 0 ? "to" : NULL);
	if (alias_list_check(&(struct check_place){ where, "to" }, &alias, block->settings->error) <
	    0)
		return -1;
	alias.name = memory_copy_string(block->title);
	alias.place.file = memory_copy_string(block->settings->path);
	alias.place.line = lint_find_line(block->settings->text, block->name, block->title, NULL);
	alias_list_put(config, &alias);
	return 0;
}

typedef int read_function(const struct block *block, struct config *config);

static int read_blocks(const struct settings *settings, cfg_t *file, const char *name,
    read_function *read, struct config *config)
{
	for (unsigned i = 0; i < cfg_size(file, name); i++) {
		cfg_t *section = cfg_getnsec(file, name, i);
		const struct block block = { settings, section, name, cfg_title(section) };

		if (read(&block, config) < 0)
			return -1;
	}
	return 0;
}

static int read_file(const struct settings *settings, cfg_t *file, struct config *config)
{
	const struct block outside = { settings, file, NULL, NULL };

	if (take_string(&outside, "aliases_file", check_path, &config->aliases_file) < 0 ||
	    read_blocks(settings, file, "identity", read_identity, config) < 0 ||
	    read_blocks(settings, file, "smarthost", read_smarthost, config) < 0 ||
	    read_blocks(settings, file, "alias", read_alias, config) < 0 ||
	    read_blocks(settings, file, "submit", read_submit, config) < 0 ||
	    read_blocks(settings, file, "queue", read_queue, config) < 0)
		return -1;
	return read_blocks(settings, file, "log", read_log, config);
}

static void free_file(cfg_t **file)
{
	if (*file != NULL)
		cfg_free(*file);
}

/* Every option there is.  Without defaults: those are ours (set_defaults). */
static int parse_settings(const struct settings *settings, const char *text, struct config *config)
{
	struct complaint complaint = { .settings = settings };
	const cfg_opt_t way_out = CFG_SIMPLE_STR(complaint_option, &complaint.never_set);
	cfg_opt_t identity[] = { CFG_STR("ehlo", NULL, CFGF_NODEFAULT),
		CFG_STR("domain", NULL, CFGF_NODEFAULT), way_out, CFG_END() };
	cfg_opt_t smarthost[] = { CFG_STR("url", NULL, CFGF_NODEFAULT),
		CFG_STR("secret", NULL, CFGF_NODEFAULT), CFG_STR("from", NULL, CFGF_NODEFAULT),
		CFG_STR("ca_file", NULL, CFGF_NODEFAULT), CFG_STR("timeout", NULL, CFGF_NODEFAULT),
		CFG_STR("auth", NULL, CFGF_NODEFAULT), CFG_STR("client_cert", NULL, CFGF_NODEFAULT),
		CFG_STR("client_key", NULL, CFGF_NODEFAULT),
		CFG_STR("tls_name", NULL, CFGF_NODEFAULT),
		CFG_STR("tls_fingerprint", NULL, CFGF_NODEFAULT),
		CFG_STR("tls_min", NULL, CFGF_NODEFAULT), CFG_STR("ip", NULL, CFGF_NODEFAULT),
		CFG_STR("source", NULL, CFGF_NODEFAULT), CFG_STR("window", NULL, CFGF_NODEFAULT),
		CFG_STR("rate", NULL, CFGF_NODEFAULT), CFG_STR("burst", NULL, CFGF_NODEFAULT),
		way_out, CFG_END() };
	cfg_opt_t alias[] = { CFG_STR_LIST("to", NULL, CFGF_NODEFAULT), way_out, CFG_END() };
	cfg_opt_t submit[] = { CFG_STR("mode", NULL, CFGF_NODEFAULT),
		CFG_STR("wait", NULL, CFGF_NODEFAULT), CFG_STR("wait_limit", NULL, CFGF_NODEFAULT),
		CFG_STR("timeout", NULL, CFGF_NODEFAULT), way_out, CFG_END() };
	cfg_opt_t queue[] = { CFG_STR("dir", NULL, CFGF_NODEFAULT),
		CFG_STR_LIST("retry", NULL, CFGF_NODEFAULT),
		CFG_STR("lifetime", NULL, CFGF_NODEFAULT), way_out, CFG_END() };
	cfg_opt_t log[] = { CFG_STR("to", NULL, CFGF_NODEFAULT), way_out, CFG_END() };
	const cfg_flag_t titled = CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES;
	cfg_opt_t options[] = { CFG_SEC("identity", identity, CFGF_NODEFAULT),
		CFG_SEC("smarthost", smarthost, titled), CFG_SEC("alias", alias, titled),
		CFG_STR("aliases_file", NULL, CFGF_NODEFAULT),
		CFG_SEC("submit", submit, CFGF_NODEFAULT), CFG_SEC("queue", queue, CFGF_NODEFAULT),
		CFG_SEC("log", log, CFGF_NODEFAULT), way_out, CFG_END() };
	CLEANUP(free_file) cfg_t *file = cfg_init(options, CFGF_NONE);

	assert(file != NULL);
	cfg_set_error_function(file, hear_complaint);
	if (cfg_parse_buf(file, text) != CFG_SUCCESS) {
		if (!complaint.is_filled)
			error_set(settings->error, ERROR_CONFIG, "5.3.5", "%s cannot be parsed",
			    settings->path);
		return -1;
	}
	return read_file(settings, file, config);
}

/* Whoever starts a set-id process would choose the smarthost, and collect the password. */
static int refuse_expansion(const struct settings *settings, bool may_expand)
{
	int line = may_expand ? 0 : lint_find_expansion(settings->text);

	if (line == 0)
		return 0;
	error_set(settings->error, ERROR_CONFIG, "5.3.5",
	    "%s line %d: ${...} reads the environment, which does not count in this process",
	    settings->path, line);
	return error_next(settings->error, "write the value itself");
}

/* 0, or 1 when the file is missing. */
static int read_main_file(
    const char *path, bool may_expand, struct config *config, struct error *error)
{
	CLEANUP(file_close) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	CLEANUP(buffer_finish) struct buffer text = { 0 };
	struct stat status = { 0 };

	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return 1;
	buffer_init(&text, SETTINGS_LIMIT);
	int outcome = fd < 0 || fstat(fd, &status) < 0 ? -1 : file_read_to_end(fd, &text);
	if (outcome < 0) {
		error_system(error, "cannot read %s as uid %u", path, (unsigned)geteuid());
		error->kind = ERROR_CONFIG;
		snprintf(error->status, sizeof error->status, "4.3.5");
		return error_next(error, "it holds no secrets: chmod 644 %s", path);
	}
	if (outcome > 0)
		return error_set(error, ERROR_CONFIG, "5.3.5", "%s is larger than %d bytes", path,
		    SETTINGS_LIMIT);
	const struct settings settings = { path, span_first(buffer_span(&text), text.length),
		(status.st_mode & S_IROTH) != 0, error };
	if (lint_settings(path, settings.text, error) < 0 ||
	    refuse_expansion(&settings, may_expand) < 0)
		return -1;
	return parse_settings(&settings, buffer_string(&text), config);
}

/* The whole */

static void set_defaults(struct config *config)
{
	static const int64_t retry[] = { 30000, 120000, 600000, 1800000, 3600000 };

	*config = (struct config){
		.aliases_file = memory_copy_string("/etc/aliases"),
		.spool = memory_copy_string(MAILCHUTE_SPOOL_DIR),
		.mode = CONFIG_MODE_AUTO,
		.wait = CONFIG_WAIT_AUTO,
		.wait_limit = 3000,
		.timeout = 20000,
		.retry = memory_allocate(sizeof retry),
		.retry_count = sizeof retry / sizeof retry[0],
		.lifetime = INT64_C(5) * 24 * 60 * 60 * 1000,
		.log_to = memory_copy_string("auto"),
	};
	memcpy(config->retry, retry, sizeof retry);
}

/* Debian's own answer to "what completes a bare name here". */
static char *read_mailname(void)
{
	CLEANUP(buffer_finish) struct buffer text = { 0 };
	struct error error;
	struct span line;

	buffer_init(&text, 4096);
	if (file_read_whole("/etc/mailname", &text, &error) < 0)
		return NULL;
	struct span rest = buffer_span(&text);
	if (!span_take_line(&rest, &line))
		return NULL;
	line = span_trim(line);
	if (span_find_byte(line, '\0') >= 0 ||
	    span_equals_string_ignoring_case(line, "localhost") ||
	    span_starts_with_ignoring_case(line, "localhost."))
		return NULL;
	char *name = span_copy(line);
	if (check_domain(&(struct check_place){ "/etc/mailname", "name" }, name, false, &error) < 0)
		memory_free_string(&name);
	return name;
}

/* The FQDN may cost a look-up, so it is asked for last and once. */
static void complete_identity(struct config *config)
{
	CLEANUP(memory_free_string) char *full = NULL;

	if (config->ehlo != NULL && strcmp(config->ehlo, "auto") == 0)
		memory_free_string(&config->ehlo);
	if (config->domain == NULL)
		config->domain = read_mailname();
	if (config->ehlo == NULL || config->domain == NULL)
		full = host_fully_qualified();
	if (config->ehlo == NULL)
		config->ehlo = full != NULL ? memory_copy_string(full) : host_address_literal();
	if (config->domain == NULL)
		config->domain = full != NULL ? memory_copy_string(full) : host_name();
}

/* The nearest one to this process: its service's credentials, its container's, the machine's. */
static char *find_secrets_file(const struct config_sources *sources, const char *run_secrets)
{
	const char *credentials = getenv("CREDENTIALS_DIRECTORY");

	if (sources->secrets_file != NULL)
		return memory_copy_string(sources->secrets_file);
	/* systemd sets it for root's services too, where our own variables do not count. */
	if (credentials != NULL && !sources->ignores_environment &&
	    (environment_counts() ||
		(environment_may_expand() && strncmp(credentials, "/run/credentials/", 17) == 0))) {
		char *path = memory_format("%s/secrets.ini", credentials);

		if (access(path, F_OK) == 0)
			return path;
		free(path);
	}
	char *path = memory_format("%s/mailchute/secrets.ini", run_secrets);
	if (access(path, F_OK) == 0 || errno == EACCES)
		return path;
	free(path);
	return memory_copy_string(compiled_secrets_file);
}

static int load(const struct config_sources *sources, struct config *config, struct error *error)
{
	bool uses_environment = !sources->ignores_environment;
	const char *named = uses_environment ? environment_get("MAILCHUTE_CONFIG") : NULL;
	const char *run_secrets = sources->run_secrets != NULL ? sources->run_secrets
							       : "/run/secrets";
	const char *path = compiled_main_file;

	if (sources->main_file != NULL)
		path = sources->main_file;
	else if (named != NULL)
		path = named;
	int outcome = read_main_file(
	    path, uses_environment && environment_may_expand(), config, error);
	if (outcome < 0)
		return -1;
	if (outcome > 0 && path == named)
		return error_set(error, ERROR_CONFIG, "5.3.5",
		    "MAILCHUTE_CONFIG names %s, which does not exist", path);
	if (overrides_apply(run_secrets, uses_environment, config, error) < 0)
		return -1;
	complete_identity(config);
	config->secrets_file = find_secrets_file(sources, run_secrets);
	if (config->smarthost_count == 0) {
		CLEANUP(memory_free_string)
		char *others = overrides_looked(run_secrets, uses_environment);

		config->looked = memory_format(
		    "%s (%s), %s", path, outcome > 0 ? "missing" : "names none", others);
	}
	return 0;
}

int config_load(const struct config_sources *sources, struct config *config, struct error *error)
{
	CLEANUP(config_finish) struct config fresh = { 0 };

	set_defaults(&fresh);
	if (load(sources, &fresh, error) < 0)
		return -1;
	*config = fresh;
	fresh = (struct config){ 0 };
	return 0;
}

void config_finish(struct config *config)
{
	for (size_t i = 0; i < config->smarthost_count; i++)
		finish_smarthost(&config->smarthosts[i]);
	for (size_t i = 0; i < config->alias_count; i++)
		alias_list_finish(&config->aliases[i]);
	free(config->smarthosts);
	free(config->aliases);
	free(config->ehlo);
	free(config->domain);
	free(config->aliases_file);
	free(config->spool);
	free(config->retry);
	free(config->log_to);
	free(config->secrets_file);
	free(config->looked);
	*config = (struct config){ 0 };
}

int config_no_smarthost(const struct config *config, struct error *error)
{
	assert(config->smarthost_count == 0);
	error_set(error, ERROR_CONFIG, "4.3.5",
	    "no smarthost is configured, so there is nowhere to send mail (looked: %s)",
	    config->looked != NULL ? config->looked : compiled_main_file);
	return error_next(error,
	    "write to %s: smarthost \"provider\" { url = \"smtp+tls://smtp.example.com:587\" "
	    "from = \"you@example.com\" } and: alias \"root\" { to = { \"you@example.com\" } }; "
	    "in a container mount the URL as /run/secrets/mailchute_url",
	    compiled_main_file);
}
