/* SPDX-License-Identifier: MIT */

#include "config/block.h"

#include <assert.h>
#include <stdlib.h>

#include "base/memory.h"
#include "base/span.h"
#include "config/options.h"

static const struct option *option_of(const struct block *block, const char *option)
{
	const struct option *found = options_find(
	    span_from_string(block->name), span_from_string(option));

	assert(found != NULL);
	return found;
}

const char *block_text(const struct block *block, const char *option)
{
	const struct entry *entry = entries_find(block->found, option);

	if (entry == NULL || entry->count == 0)
		return option_of(block, option)->value;
	return entry->items[0];
}

bool block_is_set(const struct block *block, const char *option)
{
	return entries_find(block->found, option) != NULL;
}

bool block_is_empty(const struct block *block, const char *option)
{
	const struct entry *entry = entries_find(block->found, option);

	return entry != NULL && entry->count == 0;
}

bool block_is_public(const struct block *block, const char *option)
{
	const struct entry *entry = entries_find(block->found, option);

	return entry != NULL && block->entries->files[entry->file].is_public;
}

char *block_where(const struct block *block, const char *option)
{
	const struct entry *entry = option != NULL ? entries_find(block->found, option) : NULL;

	if (entry != NULL)
		return entries_where(block->entries, entry->file, entry->line);
	if (block->found != NULL)
		return entries_where(block->entries, block->found->file, block->found->line);
	return memory_copy_string("built-in");
}

void block_fault(const struct block *block, const char *option, const struct error *error)
{
	const struct entry *entry = option != NULL ? entries_find(block->found, option) : NULL;

	if (entry != NULL)
		faults_add(block->faults, entry->file, entry->line, error);
	else
		faults_add(block->faults, block->found != NULL ? block->found->file : 0,
		    block->found != NULL ? block->found->line : 0, error);
}

void block_take(const struct block *block, const char *option, block_visit *visit, void *target)
{
	const char *text = block_text(block, option);
	struct error error;

	if (text == NULL)
		return;
	CLEANUP(memory_free_string) char *where = block_where(block, option);
	if (visit(&(struct check_place){ where, option }, text, target, &error) < 0)
		block_fault(block, option, &error);
}

void block_take_string(
    const struct block *block, const char *option, block_check *check, char **target)
{
	const char *text = block_text(block, option);
	struct error error;

	if (text == NULL)
		return;
	CLEANUP(memory_free_string) char *where = block_where(block, option);
	if (check(&(struct check_place){ where, option }, text, &error) < 0) {
		block_fault(block, option, &error);
		return;
	}
	free(*target);
	*target = memory_copy_string(text);
}

static int visit_duration(
    const struct check_place *place, const char *text, void *target, struct error *error)
{
	return check_duration(place, text, target, error);
}

void block_take_duration(const struct block *block, const char *option, int64_t *target)
{
	block_take(block, option, visit_duration, target);
}

static int visit_size(
    const struct check_place *place, const char *text, void *target, struct error *error)
{
	return check_size(place, text, target, error);
}

void block_take_size(const struct block *block, const char *option, uint64_t *target)
{
	block_take(block, option, visit_size, target);
}

static int visit_switch(
    const struct check_place *place, const char *text, void *target, struct error *error)
{
	return check_switch(place, text, target, error);
}

void block_take_switch(const struct block *block, const char *option, bool *target)
{
	block_take(block, option, visit_switch, target);
}

struct count_target {
	unsigned limit;
	unsigned *count;
};

static int visit_count(
    const struct check_place *place, const char *text, void *target, struct error *error)
{
	const struct count_target *wanted = target;

	return check_count(place, text, wanted->limit, wanted->count, error);
}

void block_take_count(
    const struct block *block, const char *option, unsigned limit, unsigned *target)
{
	struct count_target wanted = { limit, target };

	block_take(block, option, visit_count, &wanted);
}

/* ---- lists ---- */

static bool visit_element(const struct block *block, const char *option, block_visit *visit,
    const char *text, void *target)
{
	CLEANUP(memory_free_string) char *where = block_where(block, option);
	struct error error;

	if (visit(&(struct check_place){ where, option }, text, target, &error) == 0)
		return true;
	block_fault(block, option, &error);
	return false;
}

/* The default of a list is one text, its elements between commas. */
static void take_default(
    const struct block *block, const char *option, block_visit *visit, void *target)
{
	const char *text = option_of(block, option)->value;
	struct span rest = span_from_string(text != NULL ? text : "");
	struct span part;

	while (span_take_until(&rest, ',', &part)) {
		CLEANUP(memory_free_string) char *element = span_copy(span_trim(part));

		(void)visit_element(block, option, visit, element, target);
	}
}

void block_take_each(
    const struct block *block, const char *option, block_visit *visit, void *target)
{
	const struct entry *entry = entries_find(block->found, option);

	if (entry == NULL || entry->count == 0) {
		take_default(block, option, visit, target);
		return;
	}
	for (size_t i = 0; i < entry->count; i++)
		if (!visit_element(block, option, visit, entry->items[i], target))
			return;
}

struct list_target {
	block_check *check;
	struct config_list *list;
};

static int visit_item(
    const struct check_place *place, const char *text, void *target, struct error *error)
{
	const struct list_target *wanted = target;
	struct config_list *list = wanted->list;

	if (wanted->check(place, text, error) < 0)
		return -1;
	list->items = memory_resize_array(list->items, list->count + 1, sizeof *list->items);
	list->items[list->count++] = memory_copy_string(text);
	return 0;
}

void block_take_list(
    const struct block *block, const char *option, block_check *check, struct config_list *target)
{
	struct list_target wanted = { check, target };

	block_take_each(block, option, visit_item, &wanted);
}

void block_refuse_pair(
    const struct block *block, const char *option, const char *why, const char *next)
{
	CLEANUP(memory_free_string) char *where = block_where(block, option);
	struct error error;

	error_set(&error, ERROR_CONFIG, "5.3.5", "%s: %s \"%s\": %s", where, block->name,
	    block->title, why);
	error_next(&error, "%s", next);
	block_fault(block, option, &error);
}
