/* SPDX-License-Identifier: MIT */

#include "delivery/counted.h"

#include <string.h>

enum { NUMBER_SIZE = 8 };

static const uint64_t absent = UINT64_MAX;

void counted_put_number(struct buffer *buffer, uint64_t number)
{
	char octets[NUMBER_SIZE];

	for (size_t i = NUMBER_SIZE; i > 0; i--) {
		octets[i - 1] = (char)(number & 0xff);
		number >>= 8;
	}
	buffer_append(buffer, octets, sizeof octets);
}

void counted_put_span(struct buffer *buffer, struct span octets)
{
	counted_put_number(buffer, octets.length);
	buffer_append_span(buffer, octets);
}

void counted_put_string(struct buffer *buffer, const char *string)
{
	if (string != NULL)
		counted_put_span(buffer, span_from_string(string));
	else
		counted_put_number(buffer, absent);
}

static struct span take(struct counted *counted, uint64_t length)
{
	struct span taken = { "", 0 };

	if (counted->is_wrong || length > counted->rest.length) {
		counted->is_wrong = true;
	} else {
		taken = span_first(counted->rest, (size_t)length);
		counted->rest = span_after(counted->rest, (size_t)length);
	}
	return taken;
}

uint64_t counted_take_number(struct counted *counted, uint64_t limit)
{
	struct span octets = take(counted, NUMBER_SIZE);
	uint64_t number = 0;

	for (size_t i = 0; i < octets.length; i++)
		number = number << 8 | (unsigned char)octets.start[i];
	if (number > limit) {
		counted->is_wrong = true;
		number = 0;
	}
	return number;
}

bool counted_take_flag(struct counted *counted)
{
	return counted_take_number(counted, 1) != 0;
}

struct span counted_take_span(struct counted *counted)
{
	return take(counted, counted_take_number(counted, UINT64_MAX));
}

/* False when it is absent, or wrong. */
static bool take_present(struct counted *counted, struct span *string)
{
	uint64_t length = counted_take_number(counted, UINT64_MAX);

	if (counted->is_wrong || length == absent)
		return false;
	*string = take(counted, length);
	if (span_find_byte(*string, '\0') >= 0)
		counted->is_wrong = true;
	return !counted->is_wrong;
}

char *counted_take_string(struct counted *counted)
{
	struct span string;

	return take_present(counted, &string) ? span_copy(string) : NULL;
}

void counted_take_text(struct counted *counted, char *text, size_t size)
{
	struct span string;

	text[0] = '\0';
	if (!take_present(counted, &string))
		return;
	if (string.length >= size) {
		counted->is_wrong = true;
		return;
	}
	memcpy(text, string.start, string.length);
	text[string.length] = '\0';
}

bool counted_is_complete(const struct counted *counted)
{
	return !counted->is_wrong && counted->rest.length == 0;
}
