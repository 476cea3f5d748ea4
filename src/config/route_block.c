/* SPDX-License-Identifier: MIT */

#include "config/route_block.h"

#include <errno.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/nearest.h"
#include "base/span.h"

enum { WEIGHT_LIMIT = 1000 };

void route_block_finish(struct config_route *route)
{
	for (size_t i = 0; i < route->from.count; i++)
		free(route->from.items[i]);
	for (size_t i = 0; i < route->to.count; i++)
		free(route->to.items[i]);
	for (size_t i = 0; i < route->via_count; i++)
		free(route->via[i].smarthost);
	free(route->from.items);
	free(route->to.items);
	free(route->uids);
	free(route->via);
	free(route->title);
	free(route->place.file);
	*route = (struct config_route){ 0 };
}

/*
 * A name is looked up once, here, so that no message waits for the user
 * database.  Where that does not answer, the name stands for nobody.
 */
static int find_uid(
    const struct check_place *place, const char *name, int64_t *uid, struct error *error)
{
	errno = 0;
	const struct passwd *entry = getpwnam(name);

	*uid = entry != NULL ? (int64_t)entry->pw_uid : -1;
	if (entry != NULL || (errno != 0 && errno != ENOENT && errno != ESRCH))
		return 0;
	error_set(error, ERROR_CONFIG, "5.3.5", "%s: user = \"%s\": there is no user of that name",
	    place->where, name);
	return error_next(error, "write a login name, or its number");
}

static int add_user(
    const struct check_place *place, const char *name, void *target, struct error *error)
{
	struct config_route *route = target;
	uint64_t number = 0;
	int64_t uid;

	if (span_to_number(span_from_string(name), &number) && number < UINT32_MAX)
		uid = (int64_t)number;
	else if (find_uid(place, name, &uid, error) < 0)
		return -1;
	route->uids = memory_resize_array(route->uids, route->uid_count + 1, sizeof *route->uids);
	route->uids[route->uid_count++] = uid;
	return 0;
}

/* ---- via ---- */

/* The smarthosts that there are, and the route they are for. */
struct vias {
	const struct config *config;
	bool is_whole; /* there are no others */
	struct config_route *route;
};

static int refuse_unknown(const struct check_place *place, const struct config *config,
    struct span name, struct error *error)
{
	const char **names = memory_allocate((config->smarthost_count + 1) * sizeof *names);

	for (size_t i = 0; i < config->smarthost_count; i++)
		names[i] = config->smarthosts[i].parameters.name;
	const char *nearest = nearest_name(name, names, config->smarthost_count);
	error_set(error, ERROR_CONFIG, "5.3.5", "%s: via = \"%.*s\": there is no such smarthost",
	    place->where, span_int(name), name.start);
	if (nearest != NULL)
		error_next(error, "the nearest known one is \"%s\"", nearest);
	else if (config->smarthost_count != 0)
		error_next(error, "write: via = { \"%s\" }", names[0]);
	free(names);
	return -1;
}

static int refuse_weight(
    const struct check_place *place, const char *what, struct span text, struct error *error)
{
	error_set(error, ERROR_CONFIG, "5.3.5", "%s: via = \"%.*s\": %s", place->where,
	    span_int(text), text.start, what);
	return error_next(error, "write: via = { \"a:3\", \"b:1\" } for shares of the messages, or "
				 "via = { \"a\", \"b\" } for b while a is down");
}

/* "name" or "name:3". */
static int split_via(const struct check_place *place, struct span text, struct span *name,
    unsigned *weight, struct error *error)
{
	ssize_t colon = span_find_byte(text, ':');
	uint64_t number = 0;

	*name = colon < 0 ? text : span_first(text, (size_t)colon);
	*weight = 0;
	if (colon < 0)
		return 0;
	if (!span_to_number(span_after(text, (size_t)colon + 1), &number) || number == 0 ||
	    number > WEIGHT_LIMIT)
		return refuse_weight(place, "its weight is no number from 1 to 1000", text, error);
	*weight = (unsigned)number;
	return 0;
}

static int check_via(const struct check_place *place, const struct vias *vias, struct span text,
    const struct config_via *via, struct error *error)
{
	const struct config_route *route = vias->route;

	for (size_t i = 0; i < route->via_count; i++)
		if (strcmp(route->via[i].smarthost, via->smarthost) == 0)
			return error_set(error, ERROR_CONFIG, "5.3.5", "%s: via names \"%s\" twice",
			    place->where, via->smarthost);
	if (route->via_count != 0 && (route->via[0].weight != 0) != (via->weight != 0))
		return refuse_weight(place, "some have a weight and some have none", text, error);
	if (route->via_count == CONFIG_VIA_LIMIT)
		return error_set(error, ERROR_CONFIG, "5.3.5",
		    "%s: via names more than %d smarthosts", place->where, CONFIG_VIA_LIMIT);
	return 0;
}

