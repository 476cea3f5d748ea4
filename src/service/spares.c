/* SPDX-License-Identifier: MIT */

#include "service/spares.h"

#include "base/clock.h"

static bool is_of(const struct client *client, const struct queue_viewer *viewer)
{
	return client->viewer.uid == viewer->uid && client->viewer.sees_all == viewer->sees_all;
}

/* The place of the one that has been a spare for the shortest time, of this user or of any. */
static size_t find(const struct clients *clients, const struct queue_viewer *viewer)
{
	size_t found = CLIENTS_LIMIT;

	for (size_t i = 0; i < CLIENTS_LIMIT; i++) {
		const struct client *client = clients->places[i];

		if (client == NULL || !client->is_spare ||
		    (viewer != NULL && !is_of(client, viewer)))
			continue;
		if (found == CLIENTS_LIMIT ||
		    client->spare_until > clients->places[found]->spare_until)
			found = i;
	}
	return found;
}

/* It has read what was said to it, and so takes this at once; one that does not is not waited for.
 */
static bool give(struct client *client, int connection)
{
	const struct notice notice = { .kind = NOTICE_CLIENT, .id = NOTICE_NO_ID };
	struct pollfd channel = { .fd = client->channel.fd, .events = POLLOUT };

	return poll(&channel, 1, 0) == 1 && (channel.revents & POLLOUT) != 0 &&
	       notice_send_descriptor(&client->channel, &notice, connection) == 0;
}

bool spares_serve(struct clients *clients, int connection, const struct queue_viewer *viewer)
{
	size_t place;

	while (clients->spare_count != 0 && (place = find(clients, viewer)) != CLIENTS_LIMIT) {
		struct client *client = clients->places[place];

		/* Its row first: what it takes from then on is counted there. */
		board_enter(clients->board, place, viewer->uid, clients->usage);
		if (!give(client, connection)) {
			board_leave(clients->board, place);
			clients_forget(clients, place);
			continue;
		}
		client->is_spare = false;
		clients->spare_count--;
		clients->count++;
		return true;
	}
	return false;
}

void spares_keep(struct clients *clients, size_t place)
{
	struct client *client = clients->places[place];

	board_leave(clients->board, place);
	buffer_finish(&client->lines);
	client->is_spare = true;
	client->spare_until = clock_deadline(SPARES_TIME);
	clients->count--;
	clients->spare_count++;
}

bool spares_is_stale(const struct clients *clients, const struct client *client)
{
	return client->is_spare &&
	       (client->viewer.uid < 0 || client->generation != clients->generation ||
		   clients->spare_count > SPARES_LIMIT);
}

bool spares_forget_one(struct clients *clients)
{
	size_t place = find(clients, NULL);

	if (place == CLIENTS_LIMIT)
		return false;
	clients_forget(clients, place);
	return true;
}

static void forget_until(struct clients *clients, int64_t now)
{
	for (size_t i = 0; i < CLIENTS_LIMIT && clients->spare_count != 0; i++) {
		const struct client *client = clients->places[i];

		if (client != NULL && client->is_spare && client->spare_until <= now)
			clients_forget(clients, i);
	}
}

void spares_forget_all(struct clients *clients)
{
	forget_until(clients, INT64_MAX);
}

void spares_forget_old(struct clients *clients)
{
	if (clients->spare_count != 0)
		forget_until(clients, clock_monotonic());
}

int64_t spares_deadline(const struct clients *clients)
{
	int64_t deadline = CLOCK_NEVER;

	for (size_t i = 0; i < CLIENTS_LIMIT && clients->spare_count != 0; i++)
		if (clients->places[i] != NULL && clients->places[i]->is_spare)
			deadline = clock_earlier(deadline, clients->places[i]->spare_until);
	return deadline;
}
