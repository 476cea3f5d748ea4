/* SPDX-License-Identifier: MIT */

#include "service/clients.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"
#include "service/spares.h"

void clients_init(struct clients *clients)
{
	*clients = (struct clients){ .board = board_new(CLIENTS_LIMIT) };
}

void clients_forget(struct clients *clients, size_t place)
{
	struct client *client = clients->places[place];

	if (client->is_spare) {
		clients->spare_count--;
	} else {
		board_leave(clients->board, place);
		clients->count--;
	}
	channel_finish(&client->channel);
	buffer_finish(&client->lines);
	free(client);
	clients->places[place] = NULL;
}

void clients_finish(struct clients *clients)
{
	for (size_t i = 0; i < CLIENTS_LIMIT; i++)
		if (clients->places[i] != NULL)
			clients_forget(clients, i);
	board_free(clients->board);
	clients->board = NULL;
}

static size_t find_free(const struct clients *clients)
{
	size_t place = 0;

	while (place < CLIENTS_LIMIT && clients->places[place] != NULL)
		place++;
	return place;
}

static void take_place(struct clients *clients, const struct reception *birth, int channel_fd)
{
	struct client *client = memory_allocate(sizeof *client);

	channel_init_take_fd(&client->channel, channel_fd);
	client->viewer = birth->viewer;
	client->generation = clients->generation;
	clients->places[birth->place] = client;
	clients->count++;
}

static int fork_client(
    struct clients *clients, int connection, const struct reception *birth, struct error *error)
{
	int ends[2];

	if (channel_pair(ends) < 0)
		return error_system(error, "cannot make a channel");
	board_enter(clients->board, birth->place, birth->viewer.uid, clients->usage);
	pid_t pid = fork();
	if (pid == 0)
		reception_run(connection, ends[1], birth);
	if (pid < 0)
		error_system(error, "cannot start a receive process");
	file_close(&ends[1]);
	if (pid < 0) {
		board_leave(clients->board, birth->place);
		file_close(&ends[0]);
		return -1;
	}
	take_place(clients, birth, ends[0]);
	return 0;
}

int clients_start(struct clients *clients, int connection,
    const struct reception_settings *settings, struct error *error)
{
	int owned CLEANUP(file_close) = connection;
	struct reception birth = {
		.settings = settings,
		.viewer = queue_viewer_of(settings->uid, settings->root_counts),
		.board = clients->board,
	};

	if (spares_serve(clients, connection, &birth.viewer))
		return 0;
	birth.place = find_free(clients);
	if (birth.place == CLIENTS_LIMIT && spares_forget_one(clients))
		birth.place = find_free(clients);
	if (birth.place == CLIENTS_LIMIT)
		return error_set(error, ERROR_UNAVAILABLE, "4.3.2",
		    "%d clients are being served, and no more can be", CLIENTS_LIMIT);
	return fork_client(clients, owned, &birth, error);
}

void clients_renew(struct clients *clients)
{
	clients->generation++;
	spares_forget_all(clients);
}

int64_t clients_deadline(const struct clients *clients)
{
	return spares_deadline(clients);
}

struct client *clients_waiting_for(struct clients *clients, const char *id)
{
	for (size_t i = 0; i < CLIENTS_LIMIT; i++)
		if (clients->places[i] != NULL && strcmp(clients->places[i]->awaited, id) == 0)
			return clients->places[i];
	return NULL;
}

static void send_lines(struct client *client)
{
	struct notice notice = { .kind = NOTICE_TRACE };

	if (client->lines.length == 0)
		return;
	memcpy(notice.id, client->awaited, sizeof notice.id);
	(void)notice_send_lines(&client->channel, &notice, buffer_span(&client->lines));
	buffer_clear(&client->lines);
}

/*
 * A unix socket is writable while a quarter of its room is taken at most, and
 * NOTICE_LINES is less than the rest: so this does not wait for a client that
 * does not listen, nor does what clients_tell still has to send.
 */
void clients_show(struct client *client, struct span line)
{
	struct pollfd channel = { .fd = client->channel.fd, .events = POLLOUT };

	client->lines.limit = NOTICE_LINES;
	if (client->lines.length + line.length + 1 <= NOTICE_LINES) {
		buffer_append_span(&client->lines, line);
		buffer_append_byte(&client->lines, '\n');
	}
	if (poll(&channel, 1, 0) > 0)
		send_lines(client);
}

