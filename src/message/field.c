/* SPDX-License-Identifier: MIT */

#include "message/field.h"

#include <assert.h>
#include <string.h>

#include "base/buffer.h"

/* A name cannot be folded, so it is bound by the length of a line (RFC 5322, 2.1.1). */
enum { NAME_LIMIT = 998 };

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* Length of the name, or -1.  0: text ends before that is clear. */
static ssize_t parse_name(struct span text, size_t *colon)
{
	size_t length = 0;

	while (length < text.length && text.start[length] > ' ' && text.start[length] < 0x7f &&
	       text.start[length] != ':')
		length++;
	if (length > NAME_LIMIT)
		return -1;
	size_t at = length;
	while (at < text.length && is_blank(text.start[at]))
		at++;
	if (at == text.length && at <= 2 * NAME_LIMIT && (length != 0 || at == 0))
		return 0;
	if (length == 0 || at == text.length || text.start[at] != ':')
		return -1;
	*colon = at;
	return (ssize_t)length;
}

/* The end of the line that holds offset from, its CRLF included; 0 when there is none. */
static size_t find_line_end(struct span text, size_t from)
{
	for (;;) {
		ssize_t at = span_find_byte(span_after(text, from), '\n');

		if (at < 0)
			return 0;
		from += (size_t)at + 1;
		if (from >= 2 && text.start[from - 2] == '\r')
			return from;
	}
}

/* The end of the field whose value begins at from; 0 when it may go on. */
static size_t find_end(struct span text, size_t from, bool is_complete)
{
	for (;;) {
		size_t end = find_line_end(text, from);

		if (end == 0 || end == text.length)
			return is_complete ? text.length : 0;
		if (!is_blank(text.start[end]))
			return end;
		from = end;
	}
}

ssize_t field_parse(struct span text, bool is_complete, struct field *field)
{
	size_t colon;
	ssize_t name = parse_name(text, &colon);

	if (name <= 0)
		return is_complete ? -1 : name;
	size_t end = find_end(text, colon + 1, is_complete);
	if (end == 0)
		return 0;
	/* "http://host is down" is the first line of somebody's alert (callers.md, 18). */
	if (span_starts_with(span_after(text, colon + 1), "//"))
		return -1;
	field->name = span_first(text, (size_t)name);
	field->whole = span_first(text, end);
	field->value = span_after(field->whole, colon + 1);
	if (find_line_end(field->whole, end - 1) == end)
		field->value.length -= 2;
	return (ssize_t)end;
}

bool field_is(const struct field *field, const char *name)
{
	return span_equals_string_ignoring_case(field->name, name);
}

char *field_unfold(struct span value)
{
	struct buffer line;
	struct span rest = span_trim(value);
	struct span part;

	buffer_init(&line, value.length);
	while (span_take_line(&rest, &part)) {
		part = span_trim(part);
		if (line.length != 0 && part.length != 0)
			buffer_append_byte(&line, ' ');
		buffer_append_span(&line, part);
	}
	/* The answer is one line and a string: a NUL would cut it. */
	for (size_t i = 0; i < line.length; i++)
		if (line.start[i] == '\0' || line.start[i] == '\r')
			line.start[i] = '?';
	return buffer_take_string(&line);
}
