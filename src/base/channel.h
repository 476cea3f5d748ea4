/* SPDX-License-Identifier: MIT */

/*
 * channel - messages, and descriptors with them, over a pair of unix sockets
 *
 * A message is a frame of four octets of length (network order), then its
 * bytes; at most one descriptor travels with a frame.  Both ends belong to
 * this program, yet the reader checks: a frame past CHANNEL_LIMIT or a
 * descriptor that was not announced ends the channel.
 *
 * Sending blocks.  Receiving takes what is there, so that a poll loop can
 * call it whenever the descriptor is readable.
 */

#ifndef BASE_CHANNEL_H
#define BASE_CHANNEL_H

#include "base/buffer.h"
#include "base/span.h"

/* The longest frame. */
#define CHANNEL_LIMIT ((size_t)32 << 20)

/* Descriptors that have arrived ahead of their frames. */
#define CHANNEL_DESCRIPTORS 64

struct channel {
	int fd; /* owned */
	struct buffer input;
	int descriptors[CHANNEL_DESCRIPTORS]; /* owned */
	size_t descriptor_count;
};

/* Two connected sockets, close-on-exec.  0, or -1 with errno set. */
int channel_pair(int ends[2]);

/* Takes over fd.  channel_finish closes it and every descriptor not yet taken. */
void channel_init_take_fd(struct channel *channel, int fd);
void channel_finish(struct channel *channel);

/*
 * Sends one message, with the descriptor unless that is negative (it stays
 * the caller's).  0, or -1 with errno set; never SIGPIPE.
 */
int channel_send(struct channel *channel, struct span message, int descriptor);

/*
 * Reads what the socket has: once, waiting for it when the socket blocks.
 * 1: something was read; 0: the other end is closed; -1: errno (EAGAIN too).
 */
int channel_fill(struct channel *channel);

/*
 * Takes the next whole message that has been read.  Returns 1 with message
 * appended to and *descriptor (the caller's, or -1), 0 when there is none
 * yet, -1 when the other end does not keep to the form.
 */
int channel_take(struct channel *channel, struct buffer *message, int *descriptor);

/* The same, and waits for it: 0 when the other end is closed. */
int channel_wait(struct channel *channel, struct buffer *message, int *descriptor);

#endif
