/* SPDX-License-Identifier: MIT */

/*
 * intake - stdin to envelope and message
 *
 * Reads the message once, in wire form, up to 256 KiB of it ahead (nearly
 * every mail fits) before a way is looked for; what is longer is streamed.
 * Finds the recipients in the arguments and, with -t, in the header; drops an
 * mbox From_ line; ends at a lone dot unless -i.
 *
 * Does not know: the domain, aliases, what will be changed in the header.
 */

#ifndef SENDMAIL_INTAKE_H
#define SENDMAIL_INTAKE_H

#include <stdbool.h>

#include "base/buffer.h"
#include "base/error.h"
#include "message/body.h"
#include "message/envelope.h"
#include "sendmail/options.h"

enum { INTAKE_AHEAD = 256 * 1024 };

struct intake {
	struct envelope envelope;
	unsigned notify;     /* -N, for each recipient */
	bool sender_is_self; /* no -f */
	bool is_resent;	     /* the header has Resent- fields; with -t */
	struct buffer front; /* the message so far, wire form */
	bool is_whole;	     /* all of stdin has been read */
	struct buffer rest;  /* what comes behind front, while it is streamed */
	struct body body;
	int fd;			     /* stdin */
	uint64_t taken;		     /* octets of it */
	char fault[ERROR_TEXT_SIZE]; /* malformed recipients, in words; "" without any */
	size_t bad_count;
};

/*
 * Reads envelope and message.  -1: no recipient in the arguments (64) or in the
 * header (65), malformed sender (64), unreadable input (74).  Malformed
 * recipients among good ones are no error: they are in fault.
 */
int intake_read(struct intake *intake, const struct options *options, struct error *error);

/* The part of it that needs no message: sender and recipients of the arguments. */
int intake_read_arguments(
    struct intake *intake, const struct options *options, struct error *error);

/*
 * Puts a file that is stdin back to where the message began.  For one that was
 * not sent: bsd-mailx saves as dead.letter what is left of it.
 */
void intake_give_back(const struct intake *intake);

/* More of a message that is not whole, for content.h: wire form, 0 at the end. */
ssize_t intake_read_more(void *intake, char *bytes, size_t size, struct error *error);

void intake_finish(struct intake *intake);

#endif
