/* SPDX-License-Identifier: MIT */

#include "config/route_block.h"

#include <errno.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/nearest.h"
#include "base/span.h"
#include "config/block.h"
#include "config/lint.h"

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

/* One element, without the blanks around it; a variable may hold several between commas. */
typedef int visit_element(
    const struct check_place *place, struct span text, void *target, struct error *error);

static int read_list(
    const struct block *block, const char *option, visit_element *visit, void *target)
{
	CLEANUP(memory_free_string) char *where = block_where(block, option);
	const struct check_place place = { where, option };

	for (unsigned i = 0; i < settings_count(block, option); i++) {
		struct span rest = span_from_string(settings_item(block, option, i));
		struct span part;

		while (span_take_until(&rest, ',', &part)) {
			part = span_trim(part);
			if (part.length != 0 &&
			    visit(&place, part, target, block->settings->error) < 0)
				return -1;
		}
	}
	return 0;
}

static int add_pattern(
    const struct check_place *place, struct span text, void *target, struct error *error)
{
	struct config_list *list = target;
	CLEANUP(memory_free_string) char *pattern = span_copy(text);

	if (check_pattern(place, pattern, error) < 0)
		return -1;
	list->items = memory_resize_array(list->items, list->count + 1, sizeof *list->items);
	list->items[list->count++] = pattern;
	pattern = NULL;
	return 0;
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
    const struct check_place *place, struct span text, void *target, struct error *error)
{
	struct config_route *route = target;
	CLEANUP(memory_free_string) char *name = span_copy(text);
	uint64_t number = 0;
	int64_t uid;

	if (span_to_number(text, &number) && number < UINT32_MAX)
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
    const struct check_place *place, struct span text, void *target, struct error *error)
{
	const struct vias *vias = target;
	struct config_route *route = vias->route;
	struct config_via via = { 0 };
	struct span name;

	if (split_via(place, text, &name, &via.weight, error) < 0)
		return -1;
	CLEANUP(memory_free_string) char *title = span_copy(name);
	if (config_find_smarthost(vias->config, title) == NULL)
		return refuse_unknown(place, vias->config, name, error);
	via.smarthost = title;
	if (check_via(place, vias, text, &via, error) < 0)
		return -1;
	route->via = memory_resize_array(route->via, route->via_count + 1, sizeof via);
	route->via[route->via_count++] = via;
	title = NULL;
	return 0;
}

static int read_via(const struct block *block, struct config *config, struct config_route *route)
{
	struct vias vias = { config, route };

	if (read_list(block, "via", add_via, &vias) < 0)
		return -1;
	if (route->via_count != 0)
		return 0;
	CLEANUP(memory_free_string) char *where = block_where(block, NULL);
	struct error *error = block->settings->error;
	error_set(error, ERROR_CONFIG, "5.3.5", "%s: route \"%s\" has no via", where, block->title);
	return error_next(error, "write: via = { \"%s\" }",
	    config->smarthost_count != 0 ? config->smarthosts[0].parameters.name : "provider");
}

/* ---- the block ---- */

static int check_route_title(const struct block *block, const struct config *config)
{
	CLEANUP(memory_free_string) char *where = block_where(block, NULL);
	struct error *error = block->settings->error;

	if (check_title(&(struct check_place){ where, "route" }, block->title, error) < 0)
		return -1;
	for (size_t i = 0; i < config->route_count; i++)
		if (strcasecmp(config->routes[i].title, block->title) == 0)
			return error_set(error, ERROR_CONFIG, "5.3.5",
			    "%s: there is a route \"%s\" in line %d already", where,
			    config->routes[i].title, config->routes[i].place.line);
	return 0;
}

/* An empty list, by an unset variable, must not become a route for all. */
static int refuse_empty(const struct block *block, const char *option, size_t count)
{
	bool is_set = lint_find_line(block->settings->text, block->name, block->title, option) != 0;

	if (count != 0 || !is_set)
		return 0;
	CLEANUP(memory_free_string) char *where = block_where(block, option);
	struct error *error = block->settings->error;
	error_set(error, ERROR_CONFIG, "5.3.5", "%s: %s of route \"%s\" is empty", where, option,
	    block->title);
	return error_next(error, "remove %s, or write what it is to match", option);
}

int route_block_read(const struct block *block, struct config *config)
{
	CLEANUP(route_block_finish) struct config_route route = { 0 };

	if (check_route_title(block, config) < 0 ||
	    read_list(block, "from", add_pattern, &route.from) < 0 ||
	    read_list(block, "to", add_pattern, &route.to) < 0 ||
	    read_list(block, "user", add_user, &route) < 0 ||
	    refuse_empty(block, "from", route.from.count) < 0 ||
	    refuse_empty(block, "to", route.to.count) < 0 ||
	    refuse_empty(block, "user", route.uid_count) < 0 || read_via(block, config, &route) < 0)
		return -1;
	route.title = memory_copy_string(block->title);
	route.place.file = memory_copy_string(block->settings->path);
	route.place.line = lint_find_line(block->settings->text, block->name, block->title, NULL);
	config->routes = memory_resize_array(config->routes, config->route_count + 1, sizeof route);
	config->routes[config->route_count++] = route;
	route = (struct config_route){ 0 };
	return 0;
}
