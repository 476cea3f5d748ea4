/* SPDX-License-Identifier: MIT */

#include "message/fold.h"

#include <string.h>

#include "message/address_list.h"

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/*
 * Where the rest of the line may become one of its own: the last blank within
 * the limit, else the first behind it; 0 without any.  Words stand on both
 * sides, for no line of a field may be blank (RFC 5322, 3.2.2).
 */
static size_t find_break(struct span line, size_t from)
{
	size_t end = line.length;
	size_t found = 0;

	while (end > from && is_blank(line.start[end - 1]))
		end--;
	for (size_t i = from; i < end && (i <= FOLD_LINE_LIMIT || found == 0); i++)
		if (is_blank(line.start[i]) && !is_blank(line.start[i - 1]))
			found = i;
	return found;
}

/* No break before from, which is where the value begins on the field's first line. */
static void append_line(struct span line, size_t from, struct buffer *output)
{
	while (line.length > FOLD_LINE_LIMIT) {
		size_t at = find_break(line, from);

		if (at == 0)
			break;
		buffer_append_span(output, span_first(line, at));
		buffer_append_string(output, "\r\n");
		line = span_after(line, at);
		from = 1;
	}
	buffer_append_span(output, line);
	buffer_append_string(output, "\r\n");
}

void fold_part_addresses(struct span value, struct buffer *output)
{
	size_t depth = 0;
	bool is_quoted = false;

	for (size_t i = 0; i < value.length; i++) {
		char c = value.start[i];
		bool is_last = i + 1 == value.length;

		buffer_append_byte(output, c);
		if (c == '\\' && (is_quoted || depth != 0) && !is_last)
			buffer_append_byte(output, value.start[++i]);
		else if (c == '"' && depth == 0)
			is_quoted = !is_quoted;
		else if (c == '(' && !is_quoted && ++depth > ADDRESS_LIST_COMMENT_DEPTH) {
			/* Malformed: where what ends is read otherwise from here on. */
			buffer_append_span(output, span_after(value, i + 1));
			return;
		} else if (c == ')' && !is_quoted && depth != 0)
			depth--;
		else if (c == ',' && !is_quoted && depth == 0 && !is_last &&
			 strchr(" \t\r", value.start[i + 1]) == NULL)
			buffer_append_byte(output, ' ');
	}
}

bool fold_is_needed(const struct field *field)
{
	struct span rest = field->whole;
	struct span line;

	while (span_take_line(&rest, &line))
		if (line.length > FOLD_LINE_LIMIT)
			return true;
	return false;
}

void fold_field(const struct field *field, struct buffer *output)
{
	size_t from = (size_t)(field->value.start - field->whole.start);
	struct span rest = field->whole;
	struct span line;

	while (span_take_line(&rest, &line)) {
		append_line(line, from, output);
		from = 1;
	}
}
