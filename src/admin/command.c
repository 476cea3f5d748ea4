/* SPDX-License-Identifier: MIT */

#include "admin/command.h"

#include <stdio.h>
#include <string.h>

int command_fail(const struct error *error)
{
	char line[900];

	error_line(error, line, sizeof line);
	fprintf(stderr, "mailchute: %s\n", line);
	return (int)error->kind;
}

static struct command_option *find(struct command_option *options, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(options[i].name, name) == 0)
			return &options[i];
	return NULL;
}

/* The option at *index, and its value. */
static int read_option(int argc, char **argv, int *index, struct command_option *options,
    size_t count, struct error *error)
{
	const char *name = argv[*index];
	struct command_option *option = find(options, count, name);

	if (option == NULL)
		return error_set(
		    error, ERROR_USAGE, "5.5.4", "%s: unknown option %s", argv[0], name);
	if (option->takes_value && *index + 1 >= argc)
		return error_set(
		    error, ERROR_USAGE, "5.5.4", "%s: %s needs a value", argv[0], name);
	option->value = option->takes_value ? argv[++*index] : option->name;
	return 0;
}

int command_read_options(
    int argc, char **argv, struct command_option *options, size_t count, struct error *error)
{
	for (int i = 1; i < argc; i++)
		if (read_option(argc, argv, &i, options, count, error) < 0)
			return -1;
	return 0;
}

int command_read_words(int argc, char **argv, struct command_option *options, size_t count,
    int *word_count, struct error *error)
{
	bool is_over = false;

	*word_count = 0;
	for (int i = 1; i < argc; i++) {
		if (!is_over && strcmp(argv[i], "--") == 0)
			is_over = true;
		else if (is_over || argv[i][0] != '-')
			argv[1 + (*word_count)++] = argv[i];
		else if (read_option(argc, argv, &i, options, count, error) < 0)
			return -1;
	}
	return 0;
}
