/* SPDX-License-Identifier: MIT */

/*
 * store - where a received message goes: into the spool, or straight out
 *
 * The table that receive is given.  The calls come in this order: admit,
 * begin, write..., end_header, write..., commit; discard at any point instead.
 */

#ifndef SERVICE_STORE_H
#define SERVICE_STORE_H

#include "base/error.h"
#include "base/span.h"
#include "message/envelope.h"
#include "smtp/client/transcript.h"
#include "smtp/command.h"
#include "smtp/server/server.h"
#include "spool/queue_file.h"

/* What the caller asked for, and what the log is to say of it (NULL: not known). */
struct store_wish {
	enum command_wait wait;
	struct transcript_excerpt
	    *trace; /* what is said to the smarthost meanwhile; NULL: unasked */
	const char *message_id;
	const char *subject;
	const char *login; /* of the submitter */
};

struct store {
	const char *way; /* "service", "spool", "direct": what the greeting says */
	/* May a message of so many octets (0: not known) come?  NULL: any may. */
	int (*admit)(void *context, uint64_t octets, struct error *error);
	/* id is the queue ID that the Received field names already. */
	int (*begin)(void *context, const char *id, const struct envelope *envelope,
	    const struct queue_attributes *attributes, struct error *error);
	void (*write)(void *context, struct span bytes);
	void (*end_header)(void *context);
	/*
	 * The message is whole.  Keeps it or sends it, and answers.  For a client
	 * that has left (stream_peer_is_gone) nothing is kept.
	 */
	void (*commit)(void *context, const struct queue_attributes *attributes,
	    const struct store_wish *wish, const struct stream *client, struct server_reply *reply);
	void (*discard)(void *context);
	void *context;
};

#endif
