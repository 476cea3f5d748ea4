/* SPDX-License-Identifier: MIT */

#include "smtp/token_command.h"

#include <stdbool.h>
#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"

enum { WORD_LIMIT = 65536 };

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* The next word, and *rest behind it; false: a quote is open. */
static bool take_word(const char **rest, struct buffer *word)
{
	const char *at = *rest;
	char quote = '\0';

	for (; *at != '\0' && (quote != '\0' || !is_blank(*at)); at++) {
		if (*at == quote)
			quote = '\0';
		else if (quote == '\0' && (*at == '"' || *at == '\''))
			quote = *at;
		else
			buffer_append_byte(word, *at);
	}
	*rest = at;
	return quote == '\0';
}

static int refuse(struct error *error, const char *what)
{
	error_set(error, ERROR_CONFIG, "5.3.5", "%s", what);
	return error_next(error, "write: token_command = \"/usr/local/bin/program 'an argument'\"");
}

static int split(const char *text, struct token_command *command, struct error *error)
{
	for (;;) {
		struct buffer word CLEANUP(buffer_finish_secret) = { 0 };

		buffer_init(&word, WORD_LIMIT);
		while (is_blank(*text))
			text++;
		if (*text == '\0')
			return 0;
		if (command->count == TOKEN_COMMAND_WORDS)
			return refuse(error, "the command has more than 64 words");
		if (!take_word(&text, &word))
			return refuse(error, "a quote in the command is not closed");
		command->words[command->count++] = buffer_take_string(&word);
	}
}

int token_command_split(const char *text, struct token_command *command, struct error *error)
{
	struct token_command fresh CLEANUP(token_command_finish) = { 0 };

	if (split(text, &fresh, error) < 0)
		return -1;
	if (fresh.count == 0 || fresh.words[0][0] != '/')
		return refuse(error, "a command begins with the absolute path of a program");
	*command = fresh;
	fresh = (struct token_command){ 0 };
	return 0;
}

void token_command_finish(struct token_command *command)
{
	for (size_t i = 0; i < command->count; i++)
		memory_free_secret(&command->words[i]);
	*command = (struct token_command){ 0 };
}
