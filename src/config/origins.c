/* SPDX-License-Identifier: MIT */

#include "config/origins.h"

#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "base/span.h"
#include "config/options.h"

enum { VALUE_LIMIT = 1 << 20 };

static const char built_in[] = "built-in";

static bool is_same_text(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static char *copy_or_null(const char *text)
{
	return text != NULL ? memory_copy_string(text) : NULL;
}

static struct config_origin *append(struct config *config)
{
	config->origins = memory_resize_array(
	    config->origins, config->origin_count + 1, sizeof *config->origins);
	config->origins[config->origin_count] = (struct config_origin){ 0 };
	return &config->origins[config->origin_count++];
}

static struct config_origin *find(
    const struct config *config, const char *block, const char *title, const char *option)
{
	for (size_t i = 0; i < config->origin_count; i++) {
		struct config_origin *origin = &config->origins[i];

		if (is_same_text(origin->block, block) && is_same_text(origin->title, title) &&
		    strcmp(origin->option, option) == 0)
			return origin;
	}
	return NULL;
}

const struct config_origin *config_find_origin(
    const struct config *config, const char *block, const char *title, const char *option)
{
	return find(config, block, title, option);
}

static void finish_origin(struct config_origin *origin)
{
	free(origin->title);
	free(origin->option);
	free(origin->value);
	free(origin->where);
}

/* ---- files and defaults ---- */

static char *join(const struct entry *entry)
{
	struct buffer text = { 0 };

	buffer_init(&text, VALUE_LIMIT);
	for (size_t i = 0; i < entry->count; i++) {
		buffer_append_string(&text, i != 0 ? ", " : "");
		buffer_append_string(&text, entry->items[i]);
	}
	return buffer_take_string(&text);
}

static void add(struct config *config, const struct option *option, const char *title,
    const struct entries *entries, const struct entry_block *block)
{
	const struct entry *entry = entries_find(block, option->name);
	struct config_origin *origin = append(config);

	origin->block = option->block;
	origin->title = copy_or_null(title);
	origin->option = memory_copy_string(option->name);
	origin->is_list = option->is_list;
	if (entry == NULL) {
		origin->value = copy_or_null(option->value);
		origin->where = memory_copy_string(built_in);
		return;
	}
	origin->value = join(entry);
	origin->where = entries_where(entries, entry->file, entry->line);
	origin->is_set = true;
}

static void add_block(struct config *config, const char *name, const char *title,
    const struct entries *entries, const struct entry_block *block)
{
	for (size_t i = 0; i < options_count(); i++)
		if (is_same_text(options_at(i)->block, name))
			add(config, options_at(i), title, entries, block);
}

/* Without user and password, should a url have carried them. */
static void show_public_urls(struct config *config)
{
	for (size_t i = 0; i < config->smarthost_count; i++) {
		const struct smarthost *smarthost = &config->smarthosts[i].parameters;
		struct config_origin *origin = find(config, "smarthost", smarthost->name, "url");

		if (origin == NULL)
			continue;
		memory_free_secret(&origin->value);
		origin->value = copy_or_null(smarthost->url);
	}
}

void origins_fill(struct config *config, const struct entries *entries)
{
	for (size_t i = 0; i < options_block_count(); i++) {
		const struct option_block *block = options_block_at(i);

		if (block->title == NULL)
			add_block(config, block->name, NULL, entries,
			    entries_find_block(entries, block->name, NULL));
		for (size_t j = 0; block->title != NULL && j < entries->block_count; j++)
			if (strcmp(entries->blocks[j].name, block->name) == 0)
				add_block(config, block->name, entries->blocks[j].title, entries,
				    &entries->blocks[j]);
	}
	add_block(config, NULL, NULL, entries, entries_find_block(entries, "", NULL));
	show_public_urls(config);
}

/* ---- what comes later ---- */

void origins_add_block(struct config *config, const char *block, const char *title)
{
	static const struct entries none = { 0 };

	add_block(config, block, title, &none, NULL);
}

static bool is_titled(const struct config_origin *origin, const char *title)
{
	return title == NULL ||
	       (origin->title != NULL &&
		   span_equals_string_ignoring_case(span_from_string(origin->title), title));
}

void origins_drop(struct config *config, const char *block, const char *title)
{
	size_t kept = 0;

	for (size_t i = 0; i < config->origin_count; i++) {
		struct config_origin *origin = &config->origins[i];

		if (is_same_text(origin->block, block) && is_titled(origin, title))
			finish_origin(origin);
		else
			config->origins[kept++] = *origin;
	}
	config->origin_count = kept;
}

static const char *block_name(const char *block)
{
	const struct option_block *known = block != NULL
					       ? options_find_block(span_from_string(block))
					       : NULL;

	return known != NULL ? known->name : NULL;
}

static struct config_origin *open_origin(
    struct config *config, const char *block, const char *title, const char *option)
{
	struct config_origin *origin = find(config, block, title, option);

	if (origin == NULL) {
		origin = append(config);
		origin->block = block_name(block);
		origin->title = copy_or_null(title);
		origin->option = memory_copy_string(option);
	}
	memory_free_string(&origin->value);
	memory_free_string(&origin->where);
	return origin;
}

void origins_put(struct config *config, const char *block, const char *title, const char *option,
    const char *value, const char *where)
{
	struct config_origin *origin = open_origin(config, block, title, option);

	origin->value = memory_copy_string(value != NULL ? value : "***");
	origin->where = memory_copy_string(where);
	origin->is_secret = value == NULL;
	origin->is_set = true;
}

void origins_explain(struct config *config, const char *block, const char *title,
    const char *option, const char *value, const char *where)
{
	struct config_origin *origin = open_origin(config, block, title, option);

	origin->value = memory_copy_string(value);
	origin->where = memory_copy_string(where);
	origin->is_set = false;
}

void origins_finish(struct config *config)
{
	for (size_t i = 0; i < config->origin_count; i++)
		finish_origin(&config->origins[i]);
	free(config->origins);
	config->origins = NULL;
	config->origin_count = 0;
}
