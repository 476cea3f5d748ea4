/* SPDX-License-Identifier: MIT */

#include "message/difference.h"

#include <stdbool.h>

struct comparison {
	const struct header *before;
	const struct header *after;
	size_t old; /* the first field of before that was not told */
	size_t new; /* likewise */
	difference_visit *visit;
	void *context;
};

static struct span entry_of(const struct header *header, size_t index)
{
	return span_from_bytes(header->entries[index].text, header->entries[index].length);
}

static bool is_among(struct span field, const struct header *header, size_t from)
{
	for (size_t i = from; i < header->count; i++)
		if (span_equals(field, entry_of(header, i)))
			return true;
	return false;
}

static bool has_old(const struct comparison *comparison)
{
	return comparison->old < comparison->before->count;
}

static bool has_new(const struct comparison *comparison)
{
	return comparison->new < comparison->after->count;
}

static void tell_old(struct comparison *comparison)
{
	struct span field = entry_of(comparison->before, comparison->old++);

	comparison->visit(comparison->context, DIFFERENCE_OLD, field);
}

static void tell_new(struct comparison *comparison)
{
	struct span field = entry_of(comparison->after, comparison->new ++);

	comparison->visit(comparison->context, DIFFERENCE_NEW, field);
}

/* The next of after has this name and is not to be found in before. */
static bool is_successor(const struct comparison *comparison, size_t old)
{
	struct span name = header_field(comparison->before, old).name;

	if (!has_new(comparison))
		return false;
	struct field next = header_field(comparison->after, comparison->new);
	return span_equals_ignoring_case(next.name, name) &&
	       !is_among(next.whole, comparison->before, comparison->old);
}

static void step(struct comparison *comparison)
{
	bool is_new = has_new(comparison) &&
		      (!has_old(comparison) ||
			  !is_among(entry_of(comparison->after, comparison->new),
			      comparison->before, comparison->old));
	bool is_gone = has_old(comparison) &&
		       (!has_new(comparison) ||
			   !is_among(entry_of(comparison->before, comparison->old),
			       comparison->after, comparison->new));

	if (is_gone) {
		tell_old(comparison);
		if (is_successor(comparison, comparison->old - 1))
			tell_new(comparison);
	} else if (is_new) {
		tell_new(comparison);
	} else if (span_equals(entry_of(comparison->before, comparison->old),
		       entry_of(comparison->after, comparison->new))) {
		comparison->new ++;
		comparison->visit(comparison->context, DIFFERENCE_SAME,
		    entry_of(comparison->before, comparison->old++));
	} else {
		/* Both are there, in another order. */
		tell_old(comparison);
	}
}

void difference_of(
    const struct header *before, const struct header *after, difference_visit *visit, void *context)
{
	struct comparison comparison = {
		.before = before,
		.after = after,
		.visit = visit,
		.context = context,
	};

	while (has_old(&comparison) || has_new(&comparison))
		step(&comparison);
}
