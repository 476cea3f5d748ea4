/* SPDX-License-Identifier: MIT */

#include "config/settings.h"

#include <assert.h>
#include <confuse.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "config/lint.h"
#include "config/options.h"

/* ---- the names ---- */

/* The file as it was walked: what stands in it that is sound. */
struct reading {
	const struct settings *settings;
	struct lint_statement *statements; /* owned */
	size_t count;
	bool is_in_unknown; /* block, whose options nobody knows */
};

static void tell(void *context, int line, const struct error *fault)
{
	const struct reading *reading = context;

	faults_add(reading->settings->faults, reading->settings->file, line, fault);
}

static void describe(const struct reading *reading, const struct lint_statement *statement,
    struct error *error, const char *format, ...) __attribute__((format(printf, 4, 5)));

static void describe(const struct reading *reading, const struct lint_statement *statement,
    struct error *error, const char *format, ...)
{
	char text[ERROR_TEXT_SIZE];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	error_set(error, ERROR_CONFIG, "5.3.5", "%s line %d: %s", reading->settings->path,
	    statement->line, text);
}

static bool refuse_block(struct reading *reading, const struct lint_statement *statement)
{
	const struct option_block *nearest = options_nearest_block(statement->block);
	const struct option *option = options_find(span_from_string(""), statement->block);
	struct error error;

	describe(reading, statement, &error, "there is no block \"%.*s\"",
	    span_int(statement->block), statement->block.start);
	if (option != NULL)
		error_next(&error, "it is an option; write: %s = \"...\"", option->name);
	else if (nearest != NULL)
		error_next(&error, "the nearest known one is \"%s\"", nearest->name);
	tell(reading, statement->line, &error);
	reading->is_in_unknown = true;
	return false;
}

static bool check_block(struct reading *reading, const struct lint_statement *statement)
{
	const struct option_block *block = options_find_block(statement->block);
	struct error error;

	reading->is_in_unknown = false;
	if (block == NULL)
		return refuse_block(reading, statement);
	if (statement->has_title == (block->title != NULL))
		return true;
	if (block->title == NULL) {
		describe(reading, statement, &error, "%s takes no title", block->name);
		error_next(&error, "write: %s {", block->name);
	} else {
		describe(reading, statement, &error, "%s has no title", block->name);
		error_next(&error, "write: %s \"%s\" {", block->name, block->title);
	}
	tell(reading, statement->line, &error);
	return false;
}

/* What belongs into secrets.ini. */
static bool is_of_login(struct span name)
{
	static const char *const names[] = { "user", "username", "login", "password", "passwd",
		"password_file", "token", "token_file", "token_command" };

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (span_equals_string_ignoring_case(name, names[i]))
			return true;
	return false;
}

static bool refuse_option(struct reading *reading, const struct lint_statement *statement)
{
	const struct option *elsewhere = options_elsewhere(statement->block, statement->name);
	const struct option *nearest = options_nearest(statement->block, statement->name);
	const struct option_block *block = options_find_block(statement->name);
	bool is_outside = statement->block.length == 0;
	struct error error;

	describe(reading, statement, &error, "there is no option \"%.*s\" %s%.*s",
	    span_int(statement->name), statement->name.start,
	    is_outside ? "outside of blocks" : "in ", span_int(statement->block),
	    statement->block.start);
	if (span_equals_string(statement->block, "smarthost") && is_of_login(statement->name))
		error_next(&error, "it belongs into secrets.ini: mailchute secret set %.*s",
		    span_int(statement->title), statement->title.start);
	else if (is_outside && block != NULL)
		error_next(&error, "it is a block; write: %s%s { ... }", block->name,
		    block->title != NULL ? " \"TITLE\"" : "");
	else if (elsewhere != NULL && elsewhere->block != NULL)
		error_next(&error, "it belongs into a block: %s%s { %s = ... }", elsewhere->block,
		    options_find_block(span_from_string(elsewhere->block))->title != NULL
			? " \"TITLE\""
			: "",
		    elsewhere->name);
	else if (elsewhere != NULL)
		error_next(&error, "it stands outside of blocks");
	else if (nearest != NULL)
		error_next(&error, "the nearest known one is \"%s\"", nearest->name);
	tell(reading, statement->line, &error);
	return false;
}

