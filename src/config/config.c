/* SPDX-License-Identifier: MIT */

#include "config/config.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/file.h"
#include "base/memory.h"
#include "config/alias_list.h"
#include "config/blocks.h"
#include "config/check.h"
#include "config/entries.h"
#include "config/environment.h"
#include "config/faults.h"
#include "config/files.h"
#include "config/host.h"
#include "config/older.h"
#include "config/origins.h"
#include "config/overrides.h"
#include "config/route_block.h"

static const char compiled_main_file[] = MAILCHUTE_SYSCONFDIR "/mailchute.conf";
static const char compiled_secrets_file[] = MAILCHUTE_SYSCONFDIR "/secrets.ini";

const struct config_limits config_default_limits = {
	.sessions = 100,
	.sessions_per_uid = 20,
	.messages_per_uid = 1000,
	.size_per_uid = (uint64_t)100 << 20,
	.reserve = (uint64_t)64 << 20,
	.reserve_percent = 5,
};

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

static void complete_ehlo(struct config *config, const char *full)
{
	if (strcmp(config->ehlo, "auto") != 0)
		return;
	free(config->ehlo);
	config->ehlo = full != NULL ? memory_copy_string(full) : host_address_literal();
	origins_explain(config, "identity", NULL, "ehlo", config->ehlo,
	    full != NULL ? "this machine's full name" : "this machine's address");
}

static void complete_domain(struct config *config, const char *mailname, const char *full)
{
	if (config->domain != NULL)
		return;
	if (mailname != NULL) {
		config->domain = memory_copy_string(mailname);
		config->domain_source = memory_copy_string("/etc/mailname");
	} else {
		config->domain = full != NULL ? memory_copy_string(full) : host_name();
		config->domain_source = memory_copy_string(
		    full != NULL ? "this machine's full name" : "this machine's name");
	}
	origins_explain(config, "identity", NULL, "domain", config->domain, config->domain_source);
}

/* The FQDN may cost a look-up, so it is asked for last and once. */
static void complete_identity(struct config *config)
{
	CLEANUP(memory_free_string)
	char *mailname = config->domain == NULL ? read_mailname() : NULL;
	CLEANUP(memory_free_string) char *full = NULL;

	if (strcmp(config->ehlo, "auto") == 0 || (config->domain == NULL && mailname == NULL))
		full = host_fully_qualified();
	complete_ehlo(config, full);
	complete_domain(config, mailname, full);
}

static void explain_secrets(struct config *config)
{
	for (size_t i = 0; i < config->smarthost_count; i++) {
		const struct config_smarthost *smarthost = &config->smarthosts[i];
		const struct config_origin *origin = config_find_origin(
		    config, "smarthost", smarthost->parameters.name, "secret");

		if (origin == NULL || !origin->is_set)
			origins_explain(config, "smarthost", smarthost->parameters.name, "secret",
			    smarthost->secret, "the title");
	}
}

/* Whoever names another mailchute.conf has his secrets beside it, unless only the machine has any.
 */
static char *secrets_beside(const char *named)
{
	const char *slash = named != NULL ? strrchr(named, '/') : NULL;

	if (slash == NULL)
		return memory_copy_string(compiled_secrets_file);
	char *path = memory_format(
	    "%.*s/secrets.ini", span_int(span_from_bytes(named, (size_t)(slash - named))), named);
	if ((access(path, F_OK) == 0 || errno != ENOENT) || access(compiled_secrets_file, R_OK) < 0)
		return path;
	free(path);
	return memory_copy_string(compiled_secrets_file);
}

/* The nearest one to this process: its service's credentials, its container's, the machine's. */
static char *find_secrets_file(
    const struct config_sources *sources, const char *named, const char *run_secrets)
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
	return secrets_beside(named);
}

static const char *find_main_file(const struct config_sources *sources, const char *named)
{
	if (sources->main_file != NULL)
		return sources->main_file;
	return named != NULL ? named : compiled_main_file;
}

static void add_source(struct config *config, char *path)
{
	struct config_list *sources = &config->sources;

	sources->items = memory_resize_array(
	    sources->items, sources->count + 1, sizeof *sources->items);
	sources->items[sources->count++] = path;
}

/* Whatever may stand in one of them that is missing now. */
static void note_sources(struct config *config, const struct entries *entries,
    const char *main_file, const char *run_secrets)
{
	const char *slash = strrchr(main_file, '/');

	add_source(config, memory_copy_string(main_file));
	if (slash != NULL)
		add_source(
		    config, memory_format("%.*s/conf.d", (int)(slash - main_file), main_file));
	for (size_t i = 0; i < entries->file_count; i++)
		add_source(config, memory_copy_string(entries->files[i].path));
	add_source(config, memory_format("%s/mailchute_url", run_secrets));
	add_source(config, memory_format("%s/smtp_password", run_secrets));
}

