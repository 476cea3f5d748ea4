/* SPDX-License-Identifier: MIT */

#include "service/queue_raw.h"

#include <string.h>

static const char digits[] = "0123456789ABCDEF";

void queue_raw_encode(struct span octets, struct buffer *text)
{
	for (size_t i = 0; i < octets.length; i++) {
		unsigned char octet = (unsigned char)octets.start[i];

		if (octet >= 0x20 && octet < 0x7f && octet != '=') {
			buffer_append_byte(text, (char)octet);
			continue;
		}
		buffer_append_byte(text, '=');
		buffer_append_byte(text, digits[octet >> 4]);
		buffer_append_byte(text, digits[octet & 15]);
	}
}

/* -1: it is none. */
static int value_of(char digit)
{
	const char *found = digit != '\0' ? strchr(digits, digit) : NULL;

	return found != NULL ? (int)(found - digits) : -1;
}

bool queue_raw_decode(struct span text, struct buffer *octets)
{
	for (size_t i = 0; i < text.length; i++) {
		if (text.start[i] != '=') {
			buffer_append_byte(octets, text.start[i]);
			continue;
		}
		if (text.length - i < 3)
			return false;
		int high = value_of(text.start[i + 1]);
		int low = value_of(text.start[i + 2]);
		if (high < 0 || low < 0)
			return false;
		buffer_append_byte(octets, (char)(high * 16 + low));
		i += 2;
	}
	return true;
}
