/* SPDX-License-Identifier: MIT */

#include "service/routing.h"

#include <stdlib.h>

#include "base/buffer.h"
#include "base/file.h"
#include "base/memory.h"
#include "message/header.h"
#include "policy/sender.h"

/* A header that cannot be read has no author, and is found at fault elsewhere. */
static char *read_author(const struct queue_file *file)
{
	struct buffer text CLEANUP(buffer_finish) = { 0 };
	struct header header CLEANUP(header_finish) = { 0 };
	struct span body;

	buffer_init(&text, 2 * HEADER_LIMIT);
	char *room = buffer_reserve(&text, file->header_length);
	if (room == NULL)
		return NULL;
	ssize_t count = file_read_full_at(
	    file->fd, room, file->header_length, (off_t)file->message_offset);
	if (count < 0 || (uint64_t)count != file->header_length)
		return NULL;
	buffer_extend(&text, file->header_length);
	header_init(&header);
	header_feed(&header, buffer_span(&text), &body);
	if (!header.is_complete)
		header_end(&header, &body);
	return sender_author(&header);
}

void routing_init(
    struct routing *routing, const struct config *config, const struct queue_file *file)
{
	*routing = (struct routing){ .config = config, .file = file };
	if (route_needs_author(config, file->envelope.sender))
		routing->author = read_author(file);
}

void routing_finish(struct routing *routing)
{
	free(routing->author);
	*routing = (struct routing){ 0 };
}

void routing_list(const struct routing *routing, size_t recipient, struct route_list *list)
{
	const struct queue_file *file = routing->file;
	const struct route_question question = {
		.sender = file->envelope.sender,
		.author = routing->author,
		.recipient = file->envelope.recipients[recipient].address,
		.uid = file->attributes.uid,
		.id = file->id,
	};

	route_list(routing->config, &question, list);
}

const struct config_smarthost *routing_first(
    const struct config *config, const struct queue_file *file)
{
	struct routing routing CLEANUP(routing_finish);
	struct route_list list;
	size_t recipient = 0;

	for (size_t i = 0; i < file->envelope.recipient_count; i++)
		if (file->marks[i] == RECIPIENT_WAITING || file->marks[i] == RECIPIENT_IN_DOUBT) {
			recipient = i;
			break;
		}
	routing_init(&routing, config, file);
	routing_list(&routing, recipient, &list);
	return list.count != 0 ? list.smarthosts[0] : NULL;
}
