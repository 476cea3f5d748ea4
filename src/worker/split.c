/* SPDX-License-Identifier: MIT */

#include "worker/split.h"

#include <assert.h>
#include <stdlib.h>

#include "base/memory.h"

void split_init(struct split *split, const struct envelope *envelope)
{
	size_t count = envelope->recipient_count;

	*split = (struct split){
		.envelope = envelope,
		.is_left = memory_allocate((count + 1) * sizeof *split->is_left),
		.left = count,
		.unsettled = count,
	};
	for (size_t i = 0; i < count; i++)
		split->is_left[i] = true;
}

void split_finish(struct split *split)
{
	free(split->is_left);
	*split = (struct split){ 0 };
}

void split_take(struct split *split, size_t limit, struct split_part *part)
{
	const struct envelope *all = split->envelope;
	size_t count = limit != 0 && limit < split->left ? limit : split->left;
	struct envelope *some = &part->envelope;

	assert(split->left != 0);
	*part = (struct split_part){ .envelope = *all };
	some->recipients = memory_allocate(count * sizeof *some->recipients);
	some->recipient_capacity = count;
	some->recipient_count = 0;
	part->indices = memory_allocate(count * sizeof *part->indices);
	for (; some->recipient_count < count; split->first++) {
		if (!split->is_left[split->first])
			continue;
		split->is_left[split->first] = false;
		part->indices[some->recipient_count] = split->first;
		some->recipients[some->recipient_count++] = all->recipients[split->first];
	}
	split->left -= count;
}

void split_finish_part(struct split_part *part)
{
	free(part->envelope.recipients);
	free(part->indices);
	*part = (struct split_part){ 0 };
}

void split_put_back(struct split *split, size_t recipient)
{
	assert(recipient < split->envelope->recipient_count && !split->is_left[recipient]);
	split->is_left[recipient] = true;
	split->left++;
	if (recipient < split->first)
		split->first = recipient;
}

void split_settle(struct split *split)
{
	assert(split->unsettled > split->left);
	split->unsettled--;
}

size_t split_parts(const struct split *split, size_t limit)
{
	if (limit == 0)
		return split->left != 0;
	return split->left / limit + (split->left % limit != 0);
}