static int add_via(
    const struct check_place *place, const char *item, void *target, struct error *error)
{
	struct span text = span_from_string(item);
	const struct vias *vias = target;
	struct config_route *route = vias->route;
	struct config_via via = { 0 };
	struct span name;

	if (split_via(place, text, &name, &via.weight, error) < 0)
		return -1;
	CLEANUP(memory_free_string) char *title = span_copy(name);
	if (vias->is_whole && config_find_smarthost(vias->config, title) == NULL)
		return refuse_unknown(place, vias->config, name, error);
	via.smarthost = title;
	if (check_via(place, vias, text, &via, error) < 0)
		return -1;
	route->via = memory_resize_array(route->via, route->via_count + 1, sizeof via);
	route->via[route->via_count++] = via;
	title = NULL;
	return 0;
}

static void take_via(
    const struct block *block, const struct config *config, struct config_route *route)
{
	struct vias vias = { config, block->is_whole, route };
	size_t faults_before = block->faults->count;
	struct error error;

	block_take_each(block, "via", add_via, &vias);
	if (route->via_count != 0 || !block->is_whole || block->faults->count != faults_before)
		return;
	CLEANUP(memory_free_string) char *where = block_where(block, NULL);
	error_set(
	    &error, ERROR_CONFIG, "5.3.5", "%s: route \"%s\" has no via", where, block->title);
	error_next(&error, "write: via = { \"%s\" }",
	    config->smarthost_count != 0 ? config->smarthosts[0].parameters.name : "provider");
	block_fault(block, NULL, &error);
}

/* ---- the block ---- */

static void check_route_title(const struct block *block, const struct config *config)
{
	CLEANUP(memory_free_string) char *where = block_where(block, NULL);
	struct error error;

	if (check_title(&(struct check_place){ where, "route" }, block->title, &error) < 0) {
		block_fault(block, NULL, &error);
		return;
	}
	for (size_t i = 0; i < config->route_count; i++) {
		if (strcasecmp(config->routes[i].title, block->title) != 0)
			continue;
		error_set(&error, ERROR_CONFIG, "5.3.5",
		    "%s: there is a route \"%s\" in line %d already", where,
		    config->routes[i].title, config->routes[i].place.line);
		block_fault(block, NULL, &error);
	}
}

/* An empty list, by an unset variable, must not become a route for all. */
static void refuse_empty(const struct block *block, const char *option)
{
	struct error error;

	if (!block_is_empty(block, option))
		return;
	CLEANUP(memory_free_string) char *where = block_where(block, option);
	error_set(&error, ERROR_CONFIG, "5.3.5", "%s: %s of route \"%s\" is empty", where, option,
	    block->title);
	error_next(&error, "remove %s, or write what it is to match", option);
	block_fault(block, option, &error);
}

static int read_rate(
    const struct check_place *place, const char *text, void *target, struct error *error)
{
	struct config_route *route = target;

	return check_rate(place, text, &route->rate, &route->rate_period, error);
}

static void take_rate(const struct block *block, struct config_route *route)
{
	block_take(block, "rate", read_rate, route);
	block_take_count(block, "burst", SMARTHOST_RATE_LIMIT, &route->burst);
	if (route->rate == 0 && route->burst > 1)
		block_refuse_pair(block, "burst", "burst stands without a rate",
		    "write: rate = \"30/min\", or no burst");
}

void route_block_read(const struct block *block, struct config *config)
{
	CLEANUP(route_block_finish) struct config_route route = { 0 };
	size_t faults_before = block->faults->count;

	check_route_title(block, config);
	block_take_list(block, "from", check_pattern, &route.from);
	block_take_list(block, "to", check_pattern, &route.to);
	block_take_each(block, "user", add_user, &route);
	refuse_empty(block, "from");
	refuse_empty(block, "to");
	refuse_empty(block, "user");
	take_via(block, config, &route);
	take_rate(block, &route);
	if (block->faults->count != faults_before)
		return;
	route.title = memory_copy_string(block->title);
	route.place.file = memory_copy_string(block->entries->files[block->found->file].path);
	route.place.line = block->found->line;
	config->routes = memory_resize_array(config->routes, config->route_count + 1, sizeof route);
	config->routes[config->route_count++] = route;
	route = (struct config_route){ 0 };
}
