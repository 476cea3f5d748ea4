/* SPDX-License-Identifier: MIT */

/*
 * window_parts - what the files of the window share
 *
 * A delivery is one transaction on its way.  Its stages follow each other as
 * its commands are put, each move made by window_send.c alone:
 *
 *	RESET -> MAIL -> RCPT -> START [-> GO, by DATA] -> CONTENT -> SENT
 *
 * and from START or GO to SENT when nobody is left to take it.  It is finished
 * when it is SENT and no reply is awaited.  Commands leave in the order of the
 * deliveries, and so do replies come: the pipeline names the delivery of each.
 */

#ifndef SMTP_CLIENT_WINDOW_PARTS_H
#define SMTP_CLIENT_WINDOW_PARTS_H

#include "smtp/client/fates.h"
#include "smtp/client/probe.h"
#include "smtp/client/window.h"

enum delivery_stage {
	DELIVERY_RESET,
	DELIVERY_MAIL,
	DELIVERY_RCPT,
	DELIVERY_START,
	DELIVERY_GO,
	DELIVERY_CONTENT,
	DELIVERY_SENT,
};

struct delivery {
	struct delivery *next;
	const struct transaction *transaction;
	struct fates fates;
	enum delivery_stage stage;
	size_t next_recipient;
	size_t awaited; /* replies */
	struct content_flow flow;
	uint64_t octets;	/* of content, for the window's bound */
	uint64_t end;		/* where its content ends in all that was put */
	bool has_begun;		/* something of it was put, from begin on */
	bool has_content_begun; /* something of its content was put, from content on */
	uint64_t begin;
	uint64_t content;
	bool is_whole;	  /* all of its content was put */
	bool is_ahead;	  /* ... before the replies to RCPT came, and the probe had held */
	bool must_wait;	  /* for these replies */
	bool is_returned; /* see WINDOW_RETURNED */
};

struct window {
	struct session *session;
	const struct window_source *source;
	struct delivery *first; /* in the order of their commands; owned */
	struct delivery *last;
	size_t count;
	uint64_t octets;		/* of content in all of them */
	const struct transaction *held; /* begun when all others are finished */
	struct probe probe;
	uint64_t put;	     /* octets that were given to the stream */
	size_t flight;	     /* commands put since no reply was awaited */
	uint64_t begun;	     /* MAIL commands */
	uint64_t finished;   /* deliveries that the server answered */
	bool is_clean;	     /* no transaction is open where the next command stands */
	bool is_doubtful;    /* a chunk was refused whose text may be run; until RSET is answered */
	bool is_over;	     /* the source has no more */
	bool is_ending;	     /* nothing more is to be begun in this session */
	bool is_leaving;     /* the server is: what has no reply was not taken, if no more come */
	bool is_put_off;     /* by 421: what has no reply was not taken */
	struct error reason; /* for is_ending */
	int64_t reply_until; /* deadlines */
	int64_t output_until;
	uint64_t output_mark; /* octets that had left when output_until was set */
};

/* ---- window_send.c ---- */

/* Puts what may be put now; sends nothing. */
int window_send(struct window *window, struct error *error);

/* ---- window_answer.c ---- */

/* Takes the reply that belongs to the head of the pipeline. */
int window_answer(struct window *window, const struct reply *reply, struct error *error);

/* ---- window.c ---- */

/* Where the last octet that has left stands in all that was put. */
uint64_t window_left(const struct window *window);

/* All that this reply is to has left, so the server may have seen it. */
bool window_may_be_seen(const struct window *window, const struct pipeline_entry *entry);

/* The reply to the head of the pipeline is due from now on. */
void window_await(struct window *window);

/* Takes it out of the window and says how it ended. */
void window_finish(struct window *window, struct delivery *delivery);

#endif
