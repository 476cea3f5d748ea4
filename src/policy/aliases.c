/* SPDX-License-Identifier: MIT */

#include "policy/aliases.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/file.h"
#include "base/memory.h"
#include "policy/targets.h"

enum { ALIASES_LIMIT = 16 << 20 };

/* The aliases file while it is read. */
struct reading {
	struct aliases *aliases;
	const char *path;
	int line; /* where the entry begins */
	struct alias *entry;
	bool allows_lists;
	aliases_visit *visit; /* or NULL */
	void *context;
};

static char *lower_copy(struct span span)
{
	char *copy = span_copy(span);

	for (char *p = copy; *p != '\0'; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p + ('a' - 'A'));
	return copy;
}

static void finish_alias(struct alias *alias)
{
	for (size_t i = 0; i < alias->target_count; i++)
		free(alias->targets[i]);
	free(alias->targets);
	free(alias->name);
	free(alias->source);
	*alias = (struct alias){ 0 };
}

/* Takes over words. */
static void keep_fault(struct aliases *aliases, const char *name, char *words, bool is_local)
{
	aliases->faults = memory_resize_array(
	    aliases->faults, aliases->fault_count + 1, sizeof *aliases->faults);
	aliases->faults[aliases->fault_count++] = (struct alias_fault){ memory_copy_string(name),
		words, is_local };
}

/* The last entry, target by target: that it names nobody is said already. */
static bool has_fault(const struct aliases *aliases, const char *name)
{
	size_t count = aliases->fault_count;

	return count != 0 && strcmp(aliases->faults[count - 1].name, name) == 0;
}

/* Of what is no entry the first is kept: the next shows when it is mended.  A visitor sees all. */
static void note_fault(struct reading *reading, enum aliases_fault_kind kind, int line,
    struct span text, const char *reason)
{
	struct aliases *aliases = reading->aliases;
	const char *name = reading->entry != NULL ? reading->entry->name : NULL;
	const struct aliases_fault fault = { .kind = kind,
		.path = reading->path,
		.line = line,
		.name = name,
		.text = text,
		.reason = reason };

	if (reading->visit != NULL)
		reading->visit(reading->context, &fault);
	if (kind == ALIASES_TWICE || (name == NULL && aliases->fault != NULL) ||
	    (kind == ALIASES_NOBODY && has_fault(aliases, name)))
		return;
	char *words = memory_format("%s line %d: \"%.*s\" is passed over: %s", reading->path, line,
	    span_int(span_first(text, 200)), text.start, reason);
	if (name == NULL)
		aliases->fault = words;
	else
		keep_fault(aliases, name, words, kind == ALIASES_LOCAL);
}

static void add_target(struct alias *alias, struct span target)
{
	alias->targets = memory_resize_array(
	    alias->targets, alias->target_count + 1, sizeof *alias->targets);
	alias->targets[alias->target_count++] = span_copy(target);
}

static void take_target(void *context, struct span target)
{
	add_target(((struct reading *)context)->entry, target);
}

static void pass_over(void *context, bool is_local, struct span text, const char *reason)
{
	struct reading *reading = context;

	note_fault(
	    reading, is_local ? ALIASES_LOCAL : ALIASES_NO_ADDRESS, reading->line, text, reason);
}

static void read_targets(struct reading *reading, struct span text)
{
	const struct targets_reader reader = { reading->allows_lists, take_target, pass_over,
		reading };

	targets_read(&reader, text);
}

/* name: or "quoted name":, taken off text.  False when it is neither. */
static bool take_name(struct span *text, struct span *name)
{
	bool is_quoted = span_starts_with(*text, "\"");
	struct span rest = is_quoted ? span_after(*text, 1) : *text;
	ssize_t end = span_find_byte(rest, is_quoted ? '"' : ':');

	if (end <= 0)
		return false;
	*name = is_quoted ? span_first(rest, (size_t)end)
			  : span_trim(span_first(rest, (size_t)end));
	rest = span_after(rest, (size_t)end);
	if (is_quoted)
		rest = span_trim(span_after(rest, 1));
	if (!span_starts_with(rest, ":") || name->length == 0)
		return false;
	*text = span_trim(span_after(rest, 1));
	return true;
}

const struct alias *aliases_find_exact(const struct aliases *aliases, struct span name)
{
	for (size_t i = 0; i < aliases->count; i++)
		if (span_equals_string_ignoring_case(name, aliases->entries[i].name))
			return &aliases->entries[i];
	return NULL;
}

/*
 * An entry that names nobody stays out: mail for it must still go somewhere.
 * An earlier entry of the name wins, the configuration's among them.
 */
static void keep_alias(struct reading *reading, struct alias *entry)
{
	struct aliases *aliases = reading->aliases;
	const struct alias *earlier = aliases_find_exact(aliases, span_from_string(entry->name));

	if (earlier != NULL)
		note_fault(reading, ALIASES_TWICE, reading->line, span_from_string(entry->name),
		    earlier->source);
	else if (entry->target_count == 0)
		note_fault(reading, ALIASES_NOBODY, reading->line, span_from_string(entry->name),
		    "it names nobody");
	if (earlier != NULL || entry->target_count == 0) {
		finish_alias(entry);
		return;
	}
	if (aliases->count == aliases->capacity) {
		aliases->capacity = aliases->capacity != 0 ? 2 * aliases->capacity : 16;
		aliases->entries = memory_resize_array(
		    aliases->entries, aliases->capacity, sizeof *aliases->entries);
	}
	aliases->entries[aliases->count++] = *entry;
	*entry = (struct alias){ 0 };
}

