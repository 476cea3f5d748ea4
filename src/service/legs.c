/* SPDX-License-Identifier: MIT */

#include "service/legs.h"

#include <limits.h>
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
	return !legs->is_settled[recipient] && queue_file_waits(file, recipient);
}

/* The one that this recipient has now, and its place in the list; NULL: none. */
static const struct config_smarthost *find_next(const struct legs *legs,
    const struct routing *routing, size_t recipient, const struct legs_rules *rules, size_t *at)
{
	struct route_list list;

	if (!waits(legs, routing->file, recipient))
		return NULL;
	routing_list(routing, recipient, &list);
	if (routing->file->marks[recipient] == RECIPIENT_IN_DOUBT && list.count > 1)
		list.count = 1;
	for (*at = legs->next[recipient]; *at < list.count; ++*at)
		if (rules == NULL || rules->may_use == NULL ||
		    rules->may_use(rules->context, list.smarthosts[*at]->parameters.name))
			return list.smarthosts[*at];
	return NULL;
}

static int rank_of(const struct legs_rules *rules, const struct config_smarthost *smarthost)
{
	return rules != NULL && rules->rank != NULL
		   ? rules->rank(rules->context, smarthost->parameters.name)
		   : 0;
}

/* The one with the lowest rank, and of those the one of the first recipient. */
static const struct config_smarthost *find_best(
    const struct legs *legs, const struct routing *routing, const struct legs_rules *rules)
{
	const struct config_smarthost *best = NULL;
	int lowest = INT_MAX;
	size_t at;

	for (size_t i = 0; i < legs->count; i++) {
		const struct config_smarthost *one = find_next(legs, routing, i, rules, &at);

		if (one == NULL || one == best)
			continue;
		int rank = rank_of(rules, one);
		if (best != NULL && rank >= lowest)
			continue;
		lowest = rank;
		best = one;
	}
	return best;
}

const struct config_smarthost *legs_choose(struct legs *legs, const struct config *config,
    const struct queue_file *file, const struct legs_rules *rules)
{
	struct routing routing CLEANUP(routing_finish) = { 0 };

	routing_init(&routing, config, file);
	const struct config_smarthost *chosen = find_best(legs, &routing, rules);
	for (size_t i = 0; i < legs->count; i++) {
		size_t at = 0;

		legs->is_member[i] = chosen != NULL &&
				     find_next(legs, &routing, i, rules, &at) == chosen;
		if (legs->is_member[i])
			legs->at[i] = (unsigned char)at;
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
