/* SPDX-License-Identifier: MIT */

#include "service/notice.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"

/* Both ends are forks of one program, so the struct travels as it is. */
int notice_send(struct channel *channel, const struct notice *notice)
{
	return notice_send_descriptor(channel, notice, -1);
}

int notice_send_descriptor(struct channel *channel, const struct notice *notice, int descriptor)
{
	return channel_send(
	    channel, span_from_bytes((const char *)notice, sizeof *notice), descriptor);
}

int notice_send_lines(struct channel *channel, const struct notice *notice, struct span lines)
{
	struct buffer message CLEANUP(buffer_finish) = { 0 };

	buffer_init(&message, sizeof *notice + NOTICE_LINES);
	buffer_append(&message, (const char *)notice, sizeof *notice);
	buffer_append_span(&message, lines);
	assert(!message.has_overflowed);
	return channel_send(channel, buffer_span(&message), -1);
}

static bool is_well_formed(const struct notice *notice)
{
	return memchr(notice->id, '\0', sizeof notice->id) != NULL &&
	       queue_id_is_valid(span_from_string(notice->id)) &&
	       memchr(notice->status, '\0', sizeof notice->status) != NULL &&
	       memchr(notice->text, '\0', sizeof notice->text) != NULL;
}

/* A bool may hold 0 or 1 alone; the process at the other end may be a liar. */
static void make_bool(char *octet)
{
	*octet = *octet != 0;
}

int notice_take(struct channel *channel, struct notice *notice)
{
	return notice_take_lines(channel, notice, NULL);
}

int notice_take_lines(struct channel *channel, struct notice *notice, struct buffer *lines)
{
	int descriptor CLEANUP(file_close) = -1;

	return notice_take_descriptor(channel, notice, lines, &descriptor);
}

int notice_take_descriptor(
    struct channel *channel, struct notice *notice, struct buffer *lines, int *descriptor)
{
	struct buffer message CLEANUP(buffer_finish) = { 0 };
	int found CLEANUP(file_close) = -1;

	buffer_init(&message, CHANNEL_LIMIT);
	int outcome = channel_take(channel, &message, &found);
	if (outcome <= 0)
		return outcome;
	if (message.length < sizeof *notice ||
	    message.length > sizeof *notice + (lines != NULL ? NOTICE_LINES : 0))
		return -1;
	struct notice copy;
	make_bool(message.start + offsetof(struct notice, wants_outcome));
	make_bool(message.start + offsetof(struct notice, wants_trace));
	make_bool(message.start + offsetof(struct notice, is_later));
	memcpy(&copy, message.start, sizeof copy);
	if (!is_well_formed(&copy))
		return -1;
	*notice = copy;
	*descriptor = found;
	found = -1;
	if (lines != NULL)
		buffer_append_span(lines, span_after(buffer_span(&message), sizeof *notice));
	return 1;
}
