/* SPDX-License-Identifier: MIT */

/* mailchute secret list: which smarthost has which login, and where its secret stands. */

#include "admin/secret.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "admin/command.h"
#include "base/buffer.h"
#include "base/file.h"
#include "base/memory.h"
#include "config/secrets.h"
#include "config/secrets_text.h"

void secret_finish_paths(struct secret_paths *paths)
{
	if (paths->has_config)
		config_finish(&paths->config);
	free(paths->path);
}

int secret_find_paths(struct secret_paths *paths, const char *file, struct error *error)
{
	struct config_sources sources = { 0 };

	if (file != NULL) {
		paths->path = memory_copy_string(file);
		return 0;
	}
	if (config_load(&sources, &paths->config, error) < 0)
		return -1;
	paths->has_config = true;
	paths->path = memory_copy_string(paths->config.secrets_file);
	return 0;
}

static void print_fault(void *context, const struct error *fault)
{
	char line[900];

	(void)context;
	error_line(fault, line, sizeof line);
	fprintf(stderr, "mailchute: %s\n", line);
}

/* "password (line 4)" or "password_file gmail.password (line 4)"; NULL: no secret. */
static char *describe_secret(struct span text, const char *section)
{
	static const char *const keys[] = { "password", "password_file", "token", "token_file",
		"token_command" };
	struct span written;
	int line;

	for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
		if (secrets_text_find(text, section, keys[i], &written, &line))
			return strstr(keys[i], "_file") == NULL
				   ? memory_format("%s (line %d)", keys[i], line)
				   : memory_format("%s %.*s (line %d)", keys[i], span_int(written),
					 written.start, line);
	return NULL;
}

static char *describe_user(struct span text, const char *section)
{
	struct span written;
	int line;

	if (!secrets_text_find(text, section, "user", &written, &line))
		return NULL;
	if (written.length > 1 && strchr("\"'", written.start[0]) != NULL)
		written = span_first(span_after(written, 1), written.length - 2);
	return span_has_control(written) ? memory_copy_string("?") : span_copy(written);
}

static void print_section(struct span text, const char *section, const char *name)
{
	char *user CLEANUP(memory_free_string) = describe_user(text, section);
	char *secret CLEANUP(memory_free_string) = describe_secret(text, section);

	printf("%-20s %-30s %s\n", section, user != NULL ? user : "-",
	    secret != NULL ? secret : "no secret");
	if (name == NULL)
		printf("%-20s   no smarthost uses it\n", "");
	else if (strcmp(name, section) != 0)
		printf("%-20s   of smarthost \"%s\"\n", "", name);
}

static const char *user_of_section(const struct config *config, const char *section)
{
	for (size_t i = 0; i < config->smarthost_count; i++)
		if (span_equals_string_ignoring_case(
			span_from_string(config->smarthosts[i].secret), section))
			return config->smarthosts[i].parameters.name;
	return NULL;
}

static void print_sections(const struct secret_paths *paths, struct span text)
{
	struct span name;
	size_t at = 0;

	while (secrets_text_next_section(text, &at, &name)) {
		char *section CLEANUP(memory_free_string) = span_copy(name);

		print_section(text, section,
		    paths->has_config ? user_of_section(&paths->config, section) : section);
	}
}

/* Their secret may come from elsewhere, or there is none to be had. */
static void print_without(const struct config *config, struct span text)
{
	for (size_t i = 0; i < config->smarthost_count; i++) {
		const struct config_smarthost *smarthost = &config->smarthosts[i];
		bool has_own = smarthost->parameters.password != NULL ||
			       smarthost->parameters.token != NULL;

		if (secrets_text_has_section(text, smarthost->secret))
			continue;
		printf("%-20s %-30s %s\n", smarthost->secret,
		    smarthost->parameters.user != NULL ? smarthost->parameters.user : "-",
		    has_own ? "from the environment or /run/secrets" : "no section, so no login");
	}
}

int secret_list(int argc, char **argv, struct error *error)
{
	struct command_option file = { .name = "--file", .takes_value = true };
	struct buffer text CLEANUP(buffer_finish_secret) = { 0 };
	struct secret_paths paths CLEANUP(secret_finish_paths) = { 0 };

	if (command_read_options(argc, argv, &file, 1, error) < 0 ||
	    secret_find_paths(&paths, file.value, error) < 0)
		return -1;
	int outcome = secrets_check(paths.path, print_fault, NULL, error);
	buffer_init(&text, 1 << 20);
	(void)buffer_reserve(&text, 1 << 20);
	if (access(paths.path, R_OK) < 0 && errno == ENOENT)
		printf("%s: there is no such file\n", paths.path);
	else if (file_read_whole(paths.path, &text, error) < 0)
		return outcome < 0 ? ERROR_CONFIG : -1;
	else
		printf("%s\n", paths.path);
	print_sections(&paths, buffer_span(&text));
	if (paths.has_config)
		print_without(&paths.config, buffer_span(&text));
	return outcome < 0 ? ERROR_CONFIG : 0;
}
