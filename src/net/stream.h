/* SPDX-License-Identifier: MIT */

/*
 * stream - one face for plain, unix and TLS connections
 *
 * Output is collected by stream_put and leaves with stream_flush or
 * stream_fill, one write a flight.  While output cannot leave, input is read,
 * so that two full buffers never block each other.  Every wait has a deadline
 * (clock.h), which belongs to a step of the dialogue and not to a read.
 *
 * TLS comes in through struct stream_security, a table given by the program,
 * so that whoever does not need it does not link it.
 *
 * Does not know: SMTP.
 */

#ifndef NET_STREAM_H
#define NET_STREAM_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/span.h"

enum {
	STREAM_INPUT_LIMIT = 131072,
	STREAM_OUTPUT_LIMIT = 262144, /* what stream_put may hold before it must be flushed */
};

/*
 * How octets move.  On EAGAIN *wants is POLLIN or POLLOUT, whichever the call
 * waits for (TLS may read to write).  read: 0 is the end.  -1 with errno set
 * for a system's error, or EPROTO with the reason to be had from describe.
 */
struct stream_operations {
	ssize_t (*read)(void *context, char *bytes, size_t size, short *wants);
	ssize_t (*write)(void *context, const char *bytes, size_t size, short *wants);
	/* Says goodbye without waiting and frees context; the descriptors stay. */
	void (*finish)(void *context);
	/* Why the last call gave EPROTO; may be NULL. */
	const char *(*describe)(void *context);
	/* See stream_channel_binding; NULL: there is none. */
	int (*channel_binding)(void *context, struct buffer *octets);
};

struct stream {
	int input_fd;				    /* owned; may be the same as output_fd */
	int output_fd;				    /* owned */
	const struct stream_operations *operations; /* NULL: plain read and write */
	void *context;
	struct buffer input;  /* see stream_input, which skips what is consumed */
	struct buffer output; /* see stream_room */
	size_t input_start;   /* consumed, not yet dropped from input */
	size_t output_start;  /* sent, not yet dropped from output */
	size_t read_size;     /* what the next read asks for; grows with the traffic */
	int output_failure;   /* errno of the write that failed: nothing is sent any more */
	bool output_is_pipe;  /* or a file: send(2) does not work there */
	bool is_secure;	      /* TLS is on */
	bool has_ended;	      /* the peer has closed its side */
	char peer[128];	      /* for messages: "smtp.example.com:587 [192.0.2.1]" */
	char security[80];    /* "TLSv1.3 TLS_AES_256_GCM_SHA384", or "" */
	uint64_t flights;     /* writes that reached the kernel; benchmarks read it */
};

/*
 * What starts TLS on a connected stream.  name is what the certificate must be
 * for (client; NULL: the server's end).  The stream's input must be empty: one
 * octet that came before TLS aborts (RFC 3207; CVE-2011-0411).  On success the
 * stream is_secure.
 */
struct stream_security {
	int (*start)(void *context, struct stream *stream, const char *name, int64_t deadline,
	    struct error *error);
	void *context;
};

/* Takes over both descriptors (they may be equal) and makes them non-blocking. */
void stream_init_take_fd(struct stream *stream, int input_fd, int output_fd, const char *peer);

/* Finishes TLS, closes, zeroes.  Safe on a zeroed or finished stream. */
void stream_finish(struct stream *stream);

/* Adds octets to the flight.  What passes STREAM_OUTPUT_LIMIT is a fault of the caller. */
void stream_put(struct stream *stream, struct span bytes);

/* Room left for stream_put. */
size_t stream_room(const struct stream *stream);

/* Sends the flight.  -1: 4.4.2 "lost" or "no answer within" with the peer's name. */
int stream_flush(struct stream *stream, int64_t deadline, struct error *error);

/*
 * Sends the flight, then reads at least one octet.  1: there is more input;
 * 0: the peer has closed its side; -1: error, or the input is full.  When the
 * flight is lost but the peer said something before it went away, the answer
 * is 1 and the loss is told by the next call: its words are the better reason.
 */
int stream_fill(struct stream *stream, int64_t deadline, struct error *error);

/* Reads what has arrived, without waiting.  True: there is input that nobody has consumed. */
bool stream_look(struct stream *stream);

/* What has been read and not yet consumed; valid until the next call. */
struct span stream_input(const struct stream *stream);
void stream_consume(struct stream *stream, size_t size);

/*
 * Appends what both ends know of this TLS connection and of no other, in the
 * form of RFC 5056, 2.1: "tls-exporter:" (RFC 9266; TLS 1.3) or "tls-unique:"
 * (RFC 5929; TLS 1.2 with extended master secret), then the octets.  -1: there
 * is none, and octets is untouched.
 */
int stream_channel_binding(const struct stream *stream, struct buffer *octets);

/* The peer has hung up entirely or reset the connection; does not wait, reads nothing. */
bool stream_peer_is_gone(const struct stream *stream);

/*
 * Waits until there is input (POLLIN) or room for output (POLLOUT), or an
 * error on either side.  Returns which, 0 when the deadline is over, or -1
 * with errno set.  For those who implement stream_security.
 */
int stream_wait(const struct stream *stream, short wants, int64_t deadline);

/* What came of stream_exchange. */
enum {
	STREAM_SENT = 1,  /* some of the output has left */
	STREAM_READ = 2,  /* there is more input */
	STREAM_ENDED = 4, /* the peer has closed its side, and nothing else happened */
	STREAM_OTHER = 8, /* the other descriptor is readable, or its peer is gone */
};

/*
 * Sends and reads at once: waits until some output has left, input has come or
 * other_fd (-1: none) is readable, and tells which; so that whoever consumes
 * the input in between can never block with a peer that waits for us to read.
 * -1 as stream_fill, a loss being told after what the peer said before it; but
 * an input that is full is not read, so whoever leaves it so waits in vain.
 */
int stream_exchange(struct stream *stream, int other_fd, int64_t deadline, struct error *error);

#endif
