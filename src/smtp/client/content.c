/* SPDX-License-Identifier: MIT */

#include "smtp/client/content.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/memory.h"
#include "smtp/command.h"
#include "smtp/transparency.h"

enum {
	BLOCK = 32768,
	END_SIZE = 16, /* of the octets that end a stuffed content, at most */
};

/* Whoever looks at the conversation sees how much there was, not what. */
static void trace_octets(const struct session *session, uint64_t count)
{
	char line[60];
	const struct session_settings *settings = session->settings;

	if (settings->trace == NULL)
		return;
	snprintf(line, sizeof line, "[%" PRIu64 " octets of content]", count);
	settings->trace(settings->trace_context, '>', span_from_string(line));
}

static int64_t block_deadline(const struct session *session)
{
	return clock_deadline(session->settings->timeouts.content);
}

/* Adds octets to the flight, which leaves whenever it is full. */
static int put_octets(struct session *session, struct span octets, struct error *error)
{
	while (octets.length != 0) {
		size_t room = stream_room(session->stream);

		if (room == 0) {
			if (session_flush(session, block_deadline(session), error) < 0)
				return -1;
			continue;
		}
		stream_put(session->stream, span_first(octets, room));
		octets = span_after(octets, room);
	}
	return 0;
}

static ssize_t read_block(struct session *session, const struct content *content, char *bytes,
    size_t size, struct error *error)
{
	if (content->read == NULL)
		return 0;
	ssize_t count = content->read(content->context, bytes, size, error);
	/* The server must never see the end of a content that could not be read. */
	if (count < 0)
		return session_break(session);
	assert((size_t)count <= size);
	return count;
}

static void put_bdat(struct session *session, uint64_t size, bool is_last)
{
	CLEANUP(buffer_finish) struct buffer line = { 0 };

	buffer_init(&line, COMMAND_LINE_LIMIT);
	command_write_bdat(&line, size, is_last);
	session_put(session, buffer_span(&line));
	trace_octets(session, size);
	pipeline_push(&session->pipeline,
	    (struct pipeline_entry){ .verb = COMMAND_BDAT, .is_content_end = is_last });
}

/* The size was promised in the command, so it must come out right to the octet. */
static int put_rest(
    struct session *session, const struct content *content, uint64_t left, struct error *error)
{
	char block[BLOCK];

	while (left != 0) {
		size_t size = left < sizeof block ? (size_t)left : sizeof block;
		ssize_t count = read_block(session, content, block, size, error);

		if (count < 0)
			return -1;
		if (count == 0) {
			error_set(error, ERROR_IO, "4.3.0",
			    "the content ends %" PRIu64 " octets before its size", left);
			return session_break(session);
		}
		if (put_octets(session, span_from_bytes(block, (size_t)count), error) < 0)
			return -1;
		left -= (uint64_t)count;
	}
	return 0;
}

static int send_whole(
    struct session *session, const struct content *content, uint64_t size, struct error *error)
{
	assert(size >= content->front.length);

	put_bdat(session, size, true);
	if (put_octets(session, content->front, error) < 0 ||
	    put_rest(session, content, size - content->front.length, error) < 0)
		return -1;
	return session_flush(session, block_deadline(session), error);
}

/* Reads until the chunk is full or the content ends; *is_last tells which. */
static int fill_chunk(struct session *session, const struct content *content, struct buffer *chunk,
    bool *is_last, struct error *error)
{
	*is_last = false;
	while (chunk->length < CONTENT_CHUNK) {
		size_t size = CONTENT_CHUNK - chunk->length;
		ssize_t count = read_block(
		    session, content, buffer_reserve(chunk, size), size, error);

		if (count < 0)
			return -1;
		if (count == 0) {
			*is_last = true;
			return 0;
		}
		buffer_extend(chunk, (size_t)count);
	}
	return 0;
}

static int send_chunk(struct session *session, const struct content *content,
    struct content_progress *progress, struct error *error)
{
	CLEANUP(buffer_finish) struct buffer chunk = { 0 };
	bool is_last;

	/* The front may be longer than a chunk: it is there anyhow. */
	buffer_init(&chunk, content->front.length + CONTENT_CHUNK);
	if (!progress->has_front)
		buffer_append_span(&chunk, content->front);
	progress->has_front = true;
	if (fill_chunk(session, content, &chunk, &is_last, error) < 0)
		return -1;
	put_bdat(session, chunk.length, is_last);
	if (put_octets(session, buffer_span(&chunk), error) < 0 ||
	    session_flush(session, block_deadline(session), error) < 0)
		return -1;
	return is_last ? 0 : 1;
}

int64_t content_size(const struct content *content)
{
	return content->read == NULL ? (int64_t)content->front.length : content->size;
}

int content_send_bdat(struct session *session, const struct content *content,
    struct content_progress *progress, struct error *error)
{
	int64_t size = content_size(content);

	if (size < 0)
		return send_chunk(session, content, progress, error);
	return send_whole(session, content, (uint64_t)size, error);
}

static int put_stuffed(struct session *session, struct transparency *transparency,
    struct span octets, struct error *error)
{
	CLEANUP(buffer_finish) struct buffer stuffed = { 0 };

	while (octets.length != 0) {
		struct span part = span_first(octets, BLOCK);

		buffer_clear(&stuffed);
		stuffed.limit = 2 * (size_t)BLOCK + 8;
		transparency_stuff(transparency, part, &stuffed);
		assert(!stuffed.has_overflowed);
		if (put_octets(session, buffer_span(&stuffed), error) < 0)
			return -1;
		octets = span_after(octets, part.length);
	}
	return 0;
}

