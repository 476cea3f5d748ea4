/* SPDX-License-Identifier: MIT */

/*
 * content - the octets of one message on their way out, by BDAT or DATA
 *
 * Constant memory: what is in front lies in memory already (the outgoing
 * header, or all of a small message), the rest is read in blocks.
 */

#ifndef SMTP_CLIENT_CONTENT_H
#define SMTP_CLIENT_CONTENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/span.h"
#include "smtp/client/session.h"
#include "smtp/transparency.h"

struct content {
	struct span front; /* wire form; borrowed */
	/*
	 * Gives up to size octets of the rest in wire form; 0 at the end; -1 with
	 * error, and then the content is broken off so that the server drops it
	 * (no final dot, no LAST).  NULL: front is all.
	 */
	ssize_t (*read)(void *context, char *bytes, size_t size, struct error *error);
	void *context;
	int64_t size; /* of all, or -1 when unknown beforehand */
};

enum { CONTENT_CHUNK = 65536 }; /* octets in a chunk of a content whose size is unknown */

/* How far the chunks have got.  Zeroed: nothing has been sent. */
struct content_progress {
	bool has_front; /* the front has been sent */
};

/*
 * Sends the next chunk, with what stands in the flight before it, and pushes
 * it to the pipeline: all of the content as "BDAT size LAST" when the size is
 * known, else as many octets as a chunk holds.  Returns 0 when that was the
 * last one, 1 when more follow, -1 when not all of the chunk has left.
 *
 * The caller reads replies in between: so a refused chunk is the last sent,
 * and no number of replies can fill the input.
 */
int content_send_bdat(struct session *session, const struct content *content,
    struct content_progress *progress, struct error *error);

/*
 * Sends all of it dot-stuffed with the final dot (after the 354) and pushes
 * its end to the pipeline.  0: the last octet has left.
 */
int content_send_data(struct session *session, const struct content *content, struct error *error);

/* The size that is known beforehand: what is all in memory has one, said or not; else -1. */
int64_t content_size(const struct content *content);

/* How far a content has got that is sent between replies.  Zeroed: nothing has been put. */
struct content_flow {
	bool is_stuffed; /* for DATA: dots are doubled, and a dot ends it */
	uint64_t total;	 /* octets of the content that have been put */
	struct transparency transparency;
};

/*
 * Puts as much of it as the stream has room for, and sends nothing.  1: more
 * is to come; 0: all of it has been put, with its end; -1: it could not be
 * read, or is not of its size: the session is unusable.
 */
int content_put(struct session *session, const struct content *content, struct content_flow *flow,
    struct error *error);

/* Adapts a part of a file; fd is borrowed and read by pread. */
struct content_file {
	int fd;
	off_t offset;
	uint64_t left;
};
ssize_t content_read_file(void *content_file, char *bytes, size_t size, struct error *error);

#endif
