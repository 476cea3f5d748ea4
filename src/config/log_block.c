/* SPDX-License-Identifier: MIT */

#include "config/log_block.h"

static int read_format(
    const struct check_place *place, const char *text, void *target, struct error *error)
{
	return check_log_format(place, text, target, error);
}

void log_block_read(const struct block *block, struct config *config)
{
	block_take_string(block, "to", check_log, &config->log_to);
	block_take(block, "format", read_format, &config->log_is_json);
	block_take_switch(block, "subject", &config->log_subject);
}