static bool check_option(struct reading *reading, const struct lint_statement *statement)
{
	const struct option *option = options_find(statement->block, statement->name);
	struct error error;

	if (reading->is_in_unknown && statement->block.length != 0)
		return false;
	if (option == NULL)
		return refuse_option(reading, statement);
	if (!statement->is_list || option->is_list)
		return true;
	describe(reading, statement, &error, "%s takes one value, not a list", option->name);
	error_next(&error, "write: %s = \"%s\"", option->name,
	    option->value != NULL ? option->value : option->example);
	tell(reading, statement->line, &error);
	return false;
}

/* Whoever starts a set-id process would choose the smarthost, and collect the password. */
static bool check_expansion(struct reading *reading, const struct lint_statement *statement)
{
	struct error error;

	if (!statement->reads_environment || reading->settings->may_expand)
		return true;
	describe(reading, statement, &error,
	    "${...} reads the environment, which does not count in this process");
	error_next(&error, "write the value itself");
	tell(reading, statement->line, &error);
	return false;
}

static bool hear(void *context, const struct lint_statement *statement)
{
	struct reading *reading = context;
	bool is_sound = check_expansion(reading, statement);

	if (statement->kind == LINT_BLOCK)
		is_sound = check_block(reading, statement) && is_sound;
	else if (statement->kind == LINT_OPTION)
		is_sound = check_option(reading, statement) && is_sound;
	reading->statements = memory_resize_array(
	    reading->statements, reading->count + 1, sizeof *reading->statements);
	reading->statements[reading->count] = *statement;
	reading->count += is_sound && !statement->is_faulty;
	return is_sound;
}

/* ---- libConfuse ---- */

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

static void hear_complaint(cfg_t *section, const char *format, va_list arguments)
    __attribute__((format(printf, 2, 0)));

static void hear_complaint(cfg_t *section, const char *format, va_list arguments)
{
	struct complaint *complaint = NULL;
	char text[ERROR_TEXT_SIZE];
	struct error error;

	for (const cfg_opt_t *option = section->opts; option->name != NULL; option++)
		if (strcmp(option->name, complaint_option) == 0)
			complaint = (struct complaint *)(void *)option->simple_value.string;
	/* The first one is nearest to the cause. */
	if (complaint == NULL || complaint->is_filled)
		return;
	complaint->is_filled = true;
	vsnprintf(text, sizeof text, format, arguments);
	error_set(&error, ERROR_CONFIG, "5.3.5", "%s line %d: %s", complaint->settings->path,
	    section->line, text);
	faults_add(complaint->settings->faults, complaint->settings->file, section->line, &error);
}

/* The options of a block (NULL: those outside), without defaults: those are ours. */
static cfg_opt_t *make_options(const char *block, struct complaint *complaint, size_t extra)
{
	cfg_opt_t *made = memory_allocate((options_count() + extra + 2) * sizeof *made);
	const cfg_opt_t way_out = CFG_SIMPLE_STR(complaint_option, &complaint->never_set);
	size_t count = 0;

	for (size_t i = 0; i < options_count(); i++) {
		const struct option *option = options_at(i);
		const cfg_opt_t one = CFG_STR(option->name, NULL, CFGF_NODEFAULT);
		const cfg_opt_t list = CFG_STR_LIST(option->name, NULL, CFGF_NODEFAULT);

		if ((option->block == NULL) != (block == NULL) ||
		    (block != NULL && strcmp(option->block, block) != 0))
			continue;
		made[count++] = option->is_list ? list : one;
	}
	made[count++] = way_out;
	/* The rest is zero, as CFG_END is; the caller may put sections before it. */
	return made;
}

static size_t length_of(const cfg_opt_t *options)
{
	size_t count = 0;

	while (options[count].name != NULL)
		count++;
	return count;
}

static cfg_t *make_parser(struct complaint *complaint)
{
	const cfg_flag_t titled = CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES;
	cfg_opt_t *outside = make_options(NULL, complaint, options_block_count());
	size_t first = length_of(outside);

	for (size_t i = 0; i < options_block_count(); i++) {
		const struct option_block *block = options_block_at(i);
		const cfg_opt_t section = CFG_SEC(block->name,
		    make_options(block->name, complaint, 0),
		    block->title != NULL ? titled : CFGF_NODEFAULT);

		outside[first + i] = section;
	}
	cfg_t *file = cfg_init(outside, CFGF_NONE);
	assert(file != NULL);
	cfg_set_error_function(file, hear_complaint);
	for (size_t i = 0; i < options_block_count(); i++)
		free(outside[first + i].subopts);
	free(outside);
	return file;
}

