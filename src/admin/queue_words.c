/* SPDX-License-Identifier: MIT */

#include "admin/queue_words.h"

#include <stdint.h>

enum { ROOM = 4000 }; /* octets; a line of SMTP has some more (COMMAND_LINE_LIMIT) */

bool queue_words_next(
    const char *verb, const struct queue_selection *selection, size_t *next, struct buffer *line)
{
	bool is_first = *next == 0;

	if (*next == SIZE_MAX || (!is_first && *next >= selection->id_count))
		return false;
	buffer_clear(line);
	buffer_format(line, "XQUEUE %s", verb);
	queue_selection_write(selection, line);
	while (*next < selection->id_count && line->length + QUEUE_ID_SIZE <= ROOM) {
		buffer_append_byte(line, ' ');
		buffer_append_string(line, selection->ids[(*next)++]);
	}
	/* Without IDs one line says it all; conditions that leave no room for any are too long. */
	if (line->length > ROOM || (selection->id_count != 0 && *next == 0))
		line->has_overflowed = true;
	if (selection->id_count == 0)
		*next = SIZE_MAX;
	return true;
}
