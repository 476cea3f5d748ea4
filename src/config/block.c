/* SPDX-License-Identifier: MIT */

#include "config/block.h"

#include <stdlib.h>

#include "base/memory.h"
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

int block_refuse_pair(
    const struct block *block, const char *option, const char *why, const char *next)
{
	CLEANUP(memory_free_string) char *where = block_where(block, option);

	error_set(block->settings->error, ERROR_CONFIG, "5.3.5", "%s: smarthost \"%s\": %s", where,
	    block->title, why);
	return error_next(block->settings->error, "%s", next);
}
