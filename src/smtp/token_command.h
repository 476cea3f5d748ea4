/* SPDX-License-Identifier: MIT */

/*
 * token_command - the words of a command that prints a token
 *
 * There is no shell: words end at blanks; "..." and '...' keep the blanks that
 * are between them, and may be a part of a word; nothing else is special (no
 * variables, no backslashes, no globs).  The first word is a program's
 * absolute path.
 */

#ifndef SMTP_TOKEN_COMMAND_H
#define SMTP_TOKEN_COMMAND_H

#include <stddef.h>

#include "base/error.h"

enum { TOKEN_COMMAND_WORDS = 64 };

struct token_command {
	char *words[TOKEN_COMMAND_WORDS + 1]; /* owned; NULL behind the last, as execve wants it */
	size_t count;
};

/* The error quotes the first word at most.  command need not be initialised. */
int token_command_split(const char *text, struct token_command *command, struct error *error);

/* Safe on a zeroed one. */
void token_command_finish(struct token_command *command);

#endif
