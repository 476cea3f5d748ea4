/* SPDX-License-Identifier: MIT */

/*
 * command - what an administrator's command is to main
 */

#ifndef ADMIN_COMMAND_H
#define ADMIN_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/error.h"

/* argv[0] is the command's own name.  Returns an exit status. */
typedef int admin_command(int argc, char **argv);

admin_command command_doctor;
admin_command command_test;
admin_command command_serve;
admin_command command_sink;
admin_command command_import;
admin_command command_setup;
admin_command command_queue;
admin_command command_config;
admin_command command_secret;
admin_command command_explain;
admin_command command_newaliases;
admin_command command_help;

/* The command of this name, or NULL. */
admin_command *command_find(const char *name);
/* Their names one after the other; NULL behind the last. */
const char *command_name(size_t index);
/* Writes what there is; returns status. */
int command_print_list(FILE *where, int status);

/*
 * Reads "--name value" options.  Each entry's value is set when its option was
 * given; a flag's value becomes its own name.  -1: an option that is not in
 * the list, or lacks its value; error says which.
 */
struct command_option {
	const char *name; /* "--listen" */
	bool takes_value;
	const char *value; /* out */
};

int command_read_options(
    int argc, char **argv, struct command_option *options, size_t count, struct error *error);

/*
 * The same for a command that takes words, too: they are moved to the front of
 * argv behind its name, and *word_count is how many.  Behind "--" all are words.
 */
int command_read_words(int argc, char **argv, struct command_option *options, size_t count,
    int *word_count, struct error *error);

/* Writes "mailchute: line" to standard error; returns the exit status. */
int command_fail(const struct error *error);

#endif
