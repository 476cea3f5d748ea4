/* SPDX-License-Identifier: MIT */

/*
 * mailchute newaliases: is the aliases file right?
 *
 * Nothing is built: the file is read as it is, at each message.  What a relay
 * cannot do (programs, files) is told and no error, since the packages whose
 * scripts call this ship such lines; a line that cannot be read is one.  Then
 * each name is looked up as for a message, so that loops and lists that cannot
 * be read are found.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "admin/command.h"
#include "base/memory.h"
#include "config/config.h"
#include "message/envelope.h"
#include "policy/aliases.h"
#include "policy/expand.h"

struct check {
	const struct config *config;
	const struct aliases *aliases; /* as the service reads them */
	int empty_line;		       /* of the last entry that lost a target */
	bool has_fault;
};

/* What becomes of mail for a name that is wrong in part or in whole. */
static void print_fate(const struct check *check, const char *name)
{
	const struct alias *found = aliases_find(check->aliases, span_from_string(name));

	if (found == NULL)
		fprintf(
		    stderr, "; mail for %s is sent to %s@%s", name, name, check->config->domain);
	else if (strcmp(found->name, name) != 0)
		fprintf(stderr, "; mail for %s goes where \"*\" goes (%s)", name, found->source);
	else
		fprintf(stderr, "; mail for %s goes to the others that it names", name);
}

/* "root you@example.com" lacks but its colon. */
static void print_entry_hint(struct span text)
{
	struct span rest = text;
	struct span name = { 0 };

	(void)span_take_word(&rest, &name);
	rest = span_trim(rest);
	if (span_find_byte(text, ':') < 0 && span_find_byte(text, '"') < 0 && rest.length != 0 &&
	    span_find_byte(name, '@') < 0 && !span_has_control(rest))
		fprintf(stderr, "; write: %.*s: %.*s", span_int(name), name.start,
		    span_int(span_first(rest, 100)), rest.start);
	else
		fprintf(stderr, "; write: name: you@example.com");
}

/* Control characters would speak to the terminal. */
static void print_text(struct span text)
{
	text = span_first(text, 200);
	for (size_t i = 0; i < text.length; i++)
		fputc(span_has_control(span_from_bytes(text.start + i, 1)) ? '?' : text.start[i],
		    stderr);
}

static void print_fault(void *context, const struct aliases_fault *fault)
{
	struct check *check = context;

	/* Said already, target by target. */
	if (fault->kind == ALIASES_NOBODY && check->empty_line == fault->line)
		return;
	if (fault->kind == ALIASES_LOCAL || fault->kind == ALIASES_NO_ADDRESS)
		check->empty_line = fault->line;
	fprintf(stderr, "newaliases: %s:%d: ", fault->path, fault->line);
	if (fault->kind == ALIASES_TWICE) {
		fprintf(stderr, "%s stands in %s already, and that one counts\n", fault->name,
		    fault->reason);
		return;
	}
	check->has_fault = check->has_fault || fault->kind != ALIASES_LOCAL;
	if (fault->name != NULL && fault->kind != ALIASES_NOBODY)
		fprintf(stderr, "%s: ", fault->name);
	fputc('"', stderr);
	print_text(fault->text);
	fprintf(stderr, "\" is passed over: %s", fault->reason);
	if (fault->name != NULL)
		print_fate(check, fault->name);
	else
		print_entry_hint(fault->text);
	if (fault->kind == ALIASES_NOBODY || fault->kind == ALIASES_NO_ADDRESS)
		fprintf(stderr, "; write: %s: you@example.com", fault->name);
	fputc('\n', stderr);
}

/* ---- where the names lead ---- */

/* What was said already, for a list may stand in several aliases. */
struct said {
	char **lines; /* owned */
	size_t count;
	bool has_fault;
};

static void finish_said(struct said *said)
{
	for (size_t i = 0; i < said->count; i++)
		free(said->lines[i]);
	free(said->lines);
}

