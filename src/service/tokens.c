/* SPDX-License-Identifier: MIT */

#include "service/tokens.h"

#include <string.h>

#include "base/memory.h"
#include "service/routing.h"

/* Titles hold no blanks. */
static const char prefix[] = "route ";

const struct config_route *tokens_route(
    const struct config *config, const struct queue_file *file, const struct legs *legs)
{
	struct routing routing CLEANUP(routing_finish) = { 0 };
	const struct config_route *found = NULL;
	bool has_rate = false;
	struct route_list list;

	for (size_t i = 0; i < config->route_count; i++)
		has_rate = has_rate || config->routes[i].rate != 0;
	if (!has_rate)
		return NULL;
	routing_init(&routing, config, file);
	for (size_t i = 0; i < legs->count && found == NULL; i++) {
		if (!legs->is_member[i])
			continue;
		routing_list(&routing, i, &list);
		if (list.route != NULL && list.route->rate != 0)
			found = list.route;
	}
	return found;
}

/* As rates sees it.  name is the caller's to free. */
static struct smarthost door_of(const struct config_route *route, char **name)
{
	*name = memory_format("%s%s", prefix, route->title);
	return (struct smarthost){ .name = *name,
		.rate = route->rate,
		.rate_period = route->rate_period,
		.burst = route->burst };
}

static bool reserve(
    struct rates *rates, const struct smarthost *door, int64_t now, const char **reserved)
{
	bool has_token;

	*reserved = NULL;
	if (!rates_reserve(rates, door, now, &has_token))
		return false;
	if (has_token)
		*reserved = rates_name(rates, door->name);
	return true;
}

static bool reserve_of_route(
    struct rates *rates, const struct config_route *route, int64_t now, const char **reserved)
{
	char *name CLEANUP(memory_free_string) = NULL;

	if (route == NULL)
		return true;
	struct smarthost door = door_of(route, &name);
	return reserve(rates, &door, now, reserved);
}

bool tokens_reserve(struct rates *rates, const struct smarthost *smarthost,
    const struct config_route *route, int64_t now, struct tokens *tokens)
{
	*tokens = (struct tokens){ 0 };
	if (!reserve(rates, smarthost, now, &tokens->smarthost))
		return false;
	if (reserve_of_route(rates, route, now, &tokens->route))
		return true;
	tokens_release(rates, tokens);
	return false;
}

void tokens_take(struct rates *rates, struct tokens *tokens, int64_t now)
{
	if (tokens->smarthost != NULL)
		rates_take(rates, tokens->smarthost, now);
	if (tokens->route != NULL)
		rates_take(rates, tokens->route, now);
	*tokens = (struct tokens){ 0 };
}

void tokens_release(struct rates *rates, struct tokens *tokens)
{
	if (tokens->smarthost != NULL)
		rates_release(rates, tokens->smarthost);
	if (tokens->route != NULL)
		rates_release(rates, tokens->route);
	*tokens = (struct tokens){ 0 };
}

bool tokens_wait(struct rates *rates, const struct config_route *route,
    const struct queue_file *file, int64_t now)
{
	char *name CLEANUP(memory_free_string) = NULL;

	if (route == NULL)
		return false;
	struct smarthost door = door_of(route, &name);
	if (rates_ready(rates, name, now) <= now)
		return false;
	rates_wait(rates, &door, file, now);
	return true;
}

bool tokens_is_route(const char *name)
{
	return strncmp(name, prefix, strlen(prefix)) == 0;
}

const struct config_route *tokens_find_route(const struct config *config, const char *name)
{
	for (size_t i = 0; i < config->route_count; i++)
		if (strcmp(config->routes[i].title, name + strlen(prefix)) == 0)
			return &config->routes[i];
	return NULL;
}
