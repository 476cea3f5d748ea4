/* SPDX-License-Identifier: MIT */

#include "service/queue_text.h"

#include "base/utf8.h"

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
		uint32_t code;
		size_t length = utf8_decode(text, &code);
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