static void say_once(struct said *said, const char *line)
{
	for (size_t i = 0; i < said->count; i++)
		if (strcmp(said->lines[i], line) == 0)
			return;
	said->lines = memory_resize_array(said->lines, said->count + 1, sizeof *said->lines);
	said->lines[said->count++] = memory_copy_string(line);
	fprintf(stderr, "newaliases: %s\n", line);
}

/* Said already, perhaps, where it was met. */
static void say_error(struct said *said, const struct error *error)
{
	const char *behind = strstr(error->text, " now: ");
	const char *text = behind != NULL ? behind + strlen(" now: ") : error->text;
	CLEANUP(memory_free_string)
	char *line = error->next[0] != '\0' ? memory_format("%s; %s", text, error->next)
					    : memory_copy_string(text);

	said->has_fault = true;
	say_once(said, line);
}

static void see_step(void *context, const struct expand_step *step)
{
	struct said *said = context;

	if (step->words == NULL || !step->is_fault || step->is_of_entry)
		return;
	said->has_fault = said->has_fault || !step->is_local;
	say_once(said, step->words);
}

/* One name as if mail came for it; what is missing has been said step by step. */
static void look_up(const struct check *check, const char *name, struct said *said)
{
	struct envelope given CLEANUP(envelope_finish) = { 0 };
	struct envelope expanded CLEANUP(envelope_finish) = { 0 };
	const struct expand_witness witness = { see_step, said };
	struct error error;

	if (envelope_add_recipient(&given, span_from_string(name), (struct span){ 0 }, 0, &error) <
	    0)
		return; /* "*", or a name with blanks */
	if (expand_envelope_before(
		check->config, check->aliases, &given, &witness, &expanded, &error) < 0)
		say_error(said, &error);
}

/* True when something is wrong on the way. */
static bool has_wrong_way(const struct check *check)
{
	struct said said CLEANUP(finish_said) = { 0 };

	for (size_t i = 0; i < check->aliases->count; i++)
		look_up(check, check->aliases->entries[i].name, &said);
	return said.has_fault;
}

/* As sendmail's own newaliases says it. */
static void print_summary(const struct aliases *aliases, const char *path)
{
	size_t count = 0;
	size_t longest = 0;
	size_t total = 0;

	for (size_t i = 0; i < aliases->count; i++) {
		const struct alias *entry = &aliases->entries[i];
		size_t length = 0;

		if (strncmp(entry->source, path, strlen(path)) != 0)
			continue;
		for (size_t j = 0; j < entry->target_count; j++)
			length += strlen(entry->targets[j]) + (j != 0 ? strlen(", ") : 0);
		longest = length > longest ? length : longest;
		total += length + strlen(entry->name);
		count++;
	}
	printf(
	    "%s: %zu aliases, longest %zu bytes, %zu bytes total\n", path, count, longest, total);
}

static int check_file(const struct config *config, bool is_verbose, struct error *error)
{
	struct aliases aliases CLEANUP(aliases_finish) = { 0 };
	struct aliases again CLEANUP(aliases_finish) = { 0 };
	struct check check = { .config = config, .aliases = &aliases };
	struct stat status;

	if (aliases_load(&aliases, config, error) < 0 ||
	    aliases_load_telling(&again, config, print_fault, &check, error) < 0)
		return command_fail(error);
	if (is_verbose && config->aliases_file != NULL) {
		print_summary(&aliases, config->aliases_file);
		if (stat(config->aliases_file, &status) < 0)
			printf("%s: there is no such file\n", config->aliases_file);
	}
	return has_wrong_way(&check) || check.has_fault ? ERROR_CONFIG : 0;
}

int command_newaliases(int argc, char **argv)
{
	struct command_option verbose = { .name = "--verbose" };
	struct config_sources sources = { 0 };
	struct config config CLEANUP(config_finish) = { 0 };
	struct error error;

	if (command_read_options(argc, argv, &verbose, 1, &error) < 0 ||
	    config_load(&sources, &config, &error) < 0)
		return command_fail(&error);
	return check_file(&config, verbose.value != NULL, &error);
}
