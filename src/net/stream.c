/* SPDX-License-Identifier: MIT */

#include "net/stream.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/text.h"

enum {
	READ_SMALLEST = 4095, /* with the buffer's NUL a power of two */
	READ_LARGEST = 65535,
};

/* Looks before it sets: our own sockets are born non-blocking. */
static void make_nonblocking(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags >= 0 && (flags & O_NONBLOCK) == 0)
		(void)fcntl(fd, F_SETFL, flags | O_NONBLOCK);
}

void stream_init_take_fd(struct stream *stream, int input_fd, int output_fd, const char *peer)
{
	assert(input_fd >= 0 && output_fd >= 0);

	*stream = (struct stream){ .input_fd = input_fd, .output_fd = output_fd };
	stream->read_size = READ_SMALLEST;
	buffer_init(&stream->input, STREAM_INPUT_LIMIT);
	buffer_init(&stream->output, STREAM_OUTPUT_LIMIT);
	text_copy(stream->peer, sizeof stream->peer, peer);
	make_nonblocking(input_fd);
	if (output_fd != input_fd)
		make_nonblocking(output_fd);
}

void stream_finish(struct stream *stream)
{
	/* In a zeroed stream descriptor 0 is not ours. */
	bool is_open = stream->input.limit != 0;

	if (stream->operations != NULL)
		stream->operations->finish(stream->context);
	if (is_open && stream->output_fd != stream->input_fd)
		file_close(&stream->output_fd);
	if (is_open)
		file_close(&stream->input_fd);
	buffer_finish(&stream->input);
	buffer_finish(&stream->output);
	*stream = (struct stream){ 0 };
}

size_t stream_room(const struct stream *stream)
{
	return STREAM_OUTPUT_LIMIT - stream->output.length;
}

void stream_put(struct stream *stream, struct span bytes)
{
	assert(bytes.length <= stream_room(stream));

	buffer_append_span(&stream->output, bytes);
}

struct span stream_input(const struct stream *stream)
{
	return span_after(buffer_span(&stream->input), stream->input_start);
}

void stream_consume(struct stream *stream, size_t size)
{
	assert(size <= stream->input.length - stream->input_start);

	stream->input_start += size;
	if (stream->input_start == stream->input.length) {
		buffer_clear(&stream->input);
		stream->input_start = 0;
	}
}

/* Many short lines are consumed one by one; moving the rest each time would be quadratic. */
static void drop_consumed(struct stream *stream)
{
	if (stream->input_start != 0)
		buffer_consume(&stream->input, stream->input_start);
	stream->input_start = 0;
}

static bool may_read(const struct stream *stream)
{
	return !stream->has_ended &&
	       stream->input.length - stream->input_start < STREAM_INPUT_LIMIT;
}

static ssize_t read_plain(const struct stream *stream, char *bytes, size_t size, short *wants)
{
	ssize_t count;

	do
		count = read(stream->input_fd, bytes, size);
	while (count < 0 && errno == EINTR);
	if (count < 0 && errno == EAGAIN)
		*wants = POLLIN;
	return count;
}

static ssize_t write_plain(struct stream *stream, const char *bytes, size_t size, short *wants)
{
	ssize_t count;

	for (;;) {
		if (stream->output_is_pipe)
			count = write(stream->output_fd, bytes, size);
		else
			count = send(stream->output_fd, bytes, size, MSG_NOSIGNAL);
		if (count >= 0)
			return count;
		if (errno == ENOTSOCK && !stream->output_is_pipe)
			stream->output_is_pipe = true;
		else if (errno != EINTR)
			break;
	}
	if (errno == EAGAIN)
		*wants = POLLOUT;
	return -1;
}

/*
 * Reads once.  Returns the count, 0 at the end (noted in has_ended), or -1
 * with errno, *wants being set with EAGAIN.
 */
static ssize_t read_once(struct stream *stream, short *wants)
{
	assert(may_read(stream));

	drop_consumed(stream);
	size_t size = STREAM_INPUT_LIMIT - stream->input.length;
	if (size > stream->read_size)
		size = stream->read_size;
	char *room = buffer_reserve(&stream->input, size);
	ssize_t count = stream->operations != NULL
			    ? stream->operations->read(stream->context, room, size, wants)
			    : read_plain(stream, room, size, wants);
	if (count < 0)
		return -1;
	if (count == 0) {
		stream->has_ended = true;
		return 0;
	}
	buffer_extend(&stream->input, (size_t)count);
	if ((size_t)count == stream->read_size && stream->read_size < READ_LARGEST)
		stream->read_size = 2 * stream->read_size + 1;
	return count;
}

