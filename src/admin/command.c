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

int command_read_options(
    int argc, char **argv, struct command_option *options, size_t count, struct error *error)
{
	for (int i = 1; i < argc; i++) {
		struct command_option *option = find(options, count, argv[i]);

		if (option == NULL)
			return error_set(
			    error, ERROR_USAGE, "5.5.4", "%s: unknown option %s", argv[0], argv[i]);
		if (option->takes_value && i + 1 >= argc)
			return error_set(
			    error, ERROR_USAGE, "5.5.4", "%s: %s needs a value", argv[0], argv[i]);
		option->value = option->takes_value ? argv[++i] : option->name;
	}
	return 0;
}
