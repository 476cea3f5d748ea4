/* SPDX-License-Identifier: MIT */

#include "message/received.h"

#include <assert.h>
#include <inttypes.h>
#include <stddef.h>

#include "base/buffer.h"
#include "message/date.h"

enum { RECEIVED_LIMIT = 4096, NAME_LIMIT = 600 };

/* A client chooses its HELO name: nothing in it may end the line or the field. */
static void append_masked(struct buffer *value, const char *text)
{
	struct span name = span_first(span_from_string(text), NAME_LIMIT);

	for (size_t i = 0; i < name.length; i++) {
		char c = name.start[i];
		bool is_plain = c >= 0x20 && c < 0x7f && c != ';' && c != '\\' && c != '"';

		buffer_append_byte(value, is_plain ? c : '?');
	}
}

char *received_format(const struct received *received)
{
	char date[DATE_SIZE];
	struct buffer value;

	assert(received->by != NULL);
	buffer_init(&value, RECEIVED_LIMIT);
	if (received->from != NULL) {
		buffer_append_string(&value, "from ");
		append_masked(&value, received->from);
		buffer_append_string(&value, "\r\n\t");
	}
	buffer_append_string(&value, "by ");
	append_masked(&value, received->by);
	buffer_append_string(&value, " (mailchute)");
	/* Exim's word for what came in by no registered protocol is the entrance itself. */
	const char *with = received->protocol != NULL ? received->protocol : received->entrance;
	if (with != NULL) {
		buffer_append_string(&value, " with ");
		append_masked(&value, with);
	}
	if (received->uid >= 0)
		buffer_format(&value, " (uid %" PRId64 ")", received->uid);
	if (received->queue_id != NULL) {
		buffer_append_string(&value, "\r\n\tid ");
		append_masked(&value, received->queue_id);
	}
	date_format(received->wall, date);
	buffer_format(&value, ";\r\n\t%s", date);
	assert(!value.has_overflowed);
	return buffer_take_string(&value);
}
