/* SPDX-License-Identifier: MIT */

/*
 * mailchute config: the settings in force, and where each came from
 *
 * What it prints can be read again as a mailchute.conf, but for secrets, which
 * are never shown.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "admin/command.h"
#include "base/buffer.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/span.h"
#include "config/config.h"
#include "config/environment.h"
#include "config/options.h"
#include "config/origins.h"
#include "config/overrides.h"
#include "config/secrets.h"

enum { OUTPUT_LIMIT = 16 << 20, NAME_WIDTH = 16, VALUE_WIDTH = 44 };

/* ---- values as one writes them ---- */

/* In single quotes where double ones would change it. */
static void append_quoted(struct buffer *text, struct span value)
{
	char quote = '"';

	for (size_t i = 0; i < value.length; i++)
		if (strchr("\"\\$", value.start[i]) != NULL)
			quote = '\'';
	buffer_append_byte(text, quote);
	for (size_t i = 0; i < value.length; i++) {
		if (quote == '\'' && (value.start[i] == '\'' || value.start[i] == '\\'))
			buffer_append_byte(text, '\\');
		buffer_append_byte(text, value.start[i]);
	}
	buffer_append_byte(text, quote);
}

static void append_value(struct buffer *text, const char *value, bool is_list)
{
	struct span rest = span_from_string(value);
	struct span part;
	const char *before = "{ ";

	if (!is_list) {
		append_quoted(text, rest);
		return;
	}
	while (span_take_until(&rest, ',', &part)) {
		buffer_append_string(text, before);
		append_quoted(text, span_trim(part));
		before = ", ";
	}
	buffer_append_string(text, before[0] == '{' ? "{ }" : " }");
}

/* "    name = value    # remark", the name behind a # where it is not set. */
static void append_line(struct buffer *text, const char *margin, bool is_set, const char *name,
    const char *value, bool is_list, const char *remark)
{
	size_t start = text->length;

	buffer_format(text, "%s%s%-*s", margin, is_set ? "" : "#", NAME_WIDTH - !is_set, name);
	if (value != NULL) {
		buffer_append_string(text, " = ");
		append_value(text, value, is_list);
	}
	while (text->length - start < strlen(margin) + NAME_WIDTH + VALUE_WIDTH)
		buffer_append_byte(text, ' ');
	buffer_format(text, " # %s\n", remark);
}

/* ---- the defaults ---- */

static void append_options(
    struct buffer *text, const char *block, const char *margin, bool is_example)
{
	for (size_t i = 0; i < options_count(); i++) {
		const struct option *option = options_at(i);
		bool is_default = option->value != NULL && !is_example;

		if ((option->block == NULL) != (block == NULL) ||
		    (block != NULL && strcmp(option->block, block) != 0))
			continue;
		append_line(text, margin, is_default || is_example, option->name,
		    option->value != NULL ? option->value : option->example, option->is_list,
		    option->purpose);
	}
}

static void append_defaults(struct buffer *text)
{
	buffer_append_string(text, "# Every option of mailchute.conf with its default.\n"
				   "# What stands behind a # has none: there it is an example.\n");
	for (size_t i = 0; i < options_block_count(); i++) {
		const struct option_block *block = options_block_at(i);
		const char *mark = block->title != NULL ? "#" : "";

		buffer_format(text, "\n# %s\n%s%s", block->purpose, mark, block->name);
		if (block->title != NULL)
			buffer_format(text, " \"%s\"", block->title);
		buffer_append_string(text, " {\n");
		append_options(text, block->name, block->title != NULL ? "#    " : "    ",
		    block->title != NULL);
		buffer_format(text, "%s}\n", mark);
	}
	buffer_append_byte(text, '\n');
	append_options(text, NULL, "", false);
}

/* ---- what is in force ---- */

/* Login and secret of a smarthost, by secrets.ini. */
static void append_login(struct buffer *text, const struct config *config, const char *title)
{
	const struct config_smarthost *found = config_find_smarthost(config, title);
	CLEANUP(smarthost_finish) struct smarthost smarthost = { 0 };
	struct error error;

	if (found == NULL)
		return;
	smarthost_copy(&found->parameters, &smarthost);
	if (secrets_read(config->secrets_file, found->secret, &smarthost, &error) < 0) {
		buffer_format(text, "    # login: %s\n", error.text);
		return;
	}
	if (found->parameters.user != NULL || smarthost.user == NULL)
		return;
	buffer_format(text, "    # user \"%s\", %s: %s, section [%s]\n", smarthost.user,
	    smarthost.password != NULL ? "password ***"
	    : smarthost.token != NULL  ? "token ***"
				       : "no password",
	    config->secrets_file, found->secret);
}

static bool is_of(const struct config_origin *a, const struct config_origin *b)
{
	if (a->block != b->block || (a->title == NULL) != (b->title == NULL))
		return false;
	return a->title == NULL || strcmp(a->title, b->title) == 0;
}

