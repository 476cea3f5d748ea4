/* SPDX-License-Identifier: MIT */

#include "spool/record.h"

#include <assert.h>
#include <limits.h>

/* Enough for any length that is allowed, too short to overflow. */
enum { LENGTH_DIGITS = 10 };

static bool is_name_octet(char c)
{
	return (c >= 'a' && c <= 'z') || c == '-';
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_mark(char c)
{
	return c > ' ' && c < 0x7f && !is_digit(c);
}

void record_append(struct buffer *buffer, const char *name, char mark, struct span value)
{
	assert(mark == '\0' || is_mark(mark));
	if (mark != '\0')
		buffer_format(buffer, "%s %c %zu:", name, mark, value.length);
	else
		buffer_format(buffer, "%s %zu:", name, value.length);
	buffer_append_span(buffer, value);
	buffer_append_byte(buffer, '\n');
}

/* The parts below take what is theirs off rest: 1 taken, 0 cut short, -1 not to the form. */

static int take_name(struct span *rest, struct span *name)
{
	size_t length = 0;

	while (length < rest->length && is_name_octet(rest->start[length]))
		length++;
	if (length > RECORD_NAME_LIMIT)
		return -1;
	if (length == rest->length)
		return 0;
	if (length == 0 || rest->start[length] != ' ')
		return -1;
	*name = span_first(*rest, length);
	*rest = span_after(*rest, length + 1);
	return 1;
}

static int take_mark(struct span *rest, char *mark)
{
	*mark = '\0';
	if (rest->length == 0)
		return 0;
	if (is_digit(rest->start[0]))
		return 1;
	if (!is_mark(rest->start[0]))
		return -1;
	if (rest->length == 1)
		return 0;
	if (rest->start[1] != ' ')
		return -1;
	*mark = rest->start[0];
	*rest = span_after(*rest, 2);
	return 1;
}

static int take_length(struct span *rest, uint64_t *length)
{
	size_t digits = 0;

	while (digits < rest->length && is_digit(rest->start[digits]))
		digits++;
	if (digits > LENGTH_DIGITS || (digits > 1 && rest->start[0] == '0'))
		return -1;
	if (digits == rest->length)
		return 0;
	if (digits == 0 || rest->start[digits] != ':')
		return -1;
	if (!span_to_number(span_first(*rest, digits), length))
		return -1;
	*rest = span_after(*rest, digits + 1);
	return 1;
}

static int take_value(struct span *rest, uint64_t length, struct span *value)
{
	if (length >= rest->length)
		return 0;
	if (rest->start[length] != '\n')
		return -1;
	*value = span_first(*rest, length);
	*rest = span_after(*rest, length + 1);
	return 1;
}

ssize_t record_parse(struct span text, struct record *record)
{
	struct record found = { 0 };
	struct span rest = text;
	uint64_t length = 0;
	int taken = take_name(&rest, &found.name);

	if (taken > 0)
		taken = take_mark(&rest, &found.mark);
	if (taken > 0)
		taken = take_length(&rest, &length);
	if (taken > 0)
		taken = take_value(&rest, length, &found.value);
	if (taken <= 0)
		return taken;
	found.mark_offset = found.mark != '\0' ? found.name.length + 1 : 0;
	*record = found;
	return (ssize_t)(text.length - rest.length);
}