static bool is_fit_name(struct span name)
{
	/* A quoted name may hold blanks; an address is no bare name. */
	return !span_has_control(name) && span_find_byte(name, '@') < 0;
}

/* One logical line, continuation lines joined by blanks. */
static void read_entry(struct reading *reading, struct span text)
{
	CLEANUP(finish_alias) struct alias entry = { 0 };
	struct span rest = span_trim(text);
	struct span name;

	if (rest.length == 0)
		return;
	if (span_find_byte(text, '\0') >= 0) {
		note_fault(reading, ALIASES_NO_ENTRY, reading->line, span_from_string("..."),
		    "it holds a NUL");
		return;
	}
	if (!take_name(&rest, &name) || !is_fit_name(name)) {
		note_fault(
		    reading, ALIASES_NO_ENTRY, reading->line, rest, "it is not \"name: targets\"");
		return;
	}
	entry.source = memory_format("%s line %d", reading->path, reading->line);
	entry.name = lower_copy(name);
	reading->entry = &entry;
	read_targets(reading, rest);
	keep_alias(reading, &entry);
	reading->entry = NULL;
}

/* aliases(5): blanks at the start of a line continue the one before; comments do not end it. */
static void read_lines(struct reading *reading, struct span text)
{
	CLEANUP(buffer_finish) struct buffer logical = { 0 };
	struct span line;
	int number = 0;

	buffer_init(&logical, ALIASES_LIMIT + 1);
	while (span_take_line(&text, &line)) {
		struct span content = span_trim(line);

		number++;
		if (content.length == 0 || content.start[0] == '#')
			continue;
		if (line.start[0] != ' ' && line.start[0] != '\t') {
			read_entry(reading, buffer_span(&logical));
			buffer_clear(&logical);
			reading->line = number;
		} else if (logical.length == 0) {
			note_fault(
			    reading, ALIASES_NO_ENTRY, number, content, "it continues nothing");
			continue;
		} else
			buffer_append_byte(&logical, ' ');
		buffer_append_span(&logical, content);
	}
	read_entry(reading, buffer_span(&logical));
}

static int read_aliases_file(struct reading *reading, struct error *error)
{
	const char *path = reading->path;
	CLEANUP(file_close) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	CLEANUP(buffer_finish) struct buffer text = { 0 };
	struct stat status;

	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return 0;
	buffer_init(&text, ALIASES_LIMIT);
	int outcome = fd < 0 ? -1 : file_read_to_end(fd, &text);
	if (outcome < 0) {
		bool is_mode = errno == EACCES;

		error_system(error, "cannot read %s as uid %u", path, (unsigned)geteuid());
		error->kind = ERROR_CONFIG;
		return is_mode ? error_next(error, "chmod 644 %s", path) : -1;
	}
	if (outcome > 0)
		return error_set(error, ERROR_CONFIG, "4.3.5", "%s is larger than %d bytes", path,
		    ALIASES_LIMIT);
	reading->aliases->owner = fstat(fd, &status) == 0 ? status.st_uid : 0;
	reading->allows_lists = true;
	read_lines(reading, buffer_span(&text));
	return 0;
}

static void add_configured(struct aliases *aliases, const struct config_alias *configured)
{
	CLEANUP(finish_alias) struct alias entry = { 0 };
	const struct config_place *place = &configured->place;

	struct reading reading = {
		.aliases = aliases, .path = place->file, .line = place->line, .entry = &entry
	};

	entry.name = lower_copy(span_from_string(configured->name));
	entry.source = place->line != 0 ? memory_format("%s line %d", place->file, place->line)
					: memory_copy_string(place->file);
	for (size_t i = 0; i < configured->target_count; i++)
		read_targets(&reading, span_from_string(configured->targets[i]));
	keep_alias(&reading, &entry);
}

int aliases_load_telling(struct aliases *aliases, const struct config *config, aliases_visit *visit,
    void *context, struct error *error)
{
	CLEANUP(aliases_finish) struct aliases fresh = { 0 };
	struct reading reading = {
		.aliases = &fresh, .path = config->aliases_file, .visit = visit, .context = context
	};

	for (size_t i = 0; i < config->alias_count; i++)
		add_configured(&fresh, &config->aliases[i]);
	if (config->aliases_file != NULL && read_aliases_file(&reading, error) < 0)
		return -1;
	*aliases = fresh;
	fresh = (struct aliases){ 0 };
	return 0;
}

int aliases_load(struct aliases *aliases, const struct config *config, struct error *error)
{
	return aliases_load_telling(aliases, config, NULL, NULL, error);
}

void aliases_finish(struct aliases *aliases)
{
	for (size_t i = 0; i < aliases->count; i++)
		finish_alias(&aliases->entries[i]);
	for (size_t i = 0; i < aliases->fault_count; i++) {
		free(aliases->faults[i].name);
		free(aliases->faults[i].words);
	}
	free(aliases->entries);
	free(aliases->faults);
	free(aliases->fault);
	*aliases = (struct aliases){ 0 };
}

const struct alias *aliases_find(const struct aliases *aliases, struct span name)
{
	const struct alias *found = aliases_find_exact(aliases, name);
	ssize_t plus = span_find_byte(name, '+');

	if (found == NULL && plus > 0)
		found = aliases_find_exact(aliases, span_first(name, (size_t)plus));
	return found != NULL ? found : aliases_find_exact(aliases, span_from_string("*"));
}