static void append_origin(struct buffer *text, const struct config_origin *origin)
{
	const char *margin = origin->block != NULL ? "    " : "";
	bool is_known = options_find(span_from_string(origin->block != NULL ? origin->block : ""),
			    span_from_string(origin->option)) != NULL;

	/* user and password are no options of this file. */
	if (!is_known)
		buffer_format(text, "%s# %s %s: %s\n", margin, origin->option,
		    origin->is_secret ? "***" : origin->value, origin->where);
	else
		append_line(text, margin, origin->value != NULL, origin->option, origin->value,
		    origin->is_list, origin->value != NULL ? origin->where : "not set");
}

static bool is_wanted(const struct config_origin *origin, bool wants_changed)
{
	return !wants_changed || origin->is_set;
}

/* From the first row of a block to its last. */
static void append_block(
    struct buffer *text, const struct config *config, size_t first, bool wants_changed)
{
	const struct config_origin *head = &config->origins[first];
	size_t start = text->length;
	bool has_any = false;

	buffer_append_byte(text, '\n');
	if (head->block != NULL) {
		buffer_append_string(text, head->block);
		if (head->title != NULL) {
			buffer_append_byte(text, ' ');
			append_quoted(text, span_from_string(head->title));
		}
		buffer_append_string(text, " {\n");
	}
	for (size_t i = first; i < config->origin_count; i++) {
		if (!is_of(&config->origins[i], head) ||
		    !is_wanted(&config->origins[i], wants_changed))
			continue;
		append_origin(text, &config->origins[i]);
		has_any = true;
	}
	if (!has_any) {
		text->length = start;
		return;
	}
	if (head->block != NULL && strcmp(head->block, "smarthost") == 0)
		append_login(text, config, head->title);
	buffer_append_string(text, head->block != NULL ? "}\n" : "");
}

static bool is_first(const struct config *config, size_t index)
{
	for (size_t i = 0; i < index; i++)
		if (is_of(&config->origins[i], &config->origins[index]))
			return false;
	return true;
}

static void append_note_on_variables(struct buffer *text)
{
	CLEANUP(memory_free_string) char *unknown = overrides_unknown();

	if (unknown != NULL)
		buffer_format(text, "\n# %s\n", unknown);
	for (char **variable = environ; *variable != NULL && !environment_counts(); variable++) {
		if (strncmp(*variable, "MAILCHUTE_", 10) != 0)
			continue;
		buffer_append_string(text,
		    "\n# Variables MAILCHUTE_... do not count for root where a mailchute.conf is "
		    "installed,\n# nor in a set-id process.\n");
		return;
	}
}

static void append_note_on_smarthosts(struct buffer *text, const struct config *config)
{
	struct error error;

	if (config->smarthost_count != 0 || config->capture != NULL)
		return;
	(void)config_no_smarthost(config, &error);
	buffer_format(text, "\n# %s: %s\n# %s\n", error.code, error.text, error.next);
}

static void append_effective(struct buffer *text, const struct config *config, bool wants_changed)
{
	buffer_append_string(
	    text, "# The settings in force, and where each came from.  Secrets are not shown.\n");
	for (size_t i = 0; i < options_block_count(); i++)
		for (size_t j = 0; j < config->origin_count; j++)
			if (config->origins[j].block == options_block_at(i)->name &&
			    is_first(config, j))
				append_block(text, config, j, wants_changed);
	for (size_t j = 0; j < config->origin_count; j++)
		if (config->origins[j].block == NULL && is_first(config, j))
			append_block(text, config, j, wants_changed);
	append_note_on_smarthosts(text, config);
	append_note_on_variables(text);
}

/* ---- JSON ---- */

static void append_json_value(struct buffer *text, const struct config_origin *origin)
{
	struct span rest = span_from_string(origin->value != NULL ? origin->value : "");
	struct span part;
	const char *before = "";

	buffer_append_string(text, ",\"value\":");
	if (origin->value == NULL)
		buffer_append_string(text, "null");
	else if (!origin->is_list)
		json_append_string(text, rest);
	else {
		buffer_append_byte(text, '[');
		while (span_take_until(&rest, ',', &part)) {
			buffer_append_string(text, before);
			json_append_string(text, span_trim(part));
			before = ",";
		}
		buffer_append_byte(text, ']');
	}
}

static void append_json_text(struct buffer *text, const char *name, const char *value)
{
	buffer_format(text, "\"%s\":", name);
	if (value != NULL)
		json_append_string(text, span_from_string(value));
	else
		buffer_append_string(text, "null");
}

