/* SPDX-License-Identifier: MIT */

#include "service/stumbles.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

struct stumble {
	char *smarthost; /* owned */
	int64_t until;
};

static struct stumble *find(const struct stumbles *stumbles, const char *smarthost)
{
	for (size_t i = 0; i < stumbles->count; i++)
		if (strcmp(stumbles->list[i].smarthost, smarthost) == 0)
			return &stumbles->list[i];
	return NULL;
}

void stumbles_note(struct stumbles *stumbles, const char *smarthost, int64_t now)
{
	struct stumble *stumble = find(stumbles, smarthost);

	if (stumble == NULL) {
		stumbles->list = memory_resize_array(
		    stumbles->list, stumbles->count + 1, sizeof *stumbles->list);
		stumble = &stumbles->list[stumbles->count++];
		stumble->smarthost = memory_copy_string(smarthost);
	}
	stumble->until = now + STUMBLES_MEMORY;
}

bool stumbles_has(const struct stumbles *stumbles, const char *smarthost, int64_t now)
{
	const struct stumble *stumble = find(stumbles, smarthost);

	return stumble != NULL && now < stumble->until;
}

void stumbles_finish(struct stumbles *stumbles)
{
	for (size_t i = 0; i < stumbles->count; i++)
		free(stumbles->list[i].smarthost);
	free(stumbles->list);
	*stumbles = (struct stumbles){ 0 };
}