static int put_end(struct session *session, struct transparency *transparency, struct error *error)
{
	CLEANUP(buffer_finish) struct buffer end = { 0 };

	buffer_init(&end, 16);
	transparency_end(transparency, &end);
	if (put_octets(session, buffer_span(&end), error) < 0)
		return -1;
	return session_flush(session, block_deadline(session), error);
}

int content_send_data(struct session *session, const struct content *content, struct error *error)
{
	struct transparency transparency;
	uint64_t total = content->front.length;
	char block[BLOCK];
	ssize_t count;

	pipeline_push(&session->pipeline,
	    (struct pipeline_entry){ .verb = COMMAND_UNKNOWN, .is_content_end = true });
	transparency_init(&transparency);
	if (put_stuffed(session, &transparency, content->front, error) < 0)
		return -1;
	while ((count = read_block(session, content, block, sizeof block, error)) > 0) {
		total += (uint64_t)count;
		if (put_stuffed(
			session, &transparency, span_from_bytes(block, (size_t)count), error) < 0)
			return -1;
	}
	if (count < 0)
		return -1;
	/*
	 * A size that was declared must hold here as well: a content that ends
	 * early was cut, and its dot must not make it a message.
	 */
	if (content_size(content) >= 0 && total != (uint64_t)content_size(content)) {
		error_set(error, ERROR_IO, "4.3.0",
		    "the content has %" PRIu64 " octets, not %" PRId64, total,
		    content_size(content));
		return session_break(session);
	}
	trace_octets(session, total);
	return put_end(session, &transparency, error);
}

/* How many octets of at most size may come now: by BDAT none beyond the promised size. */
static size_t allowed(const struct content *content, const struct content_flow *flow, size_t size)
{
	if (flow->is_stuffed)
		return size;
	uint64_t left = (uint64_t)content_size(content) - flow->total;
	return left < size ? (size_t)left : size;
}

/* The next piece of at most size octets: of the front, or read into block.  0: the end. */
static ssize_t next_piece(struct session *session, const struct content *content,
    const struct content_flow *flow, char *block, size_t size, struct span *piece,
    struct error *error)
{
	size = allowed(content, flow, size);
	if (flow->total < content->front.length) {
		*piece = span_first(span_after(content->front, (size_t)flow->total), size);
		return (ssize_t)piece->length;
	}
	if (size == 0 && !flow->is_stuffed)
		return 0;
	ssize_t count = read_block(session, content, block, size, error);
	if (count > 0)
		*piece = span_from_bytes(block, (size_t)count);
	return count;
}

static void put_piece(struct session *session, struct content_flow *flow, struct span piece)
{
	CLEANUP(buffer_finish) struct buffer stuffed = { 0 };

	flow->total += piece.length;
	if (!flow->is_stuffed) {
		stream_put(session->stream, piece);
		return;
	}
	buffer_init(&stuffed, 2 * (size_t)BLOCK + 8);
	transparency_stuff(&flow->transparency, piece, &stuffed);
	assert(!stuffed.has_overflowed);
	stream_put(session->stream, buffer_span(&stuffed));
}

/* How much of the content surely fits the stream now. */
static size_t room_for(const struct session *session, const struct content_flow *flow)
{
	size_t room = stream_room(session->stream);

	/* Each octet may be doubled, and the end must fit as well. */
	if (flow->is_stuffed)
		room = room > END_SIZE ? (room - END_SIZE) / 2 : 0;
	return room < BLOCK ? room : BLOCK;
}

static int end_flow(struct session *session, const struct content *content,
    struct content_flow *flow, struct error *error)
{
	CLEANUP(buffer_finish) struct buffer end = { 0 };
	int64_t size = content_size(content);

	if (size >= 0 && flow->total != (uint64_t)size) {
		error_set(error, ERROR_IO, "4.3.0",
		    "the content has %" PRIu64 " octets, not %" PRId64, flow->total, size);
		return session_break(session);
	}
	trace_octets(session, flow->total);
	if (!flow->is_stuffed)
		return 0;
	buffer_init(&end, END_SIZE);
	transparency_end(&flow->transparency, &end);
	stream_put(session->stream, buffer_span(&end));
	return 0;
}

int content_put(struct session *session, const struct content *content, struct content_flow *flow,
    struct error *error)
{
	char block[BLOCK];
	struct span piece;

	if (flow->total == 0)
		transparency_init(&flow->transparency);
	for (;;) {
		size_t room = room_for(session, flow);

		if (room == 0)
			return 1;
		ssize_t count = next_piece(session, content, flow, block, room, &piece, error);
		if (count < 0)
			return -1;
		if (count == 0)
			return end_flow(session, content, flow, error);
		put_piece(session, flow, piece);
	}
}

ssize_t content_read_file(void *content_file, char *bytes, size_t size, struct error *error)
{
	struct content_file *file = content_file;
	size_t wanted = file->left < size ? (size_t)file->left : size;

	if (wanted == 0)
		return 0;
	ssize_t count = file_read_full_at(file->fd, bytes, wanted, file->offset);
	if (count < 0)
		return error_system(error, "read the message");
	if ((size_t)count < wanted)
		return error_set(error, ERROR_IO, "4.3.0", "the message ends before its length");
	file->offset += count;
	file->left -= (uint64_t)count;
	return count;
}
