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
#include <string.h>
#include <sys/stat.h>

#include "admin/command.h"
#include "base/memory.h"
#include "config/config.h"
#include "policy/aliases.h"
#include "policy/wrong_ways.h"

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

static void print_way(void *context, const struct wrong_way *way)
{
	bool *is_wrong = context;

	*is_wrong = *is_wrong || !way->is_local;
	fprintf(stderr, "newaliases: %s%s%s\n", way->words, way->next[0] != '\0' ? "; " : "",
	    way->next);
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
	wrong_ways_tell(config, &aliases, print_way, &check.has_fault);
	return check.has_fault ? ERROR_CONFIG : 0;
}

int command_newaliases(int argc, char **argv)
{
	struct command_option verbose = { .name = "--verbose" };
	struct config_sources sources = { 0 };
	struct config config CLEANUP(config_finish) = { 0 };
	struct error error;

	if (argc == 2 && strcmp(argv[1], "--help") == 0)
		return fputs("usage: mailchute newaliases [--verbose]\n\n"
			     "Checks the aliases file, which is read as it is, at each message.\n",
			   stdout) < 0
			   ? ERROR_IO
			   : 0;
	if (command_read_options(argc, argv, &verbose, 1, &error) < 0 ||
	    config_load(&sources, &config, &error) < 0)
		return command_fail(&error);
	return check_file(&config, verbose.value != NULL, &error);
}