void clients_tell(
    struct client *client, enum notice_kind kind, const char *status, const char *text)
{
	struct notice notice = { .kind = kind };

	send_lines(client);
	memcpy(notice.id, client->awaited, sizeof notice.id);
	text_copy(notice.status, sizeof notice.status, status);
	text_copy(notice.text, sizeof notice.text, text);
	/* A child that is gone shows at the channel's end. */
	(void)notice_send(&client->channel, &notice);
	if (kind == NOTICE_TAKEN)
		client->awaited[0] = '\0';
}

void clients_tell_taken(struct clients *clients, const char *id, const char *state)
{
	struct client *client = clients_waiting_for(clients, id);
	char text[128];

	if (client == NULL)
		return;
	snprintf(text, sizeof text, "%s as %s", state, id);
	clients_tell(client, NOTICE_TAKEN, "2.0.0", text);
}

size_t clients_poll(const struct clients *clients, struct pollfd *polls)
{
	size_t count = 0;

	for (size_t i = 0; i < CLIENTS_LIMIT; i++)
		if (clients->places[i] != NULL)
			polls[count++] = (struct pollfd){ .fd = clients->places[i]->channel.fd,
				.events = POLLIN };
	return count;
}

static void settle(struct clients *clients, struct client *client, bool answers)
{
	char id[QUEUE_ID_SIZE];

	if (client->awaited[0] == '\0')
		return;
	memcpy(id, client->awaited, sizeof id);
	client->awaited[0] = '\0';
	clients->settled(clients->context, id, answers);
}

static void flush(struct clients *clients, struct client *client)
{
	struct notice notice = { .kind = NOTICE_GO, .id = NOTICE_NO_ID };
	int64_t ago = 0;

	client->may_flush = clients->flushed(clients->context, &client->viewer, &ago);
	if (!client->may_flush) {
		notice.kind = NOTICE_PAUSED;
		snprintf(
		    notice.text, sizeof notice.text, "tried %" PRId64 " seconds ago", ago / 1000);
	}
	(void)notice_send(&client->channel, &notice);
}

static int compare_ids(const void *a, const void *b)
{
	return memcmp(a, b, QUEUE_ID_SIZE);
}

enum { IDS_LIMIT = NOTICE_LINES / QUEUE_ID_SIZE };

/* The IDs of a DUE or a COUNT, sorted; what is none is passed over. */
static size_t read_ids(struct span lines, char ids[static IDS_LIMIT][QUEUE_ID_SIZE])
{
	size_t count = 0;
	struct span line;

	while (count < IDS_LIMIT && span_take_line(&lines, &line)) {
		if (!queue_id_is_valid(line))
			continue;
		memcpy(ids[count], line.start, QUEUE_ID_LENGTH);
		ids[count++][QUEUE_ID_LENGTH] = '\0';
	}
	qsort(ids, count, sizeof ids[0], compare_ids);
	return count;
}

static void take_due(struct clients *clients, const struct client *client, struct span lines)
{
	char ids[IDS_LIMIT][QUEUE_ID_SIZE];

	if (!client->may_flush)
		return;
	size_t count = read_ids(lines, ids);
	clients->due(clients->context, (const char(*)[QUEUE_ID_SIZE])ids, count);
}

static void change(struct clients *clients, struct client *client, const struct notice *wish)
{
	struct notice answer = { .kind = NOTICE_CHANGED };
	struct queue_change result = { .sign = QUEUE_CHANGE_MISSING };

	/* Whose it is only who is named by the kernel can say. */
	if (client->viewer.uid >= 0)
		clients->changed(clients->context, &client->viewer, wish->id,
		    (enum queue_verb)wish->text[0], &result);
	memcpy(answer.id, wish->id, sizeof answer.id);
	queue_requests_answer(&result, &answer);
	(void)notice_send(&client->channel, &answer);
}

