/* SPDX-License-Identifier: MIT */

#include "wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "base/memory.h"

enum {
	HELD = 64 << 20, /* octets under way in a direction, at most */
	BLOCK = 262144,
	WIRES = 256,
	PIECES = 64, /* of one sendmsg */
};

/* What was read at once. */
struct piece {
	struct piece *next;
	int64_t due; /* microseconds */
	uint64_t depth;
	size_t start;
	size_t length;
	char octets[];
};

struct direction {
	int from;
	int to; /* -1: not yet connected */
	struct piece *first;
	struct piece *last;
	size_t held;
	uint64_t depth; /* of what has arrived */
	bool has_ended; /* nothing comes any more */
	bool is_blocked;
	int64_t end_due;
	bool is_shut; /* the end has been passed on */
};

struct connection {
	bool is_used;
	struct direction up;
	struct direction down;
	int64_t connects_at;
	bool server_spoke; /* since octets reached it last */
};

struct wire {
	int listener;
	int port;
	int64_t delay; /* microseconds, one way */
	struct board_counts *counts;
	struct connection connections[WIRES];
	char block[BLOCK];
};

static void prepare_socket(int fd)
{
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int));
}

static void drop_first(struct direction *direction)
{
	struct piece *piece = direction->first;

	direction->first = piece->next;
	if (direction->first == NULL)
		direction->last = NULL;
	free(piece);
}

static void close_connection(struct connection *connection)
{
	while (connection->up.first != NULL)
		drop_first(&connection->up);
	while (connection->down.first != NULL)
		drop_first(&connection->down);
	(void)close(connection->up.from);
	if (connection->up.to >= 0)
		(void)close(connection->up.to);
	*connection = (struct connection){ 0 };
}

static void accept_client(struct wire *wire)
{
	int fd = accept4(wire->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0)
		return;
	for (size_t i = 0; i < WIRES; i++) {
		struct connection *connection = &wire->connections[i];

		if (connection->is_used)
			continue;
		prepare_socket(fd);
		*connection = (struct connection){
			.is_used = true,
			.up = { .from = fd, .to = -1 },
			.down = { .from = -1, .to = fd },
			.connects_at = board_microseconds() + 3 * wire->delay,
		};
		wire->counts->connections++;
		return;
	}
	(void)close(fd);
}

static void connect_server(const struct wire *wire, struct connection *connection)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_port = htons((uint16_t)wire->port),
		.sin_addr = { htonl(INADDR_LOOPBACK) },
	};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	/* On the loopback connect(2) does not wait. */
	if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof address) < 0) {
		if (fd >= 0)
			(void)close(fd);
		close_connection(connection);
		return;
	}
	prepare_socket(fd);
	connection->up.to = fd;
	connection->down.from = fd;
}

static struct direction *other(struct connection *connection, const struct direction *direction)
{
	return direction == &connection->up ? &connection->down : &connection->up;
}

