/* SPDX-License-Identifier: MIT */

/*
 * decode - the other way of quoted-printable and of base64 in lines
 *
 * Mailchute only encodes; the fuzz targets decode what it wrote, by readers
 * that share nothing with the writers.
 */

#ifndef TESTS_FUZZ_DECODE_H
#define TESTS_FUZZ_DECODE_H

#include "tests/fuzz/fuzz.h"

static inline int decode_hex(char digit)
{
	if (digit >= '0' && digit <= '9')
		return digit - '0';
	return digit >= 'A' && digit <= 'F' ? digit - 'A' + 10 : -1;
}

/* What quoted-printable stands for (RFC 2045, 6.7); asserts that it is by the rules. */
static inline void decode_quoted_printable(struct span text, struct buffer *octets)
{
	size_t column = 0;

	for (size_t i = 0; i < text.length; i++) {
		if (span_starts_with(span_after(text, i), "\r\n")) {
			assert(i == 0 || (text.start[i - 1] != ' ' && text.start[i - 1] != '\t'));
			buffer_append_string(octets, "\r\n");
			column = 0;
			i++;
			continue;
		}
		if (span_starts_with(span_after(text, i), "=\r\n")) {
			assert(column < 76);
			column = 0;
			i += 2;
			continue;
		}
		if (text.start[i] != '=') {
			assert((text.start[i] >= ' ' && text.start[i] <= '~') ||
			       text.start[i] == '\t');
			buffer_append_byte(octets, text.start[i]);
			column++;
		} else {
			assert(text.length - i > 2);
			int high = decode_hex(text.start[i + 1]);
			int low = decode_hex(text.start[i + 2]);
			assert(high >= 0 && low >= 0);
			buffer_append_byte(octets, (char)(high << 4 | low));
			i += 2;
			column += 3;
		}
		assert(column <= 76);
	}
}

static inline int decode_digit(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* What base64 in lines stands for (RFC 2045, 6.8); asserts that it is by the rules. */
static inline void decode_base64(struct span text, struct buffer *octets)
{
	uint32_t value = 0;
	unsigned bits = 0;
	struct span line;

	while (span_take_line(&text, &line)) {
		assert(line.length <= 76 && line.length % 4 == 0);
		for (size_t i = 0; i < line.length && line.start[i] != '='; i++) {
			int digit = decode_digit(line.start[i]);

			assert(digit >= 0);
			value = value << 6 | (uint32_t)digit;
			bits += 6;
			if (bits < 8)
				continue;
			bits -= 8;
			buffer_append_byte(octets, (char)(value >> bits));
		}
	}
}

#endif
