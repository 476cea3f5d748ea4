/* SPDX-License-Identifier: MIT */

/*
 * reply - a server's answer, whole (RFC 5321, 4.2)
 *
 * Limits on what a server may say: 2048 octets a line, 128 lines, 64 KiB.
 * Lines may end in LF alone; nothing else is forgiven.
 */

#ifndef SMTP_REPLY_H
#define SMTP_REPLY_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/span.h"
#include "smtp/status.h"

enum {
	REPLY_LINE_LIMIT = 2048,
	REPLY_LINES_LIMIT = 128,
	REPLY_LIMIT = 65536,
	REPLY_TEXT_SIZE = 4096,
};

struct reply {
	int code;		    /* 200 to 599 */
	char status[STATUS_SIZE];   /* enhanced status, or "" */
	char text[REPLY_TEXT_SIZE]; /* lines joined by LF, status taken off, controls masked; cut */
};

/*
 * Reads one whole reply from the start of input.  Returns the bytes it took,
 * 0 when input ends before the reply does, -1 when this is no reply or one
 * past the limits.  Fills reply in whole, and only when it returns above 0.
 */
ssize_t reply_parse(struct span input, struct reply *reply, struct error *error);

/* code / 100 */
int reply_class(const struct reply *reply);

/*
 * "550 5.1.1 no such user" on one line, LF shown as " / ".  For log and errors;
 * the result is at most size - 1 octets, cut with "...".
 */
void reply_line(const struct reply *reply, char *line, size_t size);

/* The status, or the one that follows from the code alone: "5.0.0", "4.0.0", "2.0.0". */
const char *reply_status(const struct reply *reply);

/*
 * The server's end: appends "code-status text" lines with CRLF; text is split
 * at LF, cut at 500 octets a line, controls masked.  status may be "".
 */
void reply_write(struct buffer *output, int code, const char *status, const char *text);

/* Adds words to a text for reply_write, broken at blanks so that no line will be cut. */
void reply_wrap(struct buffer *text, struct span words);

/* One line of a reply that others follow: whole and without status, controls masked. */
void reply_write_more(struct buffer *output, int code, struct span text);

#endif