static void count(struct clients *clients, struct client *client, struct span lines)
{
	char ids[IDS_LIMIT][QUEUE_ID_SIZE];
	struct notice answer = { .kind = NOTICE_COUNTED, .id = NOTICE_NO_ID };
	struct queue_counts counts = { .next = -1 };
	size_t number = read_ids(lines, ids);

	if (number != 0)
		clients->counted(
		    clients->context, (const char(*)[QUEUE_ID_SIZE])ids, number, &counts);
	else if (client->viewer.sees_all)
		clients->counted(clients->context, NULL, 0, &counts);
	char text[QUEUE_COUNTS_SIZE];
	queue_counts_format(&counts, text);
	text_copy(answer.text, sizeof answer.text, text);
	(void)notice_send(&client->channel, &answer);
}

/* Why mail waits may tell of the account, and of others' addresses. */
static void tell_states(struct clients *clients, struct client *client, const struct notice *wish)
{
	struct notice answer = { .kind = NOTICE_STATES, .id = NOTICE_NO_ID };
	struct buffer lines CLEANUP(buffer_finish) = { 0 };

	buffer_init(&lines, NOTICE_LINES);
	if (client->viewer.sees_all)
		clients->states(clients->context, wish->text[0] != '\0', &lines);
	(void)notice_send_lines(&client->channel, &answer, buffer_span(&lines));
}

/* What it was told the service counts, and the row of the session shows it from now on. */
static void take_queued(struct clients *clients, size_t place, const struct notice *notice)
{
	struct client *client = clients->places[place];
	int64_t uid = client->viewer.sees_all ? notice->uid : client->viewer.uid;

	settle(clients, client, false);
	if (notice->wants_outcome)
		memcpy(client->awaited, notice->id, sizeof client->awaited);
	client->wants_trace = notice->wants_outcome && notice->wants_trace;
	/* A file of another may have been told of, whose receive process found no service. */
	if (uid == client->viewer.uid)
		board_count(clients->board, place, notice->octets);
	clients->queued(clients->context, notice->id, uid, notice->octets, notice->is_later);
}

static void apply(
    struct clients *clients, size_t place, const struct notice *notice, struct span lines)
{
	struct client *client = clients->places[place];

	if (notice->kind == NOTICE_FLUSH)
		flush(clients, client);
	else if (notice->kind == NOTICE_DUE)
		take_due(clients, client, lines);
	else if (notice->kind == NOTICE_ASK && client->viewer.sees_all)
		clients->asked(clients->context, &client->channel, notice->text);
	else if (notice->kind == NOTICE_CHANGE)
		change(clients, client, notice);
	else if (notice->kind == NOTICE_COUNT)
		count(clients, client, lines);
	else if (notice->kind == NOTICE_HEALTH)
		tell_states(clients, client, notice);
	else if (notice->kind == NOTICE_ANSWERS && strcmp(notice->id, client->awaited) == 0)
		settle(clients, client, true);
	else if (notice->kind == NOTICE_QUEUED)
		take_queued(clients, place, notice);
}

/* Its client has left; it may be a spare now. */
static void leave(struct clients *clients, size_t place)
{
	struct client *client = clients->places[place];

	settle(clients, client, false);
	if (client->is_spare)
		return;
	client->may_flush = false;
	spares_keep(clients, place);
	clients->left(clients->context, client->viewer.uid);
}

static void read_client(struct clients *clients, size_t place)
{
	struct client *client = clients->places[place];
	struct buffer lines CLEANUP(buffer_finish) = { 0 };
	struct notice notice;
	bool has_ended = channel_fill(&client->channel) <= 0;
	int outcome;

	buffer_init(&lines, NOTICE_LINES);
	while ((outcome = notice_take_lines(&client->channel, &notice, &lines)) > 0) {
		if (notice.kind == NOTICE_FREE)
			leave(clients, place);
		else if (!client->is_spare)
			apply(clients, place, &notice, buffer_span(&lines));
		buffer_clear(&lines);
	}
	if (outcome >= 0 && !has_ended && !spares_is_stale(clients, client))
		return;
	leave(clients, place);
	clients_forget(clients, place);
}

void clients_step(struct clients *clients)
{
	for (size_t i = 0; i < CLIENTS_LIMIT; i++) {
		struct pollfd ready = { .events = POLLIN };

		if (clients->places[i] == NULL)
			continue;
		ready.fd = clients->places[i]->channel.fd;
		if (poll(&ready, 1, 0) > 0)
			read_client(clients, i);
	}
	spares_forget_old(clients);
}
