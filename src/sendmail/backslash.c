/* SPDX-License-Identifier: MIT */

#include "sendmail/backslash.h"

#include <string.h>

#include "base/memory.h"
#include "message/address.h"

/* The length of the quoted string or comment that word has at i; of all the rest if it is open. */
static size_t closed_length(struct span word, size_t i)
{
	size_t begin = i;
	size_t depth = 0;

	for (; i < word.length; i++) {
		char c = word.start[i];

		if (c == '\\')
			i++;
		else if (word.start[begin] == '"' ? c == '"' && i > begin
						  : c == ')' && --depth == 0)
			return i + 1 - begin;
		else if (c == '(')
			depth++;
	}
	return word.length - begin;
}

static bool is_letter_or_digit(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static bool begins_name(struct span word, size_t i)
{
	return i == 0 || memchr(" \t,<", word.start[i - 1], 4) != NULL;
}

/* What the backslash at i stands before may go without it. */
static bool is_needless(struct span word, size_t i)
{
	if (i + 1 >= word.length || !address_is_atom_byte(word.start[i + 1]))
		return false;
	return !is_letter_or_digit(word.start[i + 1]) || begins_name(word, i);
}

char *backslash_remove(struct span word)
{
	char *copy = memory_allocate(word.length + 1);
	size_t length = 0;
	size_t i = 0;

	while (i < word.length) {
		size_t part = 1;

		if (word.start[i] == '"' || word.start[i] == '(')
			part = closed_length(word, i);
		else if (word.start[i] == '\\' && is_needless(word, i))
			i++;
		else if (word.start[i] == '\\' && i + 1 < word.length)
			part = 2;
		memcpy(copy + length, word.start + i, part);
		length += part;
		i += part;
	}
	copy[length] = '\0';
	return copy;
}