static void take_in(struct wire *wire, struct connection *connection, struct direction *direction)
{
	bool is_up = direction == &connection->up;
	ssize_t count = recv(direction->from, wire->block, sizeof wire->block, MSG_DONTWAIT);

	if (count < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (count <= 0) {
		direction->has_ended = true;
		direction->end_due = board_microseconds() + wire->delay;
		return;
	}
	struct piece *piece = memory_allocate(sizeof *piece + (size_t)count);
	piece->due = board_microseconds() + wire->delay;
	/* What it was sent after; the server's words are one step further. */
	piece->depth = other(connection, direction)->depth + (is_up ? 0 : 1);
	piece->length = (size_t)count;
	memcpy(piece->octets, wire->block, (size_t)count);
	if (direction->last != NULL)
		direction->last->next = piece;
	else
		direction->first = piece;
	direction->last = piece;
	direction->held += (size_t)count;
	if (!is_up)
		connection->server_spoke = true;
}

static void count_arrival(struct wire *wire, struct connection *connection,
    const struct direction *direction, uint64_t depth, size_t octets)
{
	struct board_counts *counts = wire->counts;

	if (direction != &connection->up) {
		counts->octets_down += octets;
		return;
	}
	counts->octets_up += octets;
	counts->depth += depth;
	if (connection->server_spoke)
		counts->turns++;
	connection->server_spoke = false;
}

/* Drops what has left.  Returns by how much the depth has grown. */
static uint64_t drop_sent(struct direction *direction, size_t sent)
{
	uint64_t before = direction->depth;

	direction->held -= sent;
	while (sent != 0) {
		struct piece *piece = direction->first;
		size_t part = piece->length < sent ? piece->length : sent;

		if (piece->depth > direction->depth)
			direction->depth = piece->depth;
		piece->start += part;
		piece->length -= part;
		sent -= part;
		if (piece->length == 0)
			drop_first(direction);
	}
	return direction->depth - before;
}

/* Passes on what is due, in one write.  False when there is nothing more to do now. */
static bool pass_on(struct wire *wire, struct connection *connection, struct direction *direction)
{
	struct iovec parts[PIECES];
	struct msghdr message = { .msg_iov = parts };
	int64_t now = board_microseconds();

	for (struct piece *piece = direction->first;
	     piece != NULL && piece->due <= now && message.msg_iovlen < PIECES; piece = piece->next)
		parts[message.msg_iovlen++] = (struct iovec){ piece->octets + piece->start,
			piece->length };
	if (message.msg_iovlen == 0)
		return false;
	ssize_t sent = sendmsg(direction->to, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
	direction->is_blocked = sent < 0 && errno == EAGAIN;
	if (sent < 0) {
		if (!direction->is_blocked)
			close_connection(connection);
		return false;
	}
	uint64_t grown = drop_sent(direction, (size_t)sent);
	count_arrival(wire, connection, direction, grown, (size_t)sent);
	return true;
}

static void pass_end(struct direction *direction)
{
	if (direction->first != NULL || !direction->has_ended || direction->is_shut ||
	    direction->end_due > board_microseconds())
		return;
	direction->is_shut = true;
	(void)shutdown(direction->to, SHUT_WR);
}

static void move(struct wire *wire, struct connection *connection)
{
	if (connection->up.to < 0 && board_microseconds() >= connection->connects_at)
		connect_server(wire, connection);
	if (!connection->is_used || connection->up.to < 0)
		return;
	while (pass_on(wire, connection, &connection->up))
		continue;
	while (connection->is_used && pass_on(wire, connection, &connection->down))
		continue;
	if (!connection->is_used)
		return;
	pass_end(&connection->up);
	pass_end(&connection->down);
	if (connection->up.is_shut && connection->down.is_shut)
		close_connection(connection);
}

/* When this direction has to be looked at again. */
static int64_t next_due(const struct direction *direction)
{
	if (direction->is_blocked)
		return INT64_MAX;
	if (direction->first != NULL)
		return direction->first->due;
	return direction->has_ended && !direction->is_shut ? direction->end_due : INT64_MAX;
}

static short read_events(const struct direction *direction)
{
	return !direction->has_ended && direction->held < HELD ? POLLIN : 0;
}

/* Two entries a connection: the client's socket and the server's. */
static int64_t arrange(const struct connection *connection, struct pollfd *fds)
{
	int64_t until = connection->up.to < 0 ? connection->connects_at : INT64_MAX;

	fds[0] = (struct pollfd){ connection->up.from,
		(short)(read_events(&connection->up) | (connection->down.is_blocked ? POLLOUT : 0)),
		0 };
	fds[1] = (struct pollfd){ -1, 0, 0 };
	if (fds[0].events == 0)
		fds[0].fd = -1;
	if (connection->up.to < 0)
		return until;
	fds[1] = (struct pollfd){ connection->up.to,
		(short)(read_events(&connection->down) | (connection->up.is_blocked ? POLLOUT : 0)),
		0 };
	if (fds[1].events == 0)
		fds[1].fd = -1;
	int64_t up = next_due(&connection->up);
	int64_t down = next_due(&connection->down);
	return up < down ? up : down;
}

static void look(struct wire *wire, struct connection *connection, const struct pollfd *fds)
{
	if (fds[0].revents & (POLLIN | POLLHUP | POLLERR) && read_events(&connection->up) != 0)
		take_in(wire, connection, &connection->up);
	if (fds[1].revents & (POLLIN | POLLHUP | POLLERR) && read_events(&connection->down) != 0)
		take_in(wire, connection, &connection->down);
	if (fds[0].revents & POLLOUT)
		connection->down.is_blocked = false;
	if (fds[1].revents & POLLOUT)
		connection->up.is_blocked = false;
}

static void wait_until(struct pollfd *fds, nfds_t count, int64_t until)
{
	int64_t left = until - board_microseconds();
	struct timespec timeout;

	if (left < 0)
		left = 0;
	timeout.tv_sec = (time_t)(left / 1000000);
	timeout.tv_nsec = (long)(left % 1000000) * 1000;
	(void)ppoll(fds, count, until == INT64_MAX ? NULL : &timeout, NULL);
}

static void turn(struct wire *wire)
{
	struct pollfd fds[2 * WIRES + 1] = { { wire->listener, POLLIN, 0 } };
	size_t whose[WIRES];
	size_t used = 0;
	int64_t until = INT64_MAX;

	for (size_t i = 0; i < WIRES; i++) {
		if (!wire->connections[i].is_used)
			continue;
		int64_t due = arrange(&wire->connections[i], &fds[1 + 2 * used]);
		if (due < until)
			until = due;
		whose[used++] = i;
	}
	wait_until(fds, 1 + 2 * used, until);
	for (size_t i = 0; i < used; i++) {
		look(wire, &wire->connections[whose[i]], &fds[1 + 2 * i]);
		move(wire, &wire->connections[whose[i]]);
	}
	if (fds[0].revents != 0)
		accept_client(wire);
}

_Noreturn void wire_run(int listener, int port, unsigned rtt, struct board_counts *counts)
{
	struct wire *wire = memory_allocate(sizeof *wire);

	wire->listener = listener;
	wire->port = port;
	wire->delay = (int64_t)rtt * 500;
	wire->counts = counts;
	for (;;)
		turn(wire);
}