static void refuse_missing(const char *path, struct faults *faults)
{
	struct error error;

	error_set(
	    &error, ERROR_CONFIG, "5.3.5", "MAILCHUTE_CONFIG names %s, which does not exist", path);
	faults_add(faults, 0, 0, &error);
}

static void load(const struct config_sources *sources, struct config *config, struct faults *faults)
{
	CLEANUP(entries_finish) struct entries entries = { 0 };
	bool uses_environment = !sources->ignores_environment;
	const char *named = uses_environment ? environment_get("MAILCHUTE_CONFIG") : NULL;
	const char *run_secrets = sources->run_secrets != NULL ? sources->run_secrets
							       : "/run/secrets";
	const char *path = find_main_file(sources, named);
	bool is_there = files_read(
	    path, uses_environment && environment_may_expand(), &entries, faults);

	note_sources(config, &entries, path, run_secrets);
	if (!is_there && path == named)
		refuse_missing(path, faults);
	blocks_read(&entries, faults, config);
	origins_fill(config, &entries);
	overrides_apply(run_secrets, uses_environment, config, faults);
	if (faults->count != 0)
		return;
	complete_identity(config);
	explain_secrets(config);
	config->secrets_file = find_secrets_file(sources, named, run_secrets);
	if (config->smarthost_count == 0) {
		CLEANUP(memory_free_string)
		char *others = overrides_looked(run_secrets, uses_environment);

		config->looked = memory_format(
		    "%s (%s), %s", path, is_there ? "names none" : "missing", others);
	}
}

/* The first one, and how many there are besides. */
static int conclude(const struct faults *faults, struct error *error)
{
	size_t others = faults->count + faults->left_out - 1;
	const struct error *first = &faults->items[0].error;

	*error = *first;
	if (others == 0)
		return -1;
	return error_next(error, "%s%s(and %zu more: mailchute doctor shows them)", first->next,
	    first->next[0] != '\0' ? " " : "", others);
}

int config_load_telling(const struct config_sources *sources, struct config *config,
    config_tell *tell, void *context, struct error *error)
{
	CLEANUP(config_finish) struct config fresh = { 0 };
	CLEANUP(faults_finish) struct faults faults = { 0 };

	load(sources, &fresh, &faults);
	for (size_t i = 0; i < faults.count && tell != NULL; i++)
		tell(context, &faults.items[i].error);
	if (faults.count != 0)
		return conclude(&faults, error);
	*config = fresh;
	fresh = (struct config){ 0 };
	return 0;
}

int config_load(const struct config_sources *sources, struct config *config, struct error *error)
{
	return config_load_telling(sources, config, NULL, NULL, error);
}

void config_finish_smarthost(struct config_smarthost *smarthost)
{
	smarthost_finish(&smarthost->parameters);
	free(smarthost->secret);
	free(smarthost->place.file);
	*smarthost = (struct config_smarthost){ 0 };
}

void config_finish(struct config *config)
{
	for (size_t i = 0; i < config->smarthost_count; i++)
		config_finish_smarthost(&config->smarthosts[i]);
	for (size_t i = 0; i < config->alias_count; i++)
		alias_list_finish(&config->aliases[i]);
	for (size_t i = 0; i < config->route_count; i++)
		route_block_finish(&config->routes[i]);
	free(config->routes);
	free(config->smarthosts);
	free(config->aliases);
	free(config->ehlo);
	free(config->domain);
	free(config->domain_source);
	for (size_t i = 0; i < config->sources.count; i++)
		free(config->sources.items[i]);
	free(config->sources.items);
	free(config->aliases_file);
	free(config->capture);
	for (size_t i = 0; i < config->users.count; i++)
		free(config->users.items[i]);
	free(config->users.items);
	free(config->spool);
	free(config->retry);
	free(config->bounce);
	free(config->log_to);
	free(config->secrets_file);
	free(config->looked);
	origins_finish(config);
	*config = (struct config){ 0 };
}

const struct config_smarthost *config_find_smarthost(const struct config *config, const char *title)
{
	for (size_t i = 0; i < config->smarthost_count; i++)
		if (strcmp(config->smarthosts[i].parameters.name, title) == 0)
			return &config->smarthosts[i];
	return NULL;
}

int config_no_smarthost(const struct config *config, struct error *error)
{
	const char *older = older_find("");

	assert(config->smarthost_count == 0);
	error_set(error, ERROR_CONFIG, "4.3.5",
	    "no smarthost is configured, so there is nowhere to send mail (looked: %s)",
	    config->looked != NULL ? config->looked : compiled_main_file);
	(void)error_code(error, "MC-CONF-15");
	return error_next(error,
	    "%s%smailchute setup, or write to %s: smarthost \"provider\" { url = "
	    "\"smtp+tls://smtp.example.com:587\" from = \"you@example.com\" } and: alias \"root\" "
	    "{ to = { \"you@example.com\" } }; in a container mount the URL as "
	    "/run/secrets/mailchute_url",
	    older != NULL ? older : "",
	    older != NULL ? " is from an older setup: mailchute import; or: " : "",
	    compiled_main_file);
}
