/* SPDX-License-Identifier: MIT */

#include "base/text.h"

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
