/* SPDX-License-Identifier: MIT */

#include "service/queue_store.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "service/events.h"
#include "service/notice.h"
#include "service/quota.h"
#include "service/successor.h"
#include "spool/space.h"

/* Room on the disk, and of the client's quota, for so many octets; 0: for one that nobody knows. */
static int ask_for_room(
    const struct queue_store *store, uint64_t wanted, uint64_t octets, struct error *error)
{
	const struct config_limits *limits = store->limits;
	const struct space_reserve reserve = { limits->reserve, limits->reserve_percent };

	if (!store->has_no_quota && store->board != NULL) {
		struct usage_figures waiting = board_waiting(store->board, store->place);

		if (quota_check(limits, &waiting, store->uid, octets, error) < 0)
			return -1;
	}
	return space_ask(store->queue_directory, &reserve, wanted, error);
}

static int admit(void *context, uint64_t octets, struct error *error)
{
	return ask_for_room(context, octets, octets, error);
}

static int begin(void *context, const char *id, const struct envelope *envelope,
    const struct queue_attributes *attributes, struct error *error)
{
	struct queue_store *store = context;

	memcpy(store->file.id, id, sizeof store->file.id);
	store->octets = 0;
	store->asked_at = 0;
	store->has_fault = false;
	return queue_file_create(&store->file, store->queue_directory, envelope, attributes, error);
}

static void write_bytes(void *context, struct span bytes)
{
	struct queue_store *store = context;

	if (store->has_fault)
		return;
	queue_file_write(&store->file, bytes);
	store->octets += bytes.length;
	if (store->octets - store->asked_at < SPACE_INTERVAL)
		return;
	store->asked_at = store->octets;
	if (ask_for_room(store, 0, store->octets, &store->fault) == 0)
		return;
	/* Others may need what it has taken while the rest of it comes in. */
	store->has_fault = true;
	queue_file_finish(&store->file);
}

static void end_header(void *context)
{
	struct queue_store *store = context;

	if (!store->has_fault)
		queue_file_end_header(&store->file);
}

static void discard(void *context)
{
	struct queue_store *store = context;

	queue_file_finish(&store->file);
}

static void keep_lines(struct transcript_excerpt *trace, const struct buffer *lines)
{
	struct span rest = buffer_span(lines);
	struct span line;

	while (trace != NULL && span_take_line(&rest, &line))
		transcript_excerpt_add(trace, line);
}

/* 1: notice holds the outcome; 0: none in time, or no service any more. */
static int await_outcome(struct queue_store *store, const char *id,
    struct transcript_excerpt *trace, struct notice *notice)
{
	int64_t deadline = clock_deadline(store->wait_limit);
	struct pollfd wait = { .fd = store->service->fd, .events = POLLIN };

	for (;;) {
		struct buffer lines CLEANUP(buffer_finish) = { 0 };

		buffer_init(&lines, NOTICE_LINES);
		int outcome = notice_take_lines(store->service, notice, &lines);
		bool is_ours = outcome > 0 && strcmp(notice->id, id) == 0;
		if (outcome < 0)
			return 0;
		if (is_ours && notice->kind != NOTICE_TRACE)
			return 1;
		if (is_ours)
			keep_lines(trace, &lines);
		if (outcome > 0)
			continue;
		if (poll(&wait, 1, clock_poll_timeout(deadline)) == 0 ||
		    channel_fill(store->service) <= 0)
			return 0;
	}
}

static void answer(struct queue_store *store, const char *id, const struct store_wish *wish,
    struct server_reply *reply)
{
	bool waits = wish->wait == COMMAND_WAIT_OUTCOME ||
		     (wish->wait == COMMAND_WAIT_UNSAID && store->waits_by_default);
	struct notice notice = {
		.kind = NOTICE_QUEUED,
		.wants_outcome = waits,
		.wants_trace = wish->trace != NULL,
		.is_later = wish->wait == COMMAND_WAIT_DISK,
	};
	struct notice outcome;

	notice.uid = store->uid;
	notice.octets = store->octets;
	memcpy(notice.id, id, sizeof notice.id);
	server_reply_set(reply, 250, "2.0.0", "queued as %s", id);
	if (store->service->fd < 0 || notice_send(store->service, &notice) < 0) {
		if (store->spool != NULL)
			(void)successor_tell(store->spool, id, notice.is_later);
		return;
	}
	if (!waits)
		return;
	if (await_outcome(store, id, wish->trace, &outcome) == 0)
		return;
	if (outcome.kind == NOTICE_TAKEN) {
		server_reply_set(reply, 250, "2.0.0", "%s", outcome.text);
		return;
	}
	/* Only with this word does the service let go of the file. */
	notice.kind = NOTICE_ANSWERS;
	if (notice_send(store->service, &notice) == 0)
		server_reply_set(reply, 550, outcome.status, "%s", outcome.text);
}

static void tell_received(const struct queue_file *file, const struct store_wish *wish)
{
	const struct event_message message = {
		.id = file->id,
		.uid = file->attributes.uid,
		.login = wish->login,
		.entrance = file->attributes.entrance,
		.message_id = wish->message_id,
		.sender = file->envelope.sender,
		.size = file->message_length,
		.recipient_count = file->envelope.recipient_count,
		.subject = wish->subject,
	};

	events_received(&message);
}

/* On the board before the disk: until then another session would not see it. */
static int keep(struct queue_store *store, const struct queue_attributes *attributes,
    const struct store_wish *wish, struct error *error)
{
	if (store->has_fault) {
		*error = store->fault;
		return -1;
	}
	store->file.attributes.has_8bit = attributes->has_8bit;
	store->file.attributes.longest_line = attributes->longest_line;
	if (wish->wait == COMMAND_WAIT_DISK)
		store->file.progress.next_attempt = clock_wall() + store->first_step;
	if (ask_for_room(store, 0, store->octets, error) < 0)
		return -1;
	if (store->board != NULL)
		board_take(store->board, store->place, store->octets);
	if (queue_file_commit(&store->file, error) == 0)
		return 0;
	if (store->board != NULL)
		board_drop(store->board, store->place, store->octets);
	return -1;
}

static void commit(void *context, const struct queue_attributes *attributes,
    const struct store_wish *wish, const struct stream *client, struct server_reply *reply)
{
	struct queue_store *store = context;
	char id[QUEUE_ID_SIZE];
	struct error error;

	if (stream_peer_is_gone(client)) {
		queue_file_finish(&store->file);
		server_reply_set(reply, 451, "4.4.2", "the client has gone, so nothing is kept");
		return;
	}
	if (keep(store, attributes, wish, &error) < 0) {
		queue_file_finish(&store->file);
		log_event(LOG_LEVEL_ERROR, "cannot keep a message of uid %lld: %s",
		    (long long)attributes->uid, error.text);
		server_reply_from_error(reply, &error);
		return;
	}
	/* Before the service can tell of its delivery. */
	tell_received(&store->file, wish);
	memcpy(id, store->file.id, sizeof id);
	/* The lock goes before the service is told, so that it can open the file. */
	queue_file_finish(&store->file);
	answer(store, id, wish, reply);
}

struct store queue_store_table(struct queue_store *store, const char *way)
{
	return (struct store){
		.way = way,
		.admit = admit,
		.begin = begin,
		.write = write_bytes,
		.end_header = end_header,
		.commit = commit,
		.discard = discard,
		.context = store,
	};
}
