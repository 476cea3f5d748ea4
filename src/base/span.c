/* SPDX-License-Identifier: MIT */

#include "base/span.h"

#include <limits.h>
#include <string.h>

#include "base/memory.h"

int span_int(struct span span)
{
	return span.length > INT_MAX ? INT_MAX : (int)span.length;
}

struct span span_from_bytes(const char *start, size_t length)
{
	return (struct span){ start, length };
}

struct span span_from_string(const char *string)
{
	return span_from_bytes(string, strlen(string));
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

bool span_equals(struct span a, struct span b)
{
	return a.length == b.length && (a.length == 0 || memcmp(a.start, b.start, a.length) == 0);
}

bool span_equals_string(struct span span, const char *string)
{
	return span_equals(span, span_from_string(string));
}

bool span_equals_ignoring_case(struct span a, struct span b)
{
	if (a.length != b.length)
		return false;
	for (size_t i = 0; i < a.length; i++)
		if (lower(a.start[i]) != lower(b.start[i]))
			return false;
	return true;
}

bool span_equals_string_ignoring_case(struct span span, const char *string)
{
	return span_equals_ignoring_case(span, span_from_string(string));
}

bool span_starts_with(struct span span, const char *prefix)
{
	return span_equals_string(span_first(span, strlen(prefix)), prefix);
}

bool span_starts_with_ignoring_case(struct span span, const char *prefix)
{
	return span_equals_string_ignoring_case(span_first(span, strlen(prefix)), prefix);
}

bool span_ends_with_ignoring_case(struct span span, const char *suffix)
{
	size_t length = strlen(suffix);

	return span.length >= length &&
	       span_equals_string_ignoring_case(span_after(span, span.length - length), suffix);
}

ssize_t span_find_byte(struct span span, char byte)
{
	const char *found = span.length != 0 ? memchr(span.start, byte, span.length) : NULL;

	return found != NULL ? found - span.start : -1;
}

ssize_t span_find_last_byte(struct span span, char byte)
{
	const char *found = span.length != 0 ? memrchr(span.start, byte, span.length) : NULL;

	return found != NULL ? found - span.start : -1;
}

struct span span_first(struct span span, size_t count)
{
	return span_from_bytes(span.start, count < span.length ? count : span.length);
}

struct span span_after(struct span span, size_t count)
{
	if (count > span.length)
		count = span.length;
	/* A NULL start is allowed with length 0, and NULL + 0 is not defined in C. */
	if (count == 0)
		return span;
	return span_from_bytes(span.start + count, span.length - count);
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct span span_trim(struct span span)
{
	while (span.length != 0 && is_blank(span.start[0]))
		span = span_after(span, 1);
	while (span.length != 0 && is_blank(span.start[span.length - 1]))
		span.length--;
	return span;
}

bool span_take_until(struct span *rest, char separator, struct span *part)
{
	if (rest->length == 0)
		return false;
	ssize_t at = span_find_byte(*rest, separator);
	if (at < 0) {
		*part = *rest;
		*rest = span_after(*rest, rest->length);
	} else {
		*part = span_first(*rest, (size_t)at);
		*rest = span_after(*rest, (size_t)at + 1);
	}
	return true;
}

bool span_take_word(struct span *rest, struct span *word)
{
	while (rest->length != 0 && (rest->start[0] == ' ' || rest->start[0] == '\t'))
		*rest = span_after(*rest, 1);
	size_t length = 0;
	while (length < rest->length && rest->start[length] != ' ' && rest->start[length] != '\t')
		length++;
	if (length == 0)
		return false;
	*word = span_first(*rest, length);
	*rest = span_after(*rest, length);
	return true;
}

bool span_take_line(struct span *rest, struct span *line)
{
	if (!span_take_until(rest, '\n', line))
		return false;
	if (line->length != 0 && line->start[line->length - 1] == '\r')
		line->length--;
	return true;
}

bool span_to_number(struct span span, uint64_t *number)
{
	uint64_t value = 0;

	if (span.length == 0)
		return false;
	for (size_t i = 0; i < span.length; i++) {
		if (span.start[i] < '0' || span.start[i] > '9')
			return false;
		if (__builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, (uint64_t)(span.start[i] - '0'), &value))
			return false;
	}
	*number = value;
	return true;
}

bool span_has_control(struct span span)
{
	for (size_t i = 0; i < span.length; i++) {
		unsigned char c = (unsigned char)span.start[i];

		if (c < 0x20 || c == 0x7f)
			return true;
	}
	return false;
}

bool span_has_8bit(struct span span)
{
	for (size_t i = 0; i < span.length; i++)
		if ((unsigned char)span.start[i] > 0x7f)
			return true;
	return false;
}

char *span_copy(struct span span)
{
	return memory_copy(span.start, span.length);
}
