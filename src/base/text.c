/* SPDX-License-Identifier: MIT */

#include "base/text.h"

#include <stdio.h>
#include <string.h>

void text_copy_span(char *target, size_t size, struct span source)
{
	if (source.length < size) {
		if (source.length != 0)
			memmove(target, source.start, source.length);
		target[source.length] = '\0';
		return;
	}
	memmove(target, source.start, size - 4);
	memcpy(target + size - 4, "...", 4);
}

void text_copy(char *target, size_t size, const char *source)
{
	text_copy_span(target, size, span_from_string(source));
}

void text_append(char *target, size_t size, const char *source)
{
	size_t used = strnlen(target, size - 1);
	size_t length = strlen(source);

	if (length < size - used) {
		memcpy(target + used, source, length + 1);
		return;
	}
	/* Where the dots find no room behind what is there, they take its last places. */
	memcpy(target + used, source, size - 1 - used);
	memcpy(target + size - 4, "...", 4);
}

void text_size(uint64_t octets, char text[static TEXT_SIZE_SIZE])
{
	static const char letters[] = "KMGTPE";
	unsigned shift = 10;

	if (octets < 1024) {
		snprintf(
		    text, TEXT_SIZE_SIZE, "%u octet%s", (unsigned)octets, octets == 1 ? "" : "s");
		return;
	}
	while (shift < 60 && octets >> (shift + 10) != 0)
		shift += 10;
	unsigned tenths = (unsigned)((octets >> (shift - 10) & 1023) * 10 / 1024);
	unsigned whole = (unsigned)(octets >> shift);
	char letter = letters[shift / 10 - 1];
	if (tenths != 0)
		snprintf(text, TEXT_SIZE_SIZE, "%u.%u %ciB", whole, tenths, letter);
	else
		snprintf(text, TEXT_SIZE_SIZE, "%u %ciB", whole, letter);
}