static void append_json_defaults(struct buffer *text)
{
	buffer_append_string(text, "{\"options\":[");
	for (size_t i = 0; i < options_count(); i++) {
		const struct option *option = options_at(i);

		buffer_append_string(text, i != 0 ? ",\n{" : "\n{");
		append_json_text(text, "block", option->block);
		buffer_append_byte(text, ',');
		append_json_text(text, "option", option->name);
		buffer_append_byte(text, ',');
		append_json_text(text, "default", option->value);
		buffer_append_byte(text, ',');
		append_json_text(text, "example", option->example);
		buffer_append_byte(text, ',');
		append_json_text(text, "purpose", option->purpose);
		buffer_format(text, ",\"list\":%s}", option->is_list ? "true" : "false");
	}
	buffer_append_string(text, "]}\n");
}

static void append_json(struct buffer *text, const struct config *config, bool wants_changed)
{
	const char *before = "\n";

	buffer_append_string(text, "{\"settings\":[");
	for (size_t i = 0; i < config->origin_count; i++) {
		const struct config_origin *origin = &config->origins[i];

		if (!is_wanted(origin, wants_changed))
			continue;
		buffer_append_string(text, before);
		before = ",\n";
		buffer_append_byte(text, '{');
		append_json_text(text, "block", origin->block);
		buffer_append_byte(text, ',');
		append_json_text(text, "title", origin->title);
		buffer_append_byte(text, ',');
		append_json_text(text, "option", origin->option);
		append_json_value(text, origin);
		buffer_append_byte(text, ',');
		append_json_text(text, "where", origin->where);
		buffer_format(text, ",\"set\":%s}", origin->is_set ? "true" : "false");
	}
	buffer_append_string(text, "]}\n");
}

/* ---- faults ---- */

static void print_fault(void *context, const struct error *fault)
{
	char line[900];

	(void)context;
	error_line(fault, line, sizeof line);
	fprintf(stderr, "mailchute: %s\n", line);
}

static void append_json_fault(void *context, const struct error *fault)
{
	struct buffer *text = context;

	buffer_append_string(text, text->length != 0 ? ",\n{" : "{\"faults\":[\n{");
	append_json_text(text, "text", fault->text);
	buffer_append_byte(text, ',');
	append_json_text(text, "next", fault->next[0] != '\0' ? fault->next : NULL);
	buffer_append_byte(text, '}');
}

/* ---- the command ---- */

static int show_help(void)
{
	printf("usage: mailchute config [--changed] [--defaults] [--json] [--file FILE]\n\n"
	       "Prints the settings in force and where each came from; all faults of the\n"
	       "files, if there are any.\n\n"
	       "  --changed     only what is not built-in\n"
	       "  --defaults    every option with its default and what it is for\n"
	       "  --json        for programs\n"
	       "  --file FILE   as if this were mailchute.conf: is it right?\n");
	return 0;
}

static int print(struct buffer *text)
{
	struct span span = buffer_span(text);

	if (span.length != 0 && fwrite(span.start, 1, span.length, stdout) != span.length)
		return ERROR_IO;
	return fflush(stdout) != 0 ? ERROR_IO : 0;
}

enum { CHANGED, DEFAULTS, JSON, CONFIG_FILE, HELP, OPTION_COUNT };

static int show(const struct command_option *options, struct buffer *text)
{
	const struct config_sources sources = { .main_file = options[CONFIG_FILE].value };
	bool is_json = options[JSON].value != NULL;
	bool wants_changed = options[CHANGED].value != NULL;
	CLEANUP(config_finish) struct config config = { 0 };
	struct error error;

	if (sources.main_file != NULL && access(sources.main_file, F_OK) < 0) {
		error_system(&error, "cannot read %s", sources.main_file);
		return command_fail(&error);
	}
	if (config_load_telling(
		&sources, &config, is_json ? append_json_fault : print_fault, text, &error) < 0) {
		if (is_json)
			buffer_append_string(text, "]}\n");
		(void)print(text);
		return (int)error.kind;
	}
	if (is_json)
		append_json(text, &config, wants_changed);
	else
		append_effective(text, &config, wants_changed);
	return print(text);
}

int command_config(int argc, char **argv)
{
	struct command_option options[OPTION_COUNT] = {
		[CHANGED] = { .name = "--changed" },
		[DEFAULTS] = { .name = "--defaults" },
		[JSON] = { .name = "--json" },
		[CONFIG_FILE] = { .name = "--file", .takes_value = true },
		[HELP] = { .name = "--help" },
	};
	CLEANUP(buffer_finish) struct buffer text = { 0 };
	struct error error;

	if (command_read_options(argc, argv, options, OPTION_COUNT, &error) < 0)
		return command_fail(&error);
	if (options[HELP].value != NULL)
		return show_help();
	buffer_init(&text, OUTPUT_LIMIT);
	if (options[DEFAULTS].value == NULL)
		return show(options, &text);
	if (options[JSON].value != NULL)
		append_json_defaults(&text);
	else
		append_defaults(&text);
	return print(&text);
}
