/* SPDX-License-Identifier: MIT */

#include "smtp/status.h"

#include <string.h>

/* A number of one to three digits at the start of text; its length, or 0. */
static size_t number_length(struct span text)
{
	size_t length = 0;

	while (length < text.length && text.start[length] >= '0' && text.start[length] <= '9')
		length++;
	return length <= 3 ? length : 0;
}

/* A dot and a number at this place; their length, or 0. */
static size_t part_length(struct span text, size_t place)
{
	struct span rest = span_after(text, place);

	if (!span_starts_with(rest, "."))
		return 0;
	size_t length = number_length(span_after(rest, 1));
	return length != 0 ? length + 1 : 0;
}

size_t status_parse(struct span text, char class_digit, char status[static STATUS_SIZE])
{
	status[0] = '\0';
	if (text.length == 0 || text.start[0] != class_digit)
		return 0;
	if (class_digit != '2' && class_digit != '4' && class_digit != '5')
		return 0;

	size_t subject = part_length(text, 1);
	size_t detail = subject != 0 ? part_length(text, 1 + subject) : 0;
	size_t length = 1 + subject + detail;
	if (detail == 0)
		return 0;
	if (length < text.length && text.start[length] != ' ' && text.start[length] != '\t')
		return 0;
	memcpy(status, text.start, length);
	status[length] = '\0';
	return length;
}
