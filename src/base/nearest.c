/* SPDX-License-Identifier: MIT */

#include "base/nearest.h"

#include <string.h>

/* Longer than any name of ours: what is longer is no typing error. */
enum { NAME_LIMIT = 40 };

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

static size_t least(size_t a, size_t b, size_t c)
{
	size_t low = a < b ? a : b;

	return low < c ? low : c;
}

/* Levenshtein's distance, one row of his table at a time. */
static size_t distance(struct span a, struct span b)
{
	size_t row[NAME_LIMIT + 1];

	for (size_t j = 0; j <= b.length; j++)
		row[j] = j;
	for (size_t i = 0; i < a.length; i++) {
		size_t diagonal = row[0];

		row[0] = i + 1;
		for (size_t j = 0; j < b.length; j++) {
			size_t cost = lower(a.start[i]) == lower(b.start[j]) ? 0 : 1;
			size_t above = row[j + 1];

			row[j + 1] = least(above + 1, row[j] + 1, diagonal + cost);
			diagonal = above;
		}
	}
	return row[b.length];
}

const char *nearest_name_within(
    struct span given, const char *const *names, size_t count, size_t most)
{
	const char *nearest = NULL;
	size_t least_edits = most + 1;

	if (given.length > NAME_LIMIT)
		return NULL;
	for (size_t i = 0; i < count; i++) {
		struct span name = span_from_string(names[i]);
		size_t edits = name.length <= NAME_LIMIT ? distance(given, name) : NAME_LIMIT;

		if (edits < least_edits && edits < name.length) {
			least_edits = edits;
			nearest = names[i];
		}
	}
	return nearest;
}

const char *nearest_name(struct span given, const char *const *names, size_t count)
{
	return nearest_name_within(given, names, count, given.length / 3 + 1);
}
