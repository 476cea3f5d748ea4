/* SPDX-License-Identifier: MIT */

/*
 * mailchute help: the page of an error's code, or of a command
 *
 * It reads no settings, for they may be what is wrong.
 */

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "admin/command.h"
#include "base/buffer.h"
#include "base/codes.h"
#include "base/error_block.h"
#include "base/memory.h"
#include "base/nearest.h"

enum { PAGE_LIMIT = 8192, NAME_LIMIT = 100 };

static int print_codes(void)
{
	for (size_t i = 0; i < codes_count; i++)
		printf("%-14s %s\n", codes_list[i].name, codes_list[i].title);
	printf("\nmailchute help CODE explains one.\n");
	return 0;
}

static int print_page(const struct code *code)
{
	struct buffer page CLEANUP(buffer_finish) = { 0 };

	buffer_init(&page, PAGE_LIMIT);
	error_block_part("what", code->what, &page);
	error_block_part("fix", code->fix, &page);
	printf("%s: %s\n%s", code->name, code->title, buffer_string(&page));
	return 0;
}

/* A command or a code, with or without its "MC-". */
static const char *find_nearest(const char *name)
{
	const char *names[NAME_LIMIT];
	size_t count = 0;

	for (; command_name(count) != NULL; count++)
		names[count] = command_name(count);
	for (size_t i = 0; i < codes_count; i++) {
		assert(count + 2 <= NAME_LIMIT);
		names[count++] = codes_list[i].name;
		names[count++] = codes_list[i].name + strlen("MC-");
	}
	const char *nearest = nearest_name(span_from_string(name), names, count);
	const struct code *code = nearest != NULL ? codes_find(nearest) : NULL;
	return code != NULL ? code->name : nearest;
}

static int no_page(const char *name)
{
	const char *nearest = find_nearest(name);
	struct error error;

	error_set(&error, ERROR_USAGE, "5.5.4", "there is no command and no code \"%s\"", name);
	if (nearest != NULL)
		error_next(&error, "the nearest known one: mailchute help %s", nearest);
	else
		error_next(
		    &error, "mailchute help lists the commands, mailchute help codes the codes");
	return command_fail(&error);
}

int command_help(int argc, char **argv)
{
	static char option[] = "--help";

	if (argc < 2 || strcmp(argv[1], option) == 0)
		return command_print_list(stdout, 0);
	const struct code *code = codes_find(argv[1]);
	if (code != NULL)
		return print_page(code);
	if (strcmp(argv[1], "codes") == 0)
		return print_codes();
	admin_command *command = command_find(argv[1]);
	char *arguments[] = { argv[1], option, NULL };
	return command != NULL ? command(2, arguments) : no_page(argv[1]);
}
