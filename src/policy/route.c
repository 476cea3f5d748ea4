/* SPDX-License-Identifier: MIT */

#include "policy/route.h"

#include <stddef.h>
#include <string.h>

#include "base/hash.h"
#include "base/memory.h"
#include "base/span.h"
#include "message/address.h"

bool route_matches(const char *pattern, const char *address)
{
	struct span whole = span_from_string(address);
	const char *domain = pattern;

	if (strncmp(pattern, "*@", 2) == 0)
		domain = pattern + 2;
	else if (strchr(pattern, '@') != NULL)
		return span_equals_string_ignoring_case(whole, pattern);
	return span_equals_string_ignoring_case(address_split(whole).domain, domain);
}

static bool is_among(const struct config_list *patterns, const char *address)
{
	for (size_t i = 0; i < patterns->count; i++)
		if (route_matches(patterns->items[i], address))
			return true;
	return patterns->count == 0;
}

static bool has_user(const struct config_route *route, int64_t uid)
{
	for (size_t i = 0; i < route->uid_count; i++)
		if (uid >= 0 && route->uids[i] == uid)
			return true;
	return route->uid_count == 0;
}

static const struct config_route *find(
    const struct config *config, const struct route_question *question)
{
	const char *from = question->sender;

	if (from[0] == '\0')
		from = question->author != NULL ? question->author : "";
	for (size_t i = 0; i < config->route_count; i++) {
		const struct config_route *route = &config->routes[i];

		if (is_among(&route->from, from) && is_among(&route->to, question->recipient) &&
		    has_user(route, question->uid))
			return route;
	}
	return NULL;
}

/* FNV-1a, and its octets well mixed, for neighbouring IDs differ in few. */
static uint64_t hash_of(const char *id)
{
	uint64_t hash = hash_add(HASH_EMPTY, id, strlen(id));

	hash = (hash ^ (hash >> 33)) * UINT64_C(0xff51afd7ed558ccd);
	return hash ^ (hash >> 33);
}

/* The index of the one that this message falls to. */
static size_t draw(const struct config_route *route, const char *id)
{
	uint64_t sum = 0;
	size_t index = 0;

	for (size_t i = 0; i < route->via_count; i++)
		sum += route->via[i].weight;
	uint64_t at = hash_of(id) % sum;
	while (at >= route->via[index].weight)
		at -= route->via[index++].weight;
	return index;
}

static void add(const struct config *config, const struct config_via *via, struct route_list *list)
{
	const struct config_smarthost *smarthost = config_find_smarthost(config, via->smarthost);

	if (smarthost != NULL)
		list->smarthosts[list->count++] = smarthost;
}

/* After the one that was drawn, if one was; those of a weight by their order. */
static void add_by_weight(const struct config *config, const struct config_route *route,
    const struct config_via *drawn, struct route_list *list)
{
	bool is_added[CONFIG_VIA_LIMIT] = { false };

	for (size_t round = 0; round < route->via_count; round++) {
		size_t best = route->via_count;

		for (size_t i = 0; i < route->via_count; i++)
			if (!is_added[i] && (best == route->via_count ||
						route->via[i].weight > route->via[best].weight))
				best = i;
		is_added[best] = true;
		if (&route->via[best] != drawn)
			add(config, &route->via[best], list);
	}
}

void route_list(
    const struct config *config, const struct route_question *question, struct route_list *list)
{
	const struct config_route *route = find(config, question);
	const struct config_via *drawn = NULL;

	*list = (struct route_list){ .route = route };
	if (route == NULL) {
		if (config->smarthost_count != 0)
			list->smarthosts[list->count++] = &config->smarthosts[0];
		return;
	}
	if (route->via[0].weight != 0 && question->id != NULL)
		drawn = &route->via[draw(route, question->id)];
	if (drawn != NULL)
		add(config, drawn, list);
	add_by_weight(config, route, drawn, list);
}

bool route_needs_author(const struct config *config, const char *sender)
{
	for (size_t i = 0; sender[0] == '\0' && i < config->route_count; i++)
		if (config->routes[i].from.count != 0)
			return true;
	return false;
}

/* Of the messages of its route. */
static char *share_of(const struct config_route *route, const struct config_smarthost *chosen)
{
	unsigned sum = 0;
	unsigned weight = 0;

	for (size_t i = 0; i < route->via_count; i++) {
		sum += route->via[i].weight;
		if (strcmp(route->via[i].smarthost, chosen->parameters.name) == 0)
			weight = route->via[i].weight;
	}
	return memory_format(", where %u of %u messages go", weight, sum);
}

/* ", which takes 30 messages a minute". */
static char *rate_of(const struct config_route *route)
{
	const char *period = route->rate_period == 1000	   ? "second"
			     : route->rate_period == 60000 ? "minute"
							   : "hour";

	if (route->rate == 0)
		return memory_copy_string("");
	return memory_format(", which takes %u message%s a%s %s", route->rate,
	    route->rate == 1 ? "" : "s", period[0] == 'h' ? "n" : "", period);
}

char *route_reason(const struct config *config, const struct route_list *list)
{
	const struct config_route *route = list->route;

	if (list->count == 0)
		return memory_copy_string("no smarthost is configured");
	if (route == NULL && config->smarthost_count == 1)
		return memory_copy_string("the only smarthost");
	if (route == NULL)
		return memory_copy_string(config->route_count == 0
					      ? "the first smarthost"
					      : "the first smarthost, for no route matches");
	CLEANUP(memory_free_string)
	char *share = route->via[0].weight != 0 && list->count > 1
			  ? share_of(route, list->smarthosts[0])
			  : memory_copy_string("");
	CLEANUP(memory_free_string) char *rate = rate_of(route);
	return memory_format(
	    "by route \"%s\" in line %d%s%s", route->title, route->place.line, share, rate);
}
