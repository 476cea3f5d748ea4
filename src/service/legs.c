/* SPDX-License-Identifier: MIT */

#include "service/legs.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "service/routing.h"

void legs_init(struct legs *legs, const struct queue_file *file)
{
	size_t count = file->envelope.recipient_count;

	*legs = (struct legs){
		.next = memory_allocate(count * sizeof *legs->next),
		.at = memory_allocate(count * sizeof *legs->at),
		.is_member = memory_allocate(count * sizeof *legs->is_member),
		.is_settled = memory_allocate(count * sizeof *legs->is_settled),
		.count = count,
	};
}

void legs_finish(struct legs *legs)
{
	free(legs->next);
	free(legs->at);
	free(legs->is_member);
	free(legs->is_settled);
	*legs = (struct legs){ 0 };
}

static bool waits(const struct legs *legs, const struct queue_file *file, size_t recipient)
{
	return !legs->is_settled[recipient] && (file->marks[recipient] == RECIPIENT_WAITING ||
						   file->marks[recipient] == RECIPIENT_IN_DOUBT);
}

/* The index in the list of the one that this recipient has now; list->count: none. */
static size_t find_next(const struct legs *legs, const struct queue_file *file, size_t recipient,
    const struct route_list *list, legs_may_use *may_use, void *context)
{
	size_t end = list->count;

	if (file->marks[recipient] == RECIPIENT_IN_DOUBT && end > 1)
		end = 1;
	for (size_t i = legs->next[recipient]; i < end; i++)
		if (may_use == NULL || may_use(context, list->smarthosts[i]->parameters.name))
			return i;
	return list->count;
}

const struct config_smarthost *legs_choose(struct legs *legs, const struct config *config,
    const struct queue_file *file, legs_may_use *may_use, void *context)
{
	struct routing routing CLEANUP(routing_finish) = { 0 };
	const struct config_smarthost *chosen = NULL;

	routing_init(&routing, config, file);
	for (size_t i = 0; i < legs->count; i++) {
		struct route_list list;

		legs->is_member[i] = false;
		if (!waits(legs, file, i))
			continue;
		routing_list(&routing, i, &list);
		size_t at = find_next(legs, file, i, &list, may_use, context);
		if (at == list.count || (chosen != NULL && list.smarthosts[at] != chosen))
			continue;
		chosen = list.smarthosts[at];
		legs->at[i] = (unsigned char)at;
		legs->is_member[i] = true;
	}
	return chosen;
}

void legs_settle(struct legs *legs, size_t recipient)
{
	legs->is_settled[recipient] = true;
}

void legs_end(struct legs *legs, bool is_unusable)
{
	for (size_t i = 0; i < legs->count; i++) {
		if (!legs->is_member[i])
			continue;
		legs->is_member[i] = false;
		if (is_unusable)
			legs->next[i] = (unsigned char)(legs->at[i] + 1);
		else
			legs->is_settled[i] = true;
	}
}
