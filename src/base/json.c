/* SPDX-License-Identifier: MIT */

#include "base/json.h"

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

/* The character that text begins with, which does not stand for itself; its length. */
static size_t append_other(struct buffer *buffer, struct span text)
{
	uint32_t code;
	size_t length = utf8_decode(text, &code);

	if (length == 0) {
		buffer_append_byte(buffer, '?');
		return 1;
	}
	if (code == '"' || code == '\\')
		buffer_append_byte(buffer, '\\');
	buffer_append(buffer, text.start, length);
	return length;
}

void json_append_string(struct buffer *buffer, struct span text)
{
	buffer_append_byte(buffer, '"');
	while (text.length != 0) {
		size_t plain = plain_length(text);

		buffer_append(buffer, text.start, plain);
		text = span_after(text, plain);
		if (text.length != 0)
			text = span_after(text, append_other(buffer, text));
	}
	buffer_append_byte(buffer, '"');
}

static void begin_member(struct buffer *members, const char *name)
{
	if (members->length != 0)
		buffer_append_byte(members, ',');
	buffer_append_byte(members, '"');
	buffer_append_string(members, name);
	buffer_append_string(members, "\":");
}

void json_string(struct buffer *members, const char *name, struct span value)
{
	begin_member(members, name);
	json_append_string(members, value);
}

void json_number(struct buffer *members, const char *name, int64_t value)
{
	begin_member(members, name);
	if (value < 0)
		buffer_append_byte(members, '-');
	buffer_append_number(members, value < 0 ? 0 - (uint64_t)value : (uint64_t)value);
}

void json_bool(struct buffer *members, const char *name, bool value)
{
	begin_member(members, name);
	buffer_append_string(members, value ? "true" : "false");
}

void json_seconds(struct buffer *members, const char *name, int64_t milliseconds)
{
	int64_t value = milliseconds > 0 ? milliseconds : 0;

	begin_member(members, name);
	buffer_append_number(members, (uint64_t)value / 1000);
	buffer_append_byte(members, '.');
	for (int64_t digit = 100; digit != 0; digit /= 10)
		buffer_append_byte(members, (char)('0' + value / digit % 10));
}
