/* SPDX-License-Identifier: MIT */

#include "config/limits_block.h"

enum {
	MESSAGES_LIMIT = 1000000,
	PERCENT_LIMIT = 50,
};

static int read_messages(
    const struct check_place *place, const char *text, void *target, struct error *error)
{
	return check_number(place, text, MESSAGES_LIMIT, target, error);
}

static int read_percent(
    const struct check_place *place, const char *text, void *target, struct error *error)
{
	unsigned *percent = target;
	uint64_t number;

	if (check_number(place, text, PERCENT_LIMIT, &number, error) < 0)
		return -1;
	*percent = (unsigned)number;
	return 0;
}

void limits_block_read(const struct block *block, struct config *config)
{
	struct config_limits *limits = &config->limits;

	block_take_count(block, "sessions", CONFIG_SESSIONS_LIMIT, &limits->sessions);
	block_take_count(
	    block, "sessions_per_uid", CONFIG_SESSIONS_LIMIT, &limits->sessions_per_uid);
	block_take(block, "messages_per_uid", read_messages, &limits->messages_per_uid);
	block_take_size(block, "size_per_uid", &limits->size_per_uid);
	block_take_size(block, "reserve", &limits->reserve);
	block_take(block, "reserve_percent", read_percent, &limits->reserve_percent);
}
