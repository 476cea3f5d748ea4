/* SPDX-License-Identifier: MIT */

#include "config/alias_list.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/span.h"

void alias_list_add_targets(struct config_alias *alias, const char *text)
{
	struct span rest = span_from_string(text);
	struct span part;

	while (span_take_until(&rest, ',', &part)) {
		part = span_trim(part);
		if (part.length == 0)
			continue;
		alias->targets = memory_resize_array(
		    alias->targets, alias->target_count + 1, sizeof *alias->targets);
		alias->targets[alias->target_count++] = span_copy(part);
	}
}

int alias_list_check(
    const struct check_place *place, const struct config_alias *alias, struct error *error)
{
	if (alias->target_count == 0) {
		error_set(
		    error, ERROR_CONFIG, "5.3.5", "%s: %s names nobody", place->where, place->name);
		return error_next(error, "write: %s = { \"you@example.com\" }", place->name);
	}
	for (size_t i = 0; i < alias->target_count; i++) {
		const char *target = alias->targets[i];

		if (strchr("|/:", target[0]) != NULL)
			return error_set(error, ERROR_CONFIG, "5.3.5",
			    "%s: %s = \"%s\": programs, files and :include: are not delivered to",
			    place->where, place->name, target);
		/* "\name" ends: it is completed with the domain whatever aliases say. */
		if (check_address(place, target[0] == '\\' ? target + 1 : target, true, error) < 0)
			return -1;
	}
	return 0;
}

static struct config_alias *find(const struct config *config, const char *name)
{
	for (size_t i = 0; i < config->alias_count; i++)
		if (span_equals_string_ignoring_case(
			span_from_string(name), config->aliases[i].name))
			return &config->aliases[i];
	return NULL;
}

const struct config_alias *alias_list_find(const struct config *config, const char *name)
{
	return find(config, name);
}

void alias_list_put(struct config *config, struct config_alias *alias)
{
	struct config_alias *place = find(config, alias->name);

	if (place != NULL)
		alias_list_finish(place);
	else {
		config->aliases = memory_resize_array(
		    config->aliases, config->alias_count + 1, sizeof *config->aliases);
		place = &config->aliases[config->alias_count++];
	}
	*place = *alias;
	*alias = (struct config_alias){ 0 };
}

void alias_list_finish(struct config_alias *alias)
{
	for (size_t i = 0; i < alias->target_count; i++)
		free(alias->targets[i]);
	free(alias->targets);
	free(alias->name);
	free(alias->place.file);
	*alias = (struct config_alias){ 0 };
}
