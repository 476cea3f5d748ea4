/* SPDX-License-Identifier: MIT */

#include "config/log_block.h"

#include "base/memory.h"
#include "config/block.h"

typedef int check_flag(
    const struct check_place *place, const char *text, bool *is_on, struct error *error);

static int take_flag(const struct block *block, const char *option, check_flag *check, bool *target)
{
	const char *text = settings_text(block, option);

	if (text == NULL)
		return 0;
	CLEANUP(memory_free_string) char *where = block_where(block, option);
	return check(&(struct check_place){ where, option }, text, target, block->settings->error);
}

int log_block_read(const struct block *block, struct config *config)
{
	if (block_take_string(block, "to", check_log, &config->log_to) < 0 ||
	    take_flag(block, "format", check_log_format, &config->log_is_json) < 0)
		return -1;
	return take_flag(block, "subject", check_switch, &config->log_subject);
}
