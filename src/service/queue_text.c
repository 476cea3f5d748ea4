/* SPDX-License-Identifier: MIT */

#include "service/queue_text.h"

static bool is_continuation(char octet)
{
	return ((unsigned char)octet & 0xc0) == 0x80;
}

/* How many octets the first ones say that the character has; 0: it cannot begin so. */
static size_t announced_length(unsigned char first, unsigned char second)
{
	if (first < 0x80)
		return first >= 0x20 && first != 0x7f ? 1 : 0;
	/* U+0080 to U+009F are control characters. */
	if (first >= 0xc2 && first <= 0xdf)
		return first == 0xc2 && second < 0xa0 ? 0 : 2;
	/* Neither what is longer than need be nor surrogates (RFC 3629, 4). */
	if (first >= 0xe0 && first <= 0xef)
		return (first == 0xe0 && second < 0xa0) || (first == 0xed && second > 0x9f) ? 0 : 3;
	if (first >= 0xf0 && first <= 0xf4)
		return (first == 0xf0 && second < 0x90) || (first == 0xf4 && second > 0x8f) ? 0 : 4;
	return 0;
}

/* The length of the character that text begins with; 0: it is none to be shown. */
static size_t character_length(struct span text)
{
	unsigned char first = (unsigned char)text.start[0];
	unsigned char second = text.length > 1 ? (unsigned char)text.start[1] : 0;
	size_t length = announced_length(first, second);

	if (length > text.length)
		return 0;
	for (size_t i = 1; i < length; i++)
		if (!is_continuation(text.start[i]))
			return 0;
	return length;
}

/* How many octets at the start stand for themselves; nearly always all. */
static size_t plain_length(struct span text)
{
	size_t length = 0;

	while (length < text.length && text.start[length] >= 0x20 && text.start[length] < 0x7f &&
	       text.start[length] != '"' && text.start[length] != '\\')
		length++;
	return length;
}

static void append(struct buffer *buffer, struct span text, bool is_json)
{
	for (;;) {
		size_t plain = plain_length(text);

		buffer_append(buffer, text.start, plain);
		text = span_after(text, plain);
		if (text.length == 0)
			return;
		size_t length = character_length(text);
		if (is_json && (text.start[0] == '"' || text.start[0] == '\\'))
			buffer_append_byte(buffer, '\\');
		if (length == 0)
			buffer_append_byte(buffer, '?');
		else
			buffer_append(buffer, text.start, length);
		text = span_after(text, length != 0 ? length : 1);
	}
}

void queue_text_append(struct buffer *buffer, struct span text)
{
	append(buffer, text, false);
}

void queue_text_append_json(struct buffer *buffer, struct span text)
{
	buffer_append_byte(buffer, '"');
	append(buffer, text, true);
	buffer_append_byte(buffer, '"');
}