/* ---- into the entries ---- */

/* A variable may hold several between commas. */
static void add_items(struct entry *entry, const char *text, bool is_list)
{
	struct span rest = span_from_string(text);
	struct span part;

	while (is_list ? span_take_until(&rest, ',', &part) : rest.length != 0) {
		if (!is_list)
			span_take_until(&rest, '\0', &part);
		else
			part = span_trim(part);
		if (part.length == 0)
			continue;
		entry->items = memory_resize_array(
		    entry->items, entry->count + 1, sizeof *entry->items);
		entry->items[entry->count++] = span_copy(part);
	}
}

/*
 * A variable that is empty counts as unset, so what was set before holds.  A
 * list is set all the same where there is nothing to hold: a route must not
 * become one for all.
 */
static bool is_unset(const struct settings *settings, const struct lint_statement *statement,
    const struct entry *entry, size_t block, bool is_list)
{
	if (entry->count != 0 || !statement->reads_environment)
		return false;
	return !is_list || entries_find(&settings->entries->blocks[block], entry->name) != NULL;
}

static void put_option(const struct settings *settings, const struct lint_statement *statement,
    cfg_t *section, size_t block)
{
	const struct option *option = options_find(statement->block, statement->name);
	struct entry entry = {
		.name = span_copy(statement->name),
		.file = settings->file,
		.line = statement->line,
	};

	for (unsigned i = 0; i < cfg_size(section, option->name); i++) {
		const char *text = cfg_getnstr(section, option->name, i);

		if (text != NULL)
			add_items(&entry, text, option->is_list);
	}
	if (is_unset(settings, statement, &entry, block, option->is_list))
		entries_finish_entry(&entry);
	else
		entries_put(settings->entries, block, &entry);
}

/* The how-manyth block of its kind this statement begins: libConfuse has them in this order. */
static unsigned count_before(const struct reading *reading, size_t index)
{
	unsigned count = 0;

	for (size_t i = 0; i < index; i++)
		if (reading->statements[i].kind == LINT_BLOCK &&
		    span_equals(reading->statements[i].block, reading->statements[index].block))
			count++;
	return count;
}

static void put_all(const struct reading *reading, cfg_t *file)
{
	const struct settings *settings = reading->settings;
	size_t outside = entries_open(settings->entries, "", NULL, settings->file, 1);
	size_t block = outside;
	cfg_t *section = file;

	for (size_t i = 0; i < reading->count; i++) {
		const struct lint_statement *statement = &reading->statements[i];

		if (statement->kind == LINT_INCLUDE) {
			CLEANUP(memory_free_string) char *path = span_copy(statement->name);

			settings->include(settings->context, path, statement->line);
			continue;
		}
		if (statement->kind == LINT_BLOCK) {
			CLEANUP(memory_free_string) char *name = span_copy(statement->block);
			unsigned index = statement->has_title ? count_before(reading, i) : 0;

			section = cfg_getnsec(file, name, index);
			if (section == NULL)
				return;
			block = entries_open(settings->entries, name, cfg_title(section),
			    settings->file, statement->line);
			continue;
		}
		bool is_outside = statement->block.length == 0;
		put_option(
		    settings, statement, is_outside ? file : section, is_outside ? outside : block);
	}
}

static void free_file(cfg_t **file)
{
	if (*file != NULL)
		cfg_free(*file);
}

static void free_reading(struct reading *reading)
{
	free(reading->statements);
}

void settings_parse(const struct settings *settings, struct span text)
{
	CLEANUP(free_reading) struct reading reading = { .settings = settings };
	const struct lint_listener listener = { &reading, hear, tell };
	CLEANUP(memory_free_secret) char *mended = lint_walk(settings->path, text, &listener);
	struct complaint complaint = { .settings = settings };
	CLEANUP(free_file) cfg_t *file = mended != NULL ? make_parser(&complaint) : NULL;
	struct error error;

	if (file == NULL)
		return;
	if (cfg_parse_buf(file, mended) == CFG_SUCCESS) {
		put_all(&reading, file);
		return;
	}
	if (complaint.is_filled)
		return;
	error_set(&error, ERROR_CONFIG, "5.3.5", "%s cannot be parsed", settings->path);
	faults_add(settings->faults, settings->file, 0, &error);
}
