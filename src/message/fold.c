/* SPDX-License-Identifier: MIT */

#include "message/fold.h"

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
