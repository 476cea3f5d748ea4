/* SPDX-License-Identifier: MIT */

#include "config/limits_block.h"

#include "base/memory.h"
#include "config/block.h"

enum {
	MESSAGES_LIMIT = 1000000,
	PERCENT_LIMIT = 50,
};

static int take_number(
    const struct block *block, const char *option, uint64_t limit, uint64_t *target)
{
	const char *text = settings_text(block, option);

	if (text == NULL)
		return 0;
	CLEANUP(memory_free_string) char *where = block_where(block, option);
	return check_number(
	    &(struct check_place){ where, option }, text, limit, target, block->settings->error);
}

int limits_block_read(const struct block *block, struct config *config)
{
	struct config_limits *limits = &config->limits;
	uint64_t percent = limits->reserve_percent;

	if (block_take_count(block, "sessions", CONFIG_SESSIONS_LIMIT, &limits->sessions) < 0 ||
	    block_take_count(
		block, "sessions_per_uid", CONFIG_SESSIONS_LIMIT, &limits->sessions_per_uid) < 0 ||
	    take_number(block, "messages_per_uid", MESSAGES_LIMIT, &limits->messages_per_uid) < 0 ||
	    block_take_size(block, "size_per_uid", &limits->size_per_uid) < 0 ||
	    block_take_size(block, "reserve", &limits->reserve) < 0 ||
	    take_number(block, "reserve_percent", PERCENT_LIMIT, &percent) < 0)
		return -1;
	limits->reserve_percent = (unsigned)percent;
	return 0;
}
