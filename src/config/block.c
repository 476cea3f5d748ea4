/* SPDX-License-Identifier: MIT */

#include "config/block.h"

#include <stdlib.h>

#include "base/memory.h"
#include "base/span.h"
#include "config/lint.h"

char *block_where(const struct block *block, const char *option)
{
	int line = lint_find_line(block->settings->text, block->name, block->title, option);

	return memory_format("%s line %d", block->settings->path, line);
}

int block_take_string(
    const struct block *block, const char *option, block_check *check, char **target)
{
	const char *text = settings_text(block, option);

	if (text == NULL)
		return 0;
	CLEANUP(memory_free_string) char *where = block_where(block, option);
	if (check(&(struct check_place){ where, option }, text, block->settings->error) < 0)
		return -1;
	free(*target);
	*target = memory_copy_string(text);
	return 0;
}

int block_take_duration(const struct block *block, const char *option, int64_t *target)
{
	const char *text = settings_text(block, option);

	if (text == NULL)
		return 0;
	CLEANUP(memory_free_string) char *where = block_where(block, option);
	return check_duration(
	    &(struct check_place){ where, option }, text, target, block->settings->error);
}

int block_take_count(
    const struct block *block, const char *option, unsigned limit, unsigned *target)
{
	const char *text = settings_text(block, option);

	if (text == NULL)
		return 0;
	CLEANUP(memory_free_string) char *where = block_where(block, option);
	return check_count(
	    &(struct check_place){ where, option }, text, limit, target, block->settings->error);
}

int block_take_size(const struct block *block, const char *option, uint64_t *target)
{
	const char *text = settings_text(block, option);

	if (text == NULL)
		return 0;
	CLEANUP(memory_free_string) char *where = block_where(block, option);
	return check_size(
	    &(struct check_place){ where, option }, text, target, block->settings->error);
}

int block_take_switch(const struct block *block, const char *option, bool *target)
{
	const char *text = settings_text(block, option);

	if (text == NULL)
		return 0;
	CLEANUP(memory_free_string) char *where = block_where(block, option);
	return check_switch(
	    &(struct check_place){ where, option }, text, target, block->settings->error);
}

static void free_list(struct config_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->items[i]);
	free(list->items);
}

/* A variable may hold several between commas. */
static void add_elements(struct config_list *list, const char *text)
{
	struct span rest = span_from_string(text);
	struct span part;

	while (span_take_until(&rest, ',', &part)) {
		part = span_trim(part);
		if (part.length == 0)
			continue;
		list->items = memory_resize_array(
		    list->items, list->count + 1, sizeof *list->items);
		list->items[list->count++] = span_copy(part);
	}
}

int block_take_list(
    const struct block *block, const char *option, block_check *check, struct config_list *target)
{
	CLEANUP(free_list) struct config_list list = { 0 };
	CLEANUP(memory_free_string) char *where = block_where(block, option);
	struct config_list old = *target;

	for (unsigned i = 0; i < settings_count(block, option); i++)
		add_elements(&list, settings_item(block, option, i));
	for (size_t i = 0; i < list.count; i++)
		if (check(&(struct check_place){ where, option }, list.items[i],
			block->settings->error) < 0)
			return -1;
	if (list.count == 0)
		return 0;
	*target = list;
	list = old;
	return 0;
}

int block_refuse_pair(
    const struct block *block, const char *option, const char *why, const char *next)
{
	CLEANUP(memory_free_string) char *where = block_where(block, option);

	error_set(block->settings->error, ERROR_CONFIG, "5.3.5", "%s: smarthost \"%s\": %s", where,
	    block->title, why);
	return error_next(block->settings->error, "%s", next);
}
