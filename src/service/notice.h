/* SPDX-License-Identifier: MIT */

/*
 * notice - what a receive process and its service tell each other
 *
 *	QUEUED	child to service: this queue file is durable; is the outcome awaited?
 *		Whose it is, the kernel says, and only of an administrator's the uid here
 *	TRACE	service to child: lines of the conversation about the awaited file
 *	TAKEN	service to child: delivered in part or waiting: answer 250
 *	REFUSED	service to child: all recipients refused for good; nothing needs
 *		to be kept, once the child says that it will answer so
 *	ANSWERS	child to service: the refusal reaches the caller, drop the file
 *	FLUSH	child to service: its client wants its mail tried now
 *	GO	service to child: so be it; a client that may flush all has been served
 *	PAUSED	service to child: not so soon again; the text says when it was
 *	DUE	child to service: these files, one ID a line, are its client's
 *
 *	ASK	child to service: its client, who may, wants the smarthost named in
 *		the text to be asked
 *	WORKER	service to child: the channel of a worker for that travels with it;
 *		or there is none, and status and text say why
 *
 *	CHANGE	child to service: its client wants this done to the file (queue_change.h)
 *	CHANGED	service to child: what came of it (queue_requests.h)
 *	COUNT	child to service: how many of these, one ID a line, or of all without
 *		any, are being delivered, are due, wait?
 *	COUNTED	service to child: so many
 *	HEALTH	child to service: which smarthosts are paused?  "JSON" in the text: so
 *	STATES	service to child: these, a line each (health_view.h)
 *
 *	FREE	child to service: its client has left; another of the same may come
 *	CLIENT	service to child: one has come, and its connection with this
 *
 * FLUSH, GO, PAUSED, DUE, ASK, WORKER, COUNT, COUNTED, HEALTH, STATES, FREE and CLIENT are
 * about no file: their id is NOTICE_NO_ID.
 *
 * A child that does not answer ANSWERS has told its caller 250, or has lost
 * it: then the file stays, its recipients marked failed.
 */

#ifndef SERVICE_NOTICE_H
#define SERVICE_NOTICE_H

#include <stdbool.h>

#include "base/channel.h"
#include "smtp/status.h"
#include "spool/queue_id.h"

enum { NOTICE_LINES = 32768 };

enum notice_kind {
	NOTICE_QUEUED = 'Q',
	NOTICE_TRACE = 'L',
	NOTICE_TAKEN = 'T',
	NOTICE_REFUSED = 'R',
	NOTICE_ANSWERS = 'A',
	NOTICE_FLUSH = 'F',
	NOTICE_GO = 'G',
	NOTICE_PAUSED = 'P',
	NOTICE_DUE = 'D',
	NOTICE_ASK = 'K',
	NOTICE_WORKER = 'W',
	NOTICE_CHANGE = 'C',
	NOTICE_CHANGED = 'E',
	NOTICE_COUNT = 'N',
	NOTICE_COUNTED = 'M',
	NOTICE_HEALTH = 'H',
	NOTICE_STATES = 'S',
	NOTICE_FREE = 'I',
	NOTICE_CLIENT = 'J',
};

/* No message was ever received at its time. */
#define NOTICE_NO_ID "0000000000000000000000000"

struct notice {
	enum notice_kind kind;
	bool wants_outcome;
	bool wants_trace; /* with the outcome */
	bool is_later;	  /* its first attempt is at the first step of the retry list (-odq) */
	int64_t uid;	  /* of its submitter */
	uint64_t octets;  /* of the message */
	char id[QUEUE_ID_SIZE];
	char status[STATUS_SIZE];
	char text[900];
};

int notice_send(struct channel *channel, const struct notice *notice);

/* With lines behind it, each with LF: at most NOTICE_LINES octets. */
int notice_send_lines(struct channel *channel, const struct notice *notice, struct span lines);

/* With a descriptor, which stays the caller's. */
int notice_send_descriptor(struct channel *channel, const struct notice *notice, int descriptor);

/* 1: taken; 0: none yet; -1: what came is none. */
int notice_take(struct channel *channel, struct notice *notice);

/* The same; lines that came with it are appended to lines. */
int notice_take_lines(struct channel *channel, struct notice *notice, struct buffer *lines);

/* The same; *descriptor is the caller's, or -1.  Any other way to take closes it. */
int notice_take_descriptor(
    struct channel *channel, struct notice *notice, struct buffer *lines, int *descriptor);

#endif
