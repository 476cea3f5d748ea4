/* SPDX-License-Identifier: MIT */

#include "base/error_block.h"

#include <ctype.h>
#include <string.h>

#include "base/span.h"

enum {
	WIDTH = 92,
	INDENT = 11, /* "  server:  " */
	CODE_COLUMN = 76,
};

/* Characters, not octets: continuation octets of UTF-8 take no room. */
static size_t width_of(struct span word)
{
	size_t width = 0;

	for (size_t i = 0; i < word.length; i++)
		width += ((unsigned char)word.start[i] & 0xc0) != 0x80;
	return width;
}

static void append_blanks(struct buffer *text, size_t count)
{
	for (; count != 0; count--)
		buffer_append_byte(text, ' ');
}

/* Words with blanks between them; a lone "/" is where the server began a line. */
static void append_wrapped(struct span words, struct buffer *text)
{
	struct span word = { 0 };
	size_t column = INDENT;

	while (span_take_word(&words, &word)) {
		bool is_break = span_equals_string(word, "/");

		if (is_break || (column > INDENT && column + 1 + width_of(word) > WIDTH)) {
			buffer_append_byte(text, '\n');
			append_blanks(text, INDENT);
			column = INDENT;
		}
		if (is_break)
			continue;
		if (column > INDENT) {
			buffer_append_byte(text, ' ');
			column++;
		}
		buffer_append_span(text, word);
		column += width_of(word);
	}
	buffer_append_byte(text, '\n');
}

static void append_part(const char *label, struct span words, struct buffer *text)
{
	if (words.length == 0)
		return;
	size_t used = 2 + strlen(label) + 1;
	append_blanks(text, 2);
	buffer_append_string(text, label);
	buffer_append_byte(text, ':');
	append_blanks(text, used < INDENT ? INDENT - used : 1);
	append_wrapped(words, text);
}

void error_block_part(const char *label, const char *words, struct buffer *text)
{
	append_part(label, span_from_string(words), text);
}

/* ": 535 5.7.8 words": where the server's own begin, or the end. */
static size_t find_reply(const char *text)
{
	for (const char *p = strstr(text, ": "); p != NULL; p = strstr(p + 1, ": "))
		if (p[2] >= '2' && p[2] <= '5' && isdigit((unsigned char)p[3]) &&
		    isdigit((unsigned char)p[4]) && (p[5] == ' ' || p[5] == '\0'))
			return (size_t)(p - text);
	return strlen(text);
}

static void append_first_line(struct span what, const char *code, struct buffer *text)
{
	size_t column = width_of(what);

	buffer_append_span(text, what);
	if (code[0] != '\0') {
		append_blanks(text, column < CODE_COLUMN ? CODE_COLUMN - column : 2);
		buffer_append_string(text, code);
	}
	buffer_append_byte(text, '\n');
}

void error_block(const struct error *error, struct buffer *text)
{
	struct span whole = span_from_string(error->text);
	size_t end = find_reply(error->text);

	append_first_line(span_first(whole, end), error->code, text);
	if (end < whole.length)
		append_part("server", span_after(whole, end + 2), text);
	error_block_part("means", error->means, text);
	error_block_part("fix", error->next, text);
	error_block_part("mail", error->mail, text);
}
