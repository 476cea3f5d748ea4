/* SPDX-License-Identifier: MIT */

#include "base/base64.h"

#include <stdint.h>
#include <string.h>

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void base64_encode(struct span bytes, struct buffer *text)
{
	while (bytes.length != 0) {
		struct span group = span_first(bytes, 3);
		uint32_t value = 0;
		char four[4];

		for (size_t i = 0; i < 3; i++)
			value = value << 8 |
				(i < group.length ? (unsigned char)group.start[i] : 0U);
		for (size_t i = 0; i < 4; i++)
			four[i] = i <= group.length ? digits[value >> (18 - 6 * i) & 63] : '=';
		buffer_append(text, four, sizeof four);
		bytes = span_after(bytes, group.length);
	}
}

static int digit_value(char c)
{
	const char *found = c != '\0' ? strchr(digits, c) : NULL;

	return found != NULL ? (int)(found - digits) : -1;
}

/* One group of four; padding is allowed in the last one only. */
static int decode_group(const char *four, bool is_last, struct buffer *bytes)
{
	size_t padding = 0;
	uint32_t value = 0;

	if (is_last && four[3] == '=')
		padding = four[2] == '=' ? 2 : 1;
	for (size_t i = 0; i < 4; i++) {
		int digit = i < 4 - padding ? digit_value(four[i]) : 0;

		if (digit < 0)
			return -1;
		value = value << 6 | (uint32_t)digit;
	}
	const char three[3] = { (char)(value >> 16), (char)(value >> 8), (char)value };
	buffer_append(bytes, three, 3 - padding);
	return 0;
}

int base64_decode(struct span text, struct buffer *bytes)
{
	if (text.length % 4 != 0)
		return -1;
	for (size_t i = 0; i < text.length; i += 4)
		if (decode_group(text.start + i, i + 4 == text.length, bytes) < 0)
			return -1;
	return 0;
}
