/* SPDX-License-Identifier: MIT */

#include "net/join.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/memory.h"

enum { BLOCK = 65536 };

/* One direction: what was read and not yet written. */
struct flow {
	char *block;
	size_t start;
	size_t end;
	bool has_ended;	 /* nothing more is to be read */
	bool is_gone;	 /* nobody takes it: it is dropped */
	bool has_failed; /* some of it was lost to our own trouble */
};

static bool is_empty(const struct flow *flow)
{
	return flow->start == flow->end;
}

/* To be called when from is readable. */
static void fill(struct flow *flow, int from)
{
	ssize_t count = read(from, flow->block, BLOCK);

	if (count < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	/* A reset is an end, too. */
	flow->has_ended = count <= 0;
	flow->start = 0;
	flow->end = count > 0 ? (size_t)count : 0;
}

/*
 * To be called when to is writable.  The descriptor is shared with others, so
 * that it is not made non-blocking: PIPE_BUF octets fit in a pipe that is
 * ready (pipe(7)), and a socket has a flag for each call.
 */
static void drain(struct flow *flow, int to)
{
	const char *bytes = flow->block + flow->start;
	size_t size = flow->end - flow->start;
	ssize_t count = send(to, bytes, size, MSG_DONTWAIT | MSG_NOSIGNAL);

	if (count < 0 && errno == ENOTSOCK)
		count = write(to, bytes, size < PIPE_BUF ? size : PIPE_BUF);
	if (count < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (count >= 0) {
		flow->start += (size_t)count;
		return;
	}
	flow->is_gone = true;
	flow->has_failed = errno != EPIPE && errno != ECONNRESET;
	flow->start = flow->end;
}

static void apply_filter(struct join *join, struct flow *flow)
{
	if (join->filter != NULL && !is_empty(flow))
		flow->end = join->filter(join->context, flow->block, flow->end);
}

static void drain_to_far(struct join *join, struct flow *flow)
{
	size_t start = flow->start;

	drain(flow, join->far);
	if (!flow->is_gone)
		join->passed_on += flow->start - start;
	join->has_pending = !is_empty(flow);
}

/* What there is to be done now, on one of the three descriptors. */
static short wanted(bool reads, bool writes)
{
	return (short)((reads ? POLLIN : 0) | (writes ? POLLOUT : 0));
}

/* Waits for it and does it. */
static void step(struct join *join, struct flow *out, struct flow *in)
{
	bool hears_of_end = join->near_has_ended && is_empty(in) && !in->is_gone;
	struct pollfd polls[] = {
		/* A hang-up is told whether asked for or not. */
		{ is_empty(in) || !is_empty(out) ? join->far : -1,
		    wanted(is_empty(in), !is_empty(out)), 0 },
		{ is_empty(out) && !out->has_ended ? join->near_input : -1, POLLIN, 0 },
		/* Only to hear of its end, when there is nothing to write. */
		{ !is_empty(in) || hears_of_end ? join->near_output : -1,
		    wanted(false, !is_empty(in)), 0 },
	};

	if (poll(polls, 3, -1) < 0)
		return;
	if (!is_empty(in) && polls[2].revents != 0)
		drain(in, join->near_output);
	else if (hears_of_end && (polls[2].revents & (POLLHUP | POLLERR)) != 0)
		in->is_gone = true;
	if (!is_empty(out) && (polls[0].revents & (POLLOUT | POLLERR | POLLHUP)) != 0)
		drain_to_far(join, out);
	if (polls[1].revents != 0) {
		fill(out, join->near_input);
		join->has_pending = !is_empty(out);
	}
	/* Last, so that the filter knows of all that has come. */
	if (is_empty(in) && !in->has_ended && (polls[0].revents & ~POLLOUT) != 0) {
		fill(in, join->far);
		apply_filter(join, in);
	}
	if (in->is_gone)
		in->start = in->end;
}

/*
 * What is missing in the middle must not be taken for a whole: far hears of no
 * more, as from a client that is gone, and ends the session.
 */
static void cut(struct join *join, struct flow *out)
{
	out->has_ended = true;
	out->start = out->end;
	join->is_cut = true;
	(void)shutdown(join->far, SHUT_WR);
}

static void pass_end_on(struct join *join, const struct flow *out)
{
	if (join->is_cut || join->near_has_ended || !out->has_ended || !is_empty(out))
		return;
	join->near_has_ended = true;
	(void)shutdown(join->far, SHUT_WR);
}

enum join_end join_run(struct join *join)
{
	CLEANUP(memory_free_string) char *out_block = memory_allocate(BLOCK);
	CLEANUP(memory_free_string) char *in_block = memory_allocate(BLOCK);
	struct flow out = { .block = out_block };
	struct flow in = { .block = in_block };

	for (;;) {
		step(join, &out, &in);
		if (!join->is_cut && (out.is_gone || in.has_failed))
			cut(join, &out);
		pass_end_on(join, &out);
		if (!is_empty(&in))
			continue;
		if (join->is_stopped)
			return JOIN_STOPPED;
		if (in.has_ended)
			return JOIN_FAR_ENDED;
		/* Whoever half-closes waits for an answer; whoever is gone must be seen to be. */
		if (in.is_gone && join->near_has_ended && !join->outlives_near)
			return JOIN_NEAR_GONE;
	}
}
