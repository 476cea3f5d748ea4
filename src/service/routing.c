/* SPDX-License-Identifier: MIT */

#include "service/routing.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/file.h"
#include "base/memory.h"
#include "message/header.h"
#include "policy/sender.h"
#include "service/permission.h"

/* False: it cannot be read, which is found at fault elsewhere. */
static bool read_header(const struct queue_file *file, struct header *header)
{
	struct buffer text CLEANUP(buffer_finish) = { 0 };
	struct span body;

	buffer_init(&text, 2 * HEADER_LIMIT);
	char *room = buffer_reserve(&text, file->header_length);
	if (room == NULL)
		return false;
	ssize_t count = file_read_full_at(
	    file->fd, room, file->header_length, (off_t)file->message_offset);
	if (count < 0 || (uint64_t)count != file->header_length)
		return false;
	buffer_extend(&text, file->header_length);
	header_init(header);
	header_feed(header, buffer_span(&text), &body);
	if (!header->is_complete)
		header_end(header, &body);
	return true;
}

void routing_init(
    struct routing *routing, const struct config *config, const struct queue_file *file)
{
	bool needs_author = route_needs_author(config, file->envelope.sender);
	bool needs_header = permission_matters(config) && !file->attributes.is_report;

	*routing = (struct routing){ .config = config, .file = file };
	if ((!needs_author && !needs_header) || !read_header(file, &routing->header))
		return;
	if (needs_author)
		routing->author = sender_author(&routing->header);
	routing->has_header = needs_header;
}

void routing_finish(struct routing *routing)
{
	header_finish(&routing->header);
	free(routing->author);
	*routing = (struct routing){ 0 };
}

/* With those that do not allow it. */
static void list_all(const struct routing *routing, size_t recipient, struct route_list *list)
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

static int filter(const struct routing *routing, struct route_list *list, struct error *error)
{
	const struct permission permission = {
		.config = routing->config,
		.sender = routing->file->envelope.sender,
		.header = &routing->header,
	};

	return routing->has_header ? permission_filter(&permission, list, error) : 0;
}

void routing_list(const struct routing *routing, size_t recipient, struct route_list *list)
{
	struct error ignored;

	list_all(routing, recipient, list);
	(void)filter(routing, list, &ignored);
}

int routing_check(const struct routing *routing, size_t recipient, struct error *error)
{
	struct route_list list;

	list_all(routing, recipient, &list);
	return filter(routing, &list, error);
}

/* The first smarthosts of those who count; those of others are passed over. */
struct walk {
	struct routing routing;
	bool has_waiting;
	size_t at;
};

static void walk_finish(struct walk *walk)
{
	routing_finish(&walk->routing);
}

static void walk_init(struct walk *walk, const struct config *config, const struct queue_file *file)
{
	*walk = (struct walk){ 0 };
	routing_init(&walk->routing, config, file);
	for (size_t i = 0; i < file->envelope.recipient_count; i++)
		walk->has_waiting = walk->has_waiting || queue_file_waits(file, i);
}

static const struct config_smarthost *walk_next(struct walk *walk)
{
	const struct queue_file *file = walk->routing.file;
	struct route_list list;

	while (walk->at < file->envelope.recipient_count) {
		size_t recipient = walk->at++;

		if (walk->has_waiting && !queue_file_waits(file, recipient))
			continue;
		routing_list(&walk->routing, recipient, &list);
		return list.count != 0 ? list.smarthosts[0] : NULL;
	}
	return NULL;
}

const struct config_smarthost *routing_first(
    const struct config *config, const struct queue_file *file)
{
	struct walk walk CLEANUP(walk_finish);

	walk_init(&walk, config, file);
	return walk_next(&walk);
}

bool routing_leads_to(
    const struct config *config, const struct queue_file *file, const char *smarthost)
{
	struct walk walk CLEANUP(walk_finish);
	const struct config_smarthost *one;

	walk_init(&walk, config, file);
	while ((one = walk_next(&walk)) != NULL)
		if (strcmp(one->parameters.name, smarthost) == 0)
			return true;
	return false;
}

bool routing_is_mixed(const struct config *config, const struct queue_file *file)
{
	struct walk walk CLEANUP(walk_finish) = { 0 };
	const struct config_smarthost *one;

	if (config->route_count == 0)
		return false;
	walk_init(&walk, config, file);
	const struct config_smarthost *first = walk_next(&walk);
	while ((one = walk_next(&walk)) != NULL)
		if (one != first)
			return true;
	return false;
}

char *routing_names(const struct config *config, const struct queue_file *file)
{
	struct buffer names CLEANUP(buffer_finish) = { 0 };

	buffer_init(&names, SIZE_MAX / 2);
	for (size_t i = 0; i < config->smarthost_count; i++) {
		const char *name = config->smarthosts[i].parameters.name;

		if (routing_leads_to(config, file, name))
			buffer_format(&names, "%s%s", names.length != 0 ? ", " : "", name);
	}
	return buffer_take_string(&names);
}
