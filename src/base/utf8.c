/* SPDX-License-Identifier: MIT */

#include "base/utf8.h"

#include <string.h>

static size_t announced_length(unsigned char first)
{
	if (first < 0x80)
		return 1;
	if (first >= 0xc2 && first <= 0xdf)
		return 2;
	if (first >= 0xe0 && first <= 0xef)
		return 3;
	return first >= 0xf0 && first <= 0xf4 ? 4 : 0;
}

/* Line and paragraph ends, and what turns the direction of writing. */
static bool is_steering(uint32_t code)
{
	return code == 0x061c || code == 0x200e || code == 0x200f ||
	       (code >= 0x2028 && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069);
}

/* Neither controls, nor what is longer than need be, nor surrogates, nor beyond the last one. */
static bool is_shown(uint32_t code, size_t length)
{
	static const uint32_t lowest[] = { 0, 0x20, 0xa0, 0x800, 0x10000 };

	if (code < lowest[length] || code > 0x10ffff)
		return false;
	return code != 0x7f && (code < 0xd800 || code > 0xdfff) && !is_steering(code);
}

size_t utf8_decode(struct span text, uint32_t *code)
{
	static const unsigned char bits[] = { 0, 0x7f, 0x1f, 0x0f, 0x07 };
	unsigned char first = (unsigned char)text.start[0];
	size_t length = announced_length(first);
	uint32_t value = first & bits[length];

	if (length == 0 || length > text.length)
		return 0;
	for (size_t i = 1; i < length; i++) {
		unsigned char next = (unsigned char)text.start[i];

		if ((next & 0xc0) != 0x80)
			return 0;
		value = value << 6 | (next & 0x3f);
	}
	if (!is_shown(value, length))
		return 0;
	*code = value;
	return length;
}

void utf8_mask(char *text, const char *allowed)
{
	struct span rest = span_from_string(text);
	char *end = text + rest.length;
	uint32_t code;

	while (rest.length != 0) {
		size_t length = utf8_decode(rest, &code);
		char *first = end - rest.length;

		if (length == 0 && strchr(allowed, *first) == NULL)
			*first = '?';
		rest = span_after(rest, length != 0 ? length : 1);
	}
}

/* How many octets at the start are of characters that may be shown; nearly always all. */
static size_t shown_length(struct span text)
{
	size_t length = 0;
	size_t next = 1;
	uint32_t code;

	while (length < text.length && next != 0) {
		next = utf8_decode(span_after(text, length), &code);
		length += next;
	}
	return length;
}

void utf8_append_shown(struct buffer *buffer, struct span text)
{
	while (text.length != 0) {
		size_t shown = shown_length(text);

		buffer_append(buffer, text.start, shown);
		text = span_after(text, shown);
		if (text.length == 0)
			return;
		buffer_append_byte(buffer, '?');
		text = span_after(text, 1);
	}
}
