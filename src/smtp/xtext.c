/* SPDX-License-Identifier: MIT */

#include "smtp/xtext.h"

static const char digits[] = "0123456789ABCDEF";

static bool stands_for_itself(char byte)
{
	return byte >= '!' && byte <= '~' && byte != '+' && byte != '=';
}

void xtext_encode(struct span text, struct buffer *output)
{
	for (size_t i = 0; i < text.length; i++) {
		unsigned char octet = (unsigned char)text.start[i];

		if (stands_for_itself(text.start[i])) {
			buffer_append_byte(output, text.start[i]);
			continue;
		}
		buffer_append_byte(output, '+');
		buffer_append_byte(output, digits[octet >> 4]);
		buffer_append_byte(output, digits[octet & 15]);
	}
}

static int digit_value(char byte)
{
	if (byte >= '0' && byte <= '9')
		return byte - '0';
	if (byte >= 'A' && byte <= 'F')
		return byte - 'A' + 10;
	/* RFC 3461 has capitals only; senders with small ones exist and mean the same. */
	if (byte >= 'a' && byte <= 'f')
		return byte - 'a' + 10;
	return -1;
}

/* The octet of "+HH" at the start of text, or -1. */
static int decode_octet(struct span text)
{
	if (text.length < 3)
		return -1;
	int high = digit_value(text.start[1]);
	int low = digit_value(text.start[2]);
	return high < 0 || low < 0 ? -1 : high * 16 + low;
}

/* Takes one character of rest; the octet it stands for, or -1. */
static int take_octet(struct span *rest)
{
	char byte = rest->start[0];

	if (byte != '+') {
		*rest = span_after(*rest, 1);
		return stands_for_itself(byte) ? (unsigned char)byte : -1;
	}
	int octet = decode_octet(*rest);
	*rest = span_after(*rest, 3);
	return octet < 0x20 || octet == 0x7f ? -1 : octet;
}

int xtext_decode(struct span text, struct buffer *output)
{
	size_t length = output->length;

	while (text.length != 0) {
		int octet = take_octet(&text);

		if (octet < 0) {
			output->length = length;
			return -1;
		}
		buffer_append_byte(output, (char)octet);
	}
	return 0;
}
