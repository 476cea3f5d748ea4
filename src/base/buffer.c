/* SPDX-License-Identifier: MIT */

#include "base/buffer.h"

#include <assert.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

/* No memory is so large, and sums below it cannot overflow. */
static const size_t LARGEST = SIZE_MAX / 4;

void buffer_init(struct buffer *buffer, size_t limit)
{
	*buffer = (struct buffer){ .limit = limit < LARGEST ? limit : LARGEST };
}

void buffer_finish(struct buffer *buffer)
{
	free(buffer->start);
	*buffer = (struct buffer){ 0 };
}

void buffer_finish_secret(struct buffer *buffer)
{
	if (buffer->start != NULL)
		explicit_bzero(buffer->start, buffer->capacity);
	buffer_finish(buffer);
}

/* One byte more than asked for, so that a NUL always fits behind. */
static bool grow(struct buffer *buffer, size_t size)
{
	if (size > buffer->limit || buffer->length > buffer->limit - size) {
		buffer->has_overflowed = true;
		return false;
	}
	size_t needed = buffer->length + size + 1;
	if (needed <= buffer->capacity)
		return true;
	size_t capacity = buffer->capacity != 0 ? buffer->capacity : 64;
	while (capacity < needed)
		capacity *= 2;
	if (capacity > buffer->limit + 1)
		capacity = buffer->limit + 1;
	buffer->start = memory_resize_array(buffer->start, capacity, 1);
	buffer->capacity = capacity;
	return true;
}

void buffer_append(struct buffer *buffer, const char *bytes, size_t length)
{
	if (length == 0 || !grow(buffer, length))
		return;
	memcpy(buffer->start + buffer->length, bytes, length);
	buffer->length += length;
}

void buffer_append_span(struct buffer *buffer, struct span span)
{
	buffer_append(buffer, span.start, span.length);
}

void buffer_append_string(struct buffer *buffer, const char *string)
{
	buffer_append(buffer, string, strlen(string));
}

void buffer_append_byte(struct buffer *buffer, char byte)
{
	buffer_append(buffer, &byte, 1);
}

void buffer_append_number(struct buffer *buffer, uint64_t number)
{
	char digits[20];
	size_t at = sizeof digits;

	do {
		digits[--at] = (char)('0' + number % 10);
		number /= 10;
	} while (number != 0);
	buffer_append(buffer, digits + at, sizeof digits - at);
}

void buffer_format(struct buffer *buffer, const char *format, ...)
{
	va_list arguments;
	char *text = NULL;

	va_start(arguments, format);
	int length = vasprintf(&text, format, arguments);
	va_end(arguments);
	assert(length >= 0);
	buffer_append(buffer, text, (size_t)length);
	free(text);
}

char *buffer_reserve(struct buffer *buffer, size_t size)
{
	return grow(buffer, size) ? buffer->start + buffer->length : NULL;
}

void buffer_extend(struct buffer *buffer, size_t size)
{
	assert(buffer->length + size < buffer->capacity);
	buffer->length += size;
}

void buffer_consume(struct buffer *buffer, size_t size)
{
	assert(size <= buffer->length);
	buffer->length -= size;
	if (buffer->length != 0)
		memmove(buffer->start, buffer->start + size, buffer->length);
}

void buffer_clear(struct buffer *buffer)
{
	buffer->length = 0;
	buffer->has_overflowed = false;
}

struct span buffer_span(const struct buffer *buffer)
{
	return span_from_bytes(buffer->start, buffer->length);
}

const char *buffer_string(struct buffer *buffer)
{
	if (buffer->start == NULL)
		return "";
	buffer->start[buffer->length] = '\0';
	return buffer->start;
}

char *buffer_take_string(struct buffer *buffer)
{
	char *string = buffer->start != NULL ? buffer->start : memory_copy("", 0);

	string[buffer->length] = '\0';
	*buffer = (struct buffer){ 0 };
	return string;
}
