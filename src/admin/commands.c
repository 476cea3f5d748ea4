/* SPDX-License-Identifier: MIT */

#include "admin/commands.h"

#include <stdio.h>
#include <string.h>

#include "admin/command.h"
#include "base/process.h"

static const struct {
	const char *name;
	admin_command *run;
	const char *purpose;
} commands[] = {
	{ "setup", command_setup, "ask four questions, and mail works" },
	{ "doctor", command_doctor, "say whether this is set up right, and what to mend" },
	{ "test", command_test, "send one mail and show all that is said about it" },
	{ "explain", command_explain, "say what would become of a message, and why" },
	{ "queue", command_queue, "list what waits, and change it (queue --help)" },
	{ "config", command_config, "print the settings in force, and where each came from" },
	{ "secret", command_secret, "set a login or password, or list them (secret --help)" },
	{ "import", command_import, "take over what ssmtp, msmtp, Postfix and others were told" },
	{ "sink", command_sink, "catch mail in a Maildir, for development" },
	{ "newaliases", command_newaliases, "check the aliases file" },
	{ "serve", command_serve, "take mail and have it delivered (the service)" },
	{ "help", command_help, "explain a command, or the code of an error: help MC-AUTH-01" },
};

int command_print_list(FILE *where, int status)
{
	fprintf(where, "usage: mailchute COMMAND [OPTION ...]\n\n");
	for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
		fprintf(where, "  %-10s %s\n", commands[i].name, commands[i].purpose);
	fprintf(where,
	    "\nmailchute COMMAND --help lists its options; man mailchute says how all of it works\n"
	    "together, and man mailchute-examples has set-ups to copy.  Mail is handed in by\n"
	    "sendmail, which is a program of its own.\n");
	return status;
}

admin_command *command_find(const char *name)
{
	for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
		if (strcmp(commands[i].name, name) == 0)
			return commands[i].run;
	return NULL;
}

const char *command_name(size_t index)
{
	return index < sizeof commands / sizeof commands[0] ? commands[index].name : NULL;
}

int commands_run(int argc, char **argv)
{
	process_open_standard_descriptors();
	if (argc < 2)
		return command_print_list(stderr, ERROR_USAGE);
	if (strcmp(argv[1], "--version") == 0)
		return printf("mailchute %s\n", MAILCHUTE_VERSION) < 0 ? ERROR_IO : 0;
	if (strcmp(argv[1], "--help") == 0)
		return command_print_list(stdout, 0);
	admin_command *command = command_find(argv[1]);
	if (command != NULL)
		return command(argc - 1, argv + 1);
	fprintf(stderr, "mailchute: there is no command \"%s\"\n\n", argv[1]);
	return command_print_list(stderr, ERROR_USAGE);
}
