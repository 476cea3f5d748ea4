/* SPDX-License-Identifier: MIT */

#include "smtp/client/pipeline.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

/* Room behind the last entry: what has been answered is given up before memory grows. */
static void make_room(struct pipeline *pipeline)
{
	if (pipeline->head + pipeline->count < pipeline->capacity)
		return;
	if (pipeline->head != 0) {
		memmove(pipeline->entries, pipeline->entries + pipeline->head,
		    pipeline->count * sizeof *pipeline->entries);
		pipeline->head = 0;
		return;
	}
	pipeline->capacity = pipeline->capacity != 0 ? 2 * pipeline->capacity : 16;
	pipeline->entries = memory_resize_array(
	    pipeline->entries, pipeline->capacity, sizeof *pipeline->entries);
}

void pipeline_push(struct pipeline *pipeline, struct pipeline_entry entry)
{
	make_room(pipeline);
	pipeline->entries[pipeline->head + pipeline->count] = entry;
	pipeline->count++;
}

const struct pipeline_entry *pipeline_head(const struct pipeline *pipeline)
{
	return pipeline->count != 0 ? &pipeline->entries[pipeline->head] : NULL;
}

void pipeline_pop(struct pipeline *pipeline)
{
	assert(pipeline->count != 0);

	pipeline->head++;
	pipeline->count--;
	if (pipeline->count == 0)
		pipeline->head = 0;
}

void pipeline_finish(struct pipeline *pipeline)
{
	free(pipeline->entries);
	*pipeline = (struct pipeline){ 0 };
}