/* Writes once; what has left is dropped from the output. */
static ssize_t write_once(struct stream *stream, short *wants)
{
	const char *start = stream->output.start + stream->output_start;
	size_t size = stream->output.length - stream->output_start;
	ssize_t count = stream->operations != NULL
			    ? stream->operations->write(stream->context, start, size, wants)
			    : write_plain(stream, start, size, wants);

	if (count < 0)
		return -1;
	stream->flights++;
	stream->output_start += (size_t)count;
	if (stream->output_start == stream->output.length) {
		buffer_clear(&stream->output);
		stream->output_start = 0;
	}
	return count;
}

int stream_wait(const struct stream *stream, short wants, int64_t deadline)
{
	struct pollfd fds[2] = {
		{ .fd = wants & POLLIN ? stream->input_fd : -1, .events = POLLIN },
		{ .fd = wants & POLLOUT ? stream->output_fd : -1, .events = POLLOUT },
	};
	int count;

	do
		count = poll(fds, 2, clock_poll_timeout(deadline));
	while (count < 0 && errno == EINTR);
	if (count <= 0)
		return count;
	return (fds[0].revents != 0 ? POLLIN : 0) | (fds[1].revents != 0 ? POLLOUT : 0);
}

static int fail_lost(const struct stream *stream, int number, struct error *error)
{
	const char *reason = NULL;

	if (number == EPROTO && stream->operations != NULL && stream->operations->describe != NULL)
		reason = stream->operations->describe(stream->context);
	return error_set(error, ERROR_UNAVAILABLE, "4.4.2", "connection with %s lost: %s",
	    stream->peer, reason != NULL ? reason : strerror(number));
}

/* since: when the wait began, for the figure in the text. */
static int fail_late(
    const struct stream *stream, const char *what, int64_t since, struct error *error)
{
	int64_t waited = clock_monotonic() - since;
	char duration[24];

	if (waited < 1000)
		snprintf(duration, sizeof duration, "%" PRId64 "ms", waited);
	else
		clock_format_duration(waited, duration);
	return error_set(
	    error, ERROR_UNAVAILABLE, "4.4.2", "%s %s within %s", what, stream->peer, duration);
}

/*
 * The peer may have said why before it closed: what is there is read, so that
 * the caller finds it in the input.
 */
static int fail_output(struct stream *stream, int number, struct error *error)
{
	short wants;

	stream->output_failure = number;
	while (may_read(stream) && read_once(stream, &wants) > 0)
		;
	return fail_lost(stream, number, error);
}

/* One wait of stream_flush, in which input is taken in, too.  0, or -1 with error. */
static int wait_to_write(struct stream *stream, short write_wants, short *read_wants,
    int64_t deadline, struct error *error)
{
	int64_t since = clock_monotonic();
	short wants = write_wants;

	if (may_read(stream))
		wants |= *read_wants;
	int ready = stream_wait(stream, wants, deadline);
	if (ready < 0)
		return fail_lost(stream, errno, error);
	if (ready == 0)
		return fail_late(stream, "what was sent was not taken by", since, error);
	if (!may_read(stream) || (ready & *read_wants) == 0)
		return 0;
	*read_wants = POLLIN;
	if (read_once(stream, read_wants) < 0 && errno != EAGAIN)
		return fail_lost(stream, errno, error);
	return 0;
}

int stream_flush(struct stream *stream, int64_t deadline, struct error *error)
{
	short read_wants = POLLIN;
	short write_wants = POLLOUT;

	if (stream->output_failure != 0)
		return fail_lost(stream, stream->output_failure, error);
	while (stream->output.length != 0) {
		if (write_once(stream, &write_wants) >= 0)
			continue;
		if (errno != EAGAIN)
			return fail_output(stream, errno, error);
		if (wait_to_write(stream, write_wants, &read_wants, deadline, error) < 0)
			return -1;
	}
	return 0;
}

/*
 * A plain descriptor is polled before it is read, for an answer is seldom
 * there at once; TLS may hold octets that poll does not see.
 */
static int read_some(struct stream *stream, int64_t deadline, struct error *error)
{
	int64_t since = clock_monotonic();
	short wants = POLLIN;
	bool is_ready = stream->operations != NULL;

	for (;;) {
		if (!is_ready) {
			int ready = stream_wait(stream, wants, deadline);

			if (ready < 0)
				return fail_lost(stream, errno, error);
			if (ready == 0)
				return fail_late(stream, "no answer from", since, error);
		}
		ssize_t count = read_once(stream, &wants);
		if (count >= 0)
			return count > 0;
		if (errno != EAGAIN)
			return fail_lost(stream, errno, error);
		is_ready = false;
	}
}

