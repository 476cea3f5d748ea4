/* SPDX-License-Identifier: MIT */

#include "service/connections.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

struct connections_entry {
	char *smarthost; /* owned */
	unsigned taken;
	int64_t until;
};

static struct connections_entry *find(const struct connections *connections, const char *smarthost)
{
	for (size_t i = 0; i < connections->count; i++)
		if (strcmp(connections->list[i].smarthost, smarthost) == 0)
			return &connections->list[i];
	return NULL;
}

void connections_lower(
    struct connections *connections, const char *smarthost, unsigned taken, int64_t now)
{
	struct connections_entry *entry = find(connections, smarthost);

	assert(taken != 0);
	if (entry == NULL) {
		connections->list = memory_resize_array(
		    connections->list, connections->count + 1, sizeof *connections->list);
		entry = &connections->list[connections->count++];
		entry->smarthost = memory_copy_string(smarthost);
	}
	entry->taken = taken;
	entry->until = now + CONNECTIONS_MEMORY;
}

unsigned connections_limit(
    const struct connections *connections, const char *smarthost, unsigned configured, int64_t now)
{
	const struct connections_entry *entry = find(connections, smarthost);

	return entry != NULL && now < entry->until && entry->taken < configured ? entry->taken
										: configured;
}

void connections_finish(struct connections *connections)
{
	for (size_t i = 0; i < connections->count; i++)
		free(connections->list[i].smarthost);
	free(connections->list);
	*connections = (struct connections){ 0 };
}