int stream_fill(struct stream *stream, int64_t deadline, struct error *error)
{
	size_t before = stream_input(stream).length;

	if (stream_flush(stream, deadline, error) < 0)
		return stream_input(stream).length > before ? 1 : -1;
	/* A flight that had to wait has taken input in. */
	if (stream_input(stream).length > before)
		return 1;
	if (stream->has_ended)
		return 0;
	if (!may_read(stream))
		return error_set(error, ERROR_UNAVAILABLE, "4.5.0",
		    "%s sent %d octets that make no sense yet, which is too much", stream->peer,
		    STREAM_INPUT_LIMIT);
	return read_some(stream, deadline, error);
}

bool stream_look(struct stream *stream)
{
	short wants = POLLIN;

	/* What is wrong with the connection is for whoever reads next to tell. */
	if (stream_input(stream).length == 0 && !stream->has_ended)
		(void)read_once(stream, &wants);
	return stream_input(stream).length != 0;
}

int stream_channel_binding(const struct stream *stream, struct buffer *octets)
{
	if (!stream->is_secure || stream->operations == NULL ||
	    stream->operations->channel_binding == NULL)
		return -1;
	return stream->operations->channel_binding(stream->context, octets);
}

bool stream_peer_is_gone(const struct stream *stream)
{
	/* Without events poll still tells POLLHUP and POLLERR; a half-closed peer is neither. */
	struct pollfd output = { .fd = stream->output_fd };

	return stream->output_failure != 0 || poll(&output, 1, 0) > 0;
}

/* What the peer still said is told first, and the loss by the next call. */
static int exchange_lost(struct stream *stream, int number, struct error *error)
{
	size_t before = stream_input(stream).length;

	fail_output(stream, number, error);
	return stream_input(stream).length > before ? STREAM_READ : -1;
}

/* How an exchange stands: what each direction waits for. */
struct exchange {
	short write_wants;
	short read_wants;
	bool
	    may_try; /* to read without having waited: TLS may hold octets that poll does not see */
};

/* 0: neither direction could move. */
static int exchange_octets(struct stream *stream, struct exchange *exchange, struct error *error)
{
	bool has_output = stream->output.length != 0;
	bool has_sent = false;

	while (stream->output.length != 0) {
		if (write_once(stream, &exchange->write_wants) < 0) {
			if (errno != EAGAIN)
				return exchange_lost(stream, errno, error);
			break;
		}
		has_sent = true;
	}
	if (has_sent)
		return STREAM_SENT;
	if (!exchange->may_try || !may_read(stream))
		return stream->has_ended && !has_output ? STREAM_ENDED : 0;
	ssize_t count = read_once(stream, &exchange->read_wants);
	if (count > 0)
		return STREAM_READ;
	if (count == 0)
		return STREAM_ENDED;
	return errno == EAGAIN ? 0 : fail_lost(stream, errno, error);
}

/* Which of the three is ready, as poll(2) tells; 0: the deadline is over. */
static int exchange_wait(
    const struct stream *stream, const struct exchange *exchange, int other_fd, int64_t deadline)
{
	short input = may_read(stream) ? exchange->read_wants : 0;
	short output = stream->output.length != 0 ? exchange->write_wants : 0;
	short wants = (short)(input | output);
	struct pollfd fds[3] = {
		{ .fd = wants & POLLIN ? stream->input_fd : -1, .events = POLLIN },
		{ .fd = wants & POLLOUT ? stream->output_fd : -1, .events = POLLOUT },
		{ .fd = other_fd, .events = POLLIN },
	};
	int count;

	do
		count = poll(fds, 3, clock_poll_timeout(deadline));
	while (count < 0 && errno == EINTR);
	if (count <= 0)
		return count;
	return (fds[0].revents != 0 ? POLLIN : 0) | (fds[1].revents != 0 ? POLLOUT : 0) |
	       (fds[2].revents != 0 ? POLLPRI : 0);
}

int stream_exchange(struct stream *stream, int other_fd, int64_t deadline, struct error *error)
{
	struct exchange exchange = { POLLOUT, POLLIN, stream->operations != NULL };
	int64_t since = clock_monotonic();

	if (stream->output_failure != 0)
		return fail_lost(stream, stream->output_failure, error);
	for (;;) {
		int moved = exchange_octets(stream, &exchange, error);

		if (moved != 0)
			return moved;
		int ready = exchange_wait(stream, &exchange, other_fd, deadline);
		if (ready < 0)
			return fail_lost(stream, errno, error);
		if (ready == 0)
			return fail_late(stream,
			    stream->output.length != 0 ? "what was sent was not taken by"
						       : "no answer from",
			    since, error);
		if (ready & POLLPRI)
			return STREAM_OTHER;
		exchange.may_try = (ready & exchange.read_wants) != 0;
	}
}
