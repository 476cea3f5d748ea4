/* SPDX-License-Identifier: MIT */

/*
 * transcript - a conversation for people: lines that a terminal may show
 *
 *	"  0.132 < 250-PIPELINING"	in; out is '>', what is no line '*'
 *
 * Time is seconds since the session began.  Whatever is no printable UTF-8 is
 * shown as \xNN, and a line is cut with "...".
 *
 * An excerpt is what can be handed up of a conversation of any length: its
 * first and its last lines, and how many are missing between them.
 *
 * Does not know: sessions, who looks at it.
 */

#ifndef SMTP_CLIENT_TRANSCRIPT_H
#define SMTP_CLIENT_TRANSCRIPT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/span.h"

enum {
	TRANSCRIPT_LINE = 400, /* octets of a line that are shown */
	TRANSCRIPT_HALF = 50,  /* lines kept of the beginning, and of the end */
	TRANSCRIPT_HIDDEN = 6, /* a secret that is shorter cannot be told from other words */
};

/* '<' in, '>' out, '*' an event. */
bool transcript_is_direction(char direction);

/* The octets as they may be shown, NUL-terminated; cut with "..." to size (at least 8). */
void transcript_mask(struct span octets, char *text, size_t size);

/* Appends the line that people see, without line end. */
void transcript_write(
    struct buffer *output, int64_t milliseconds, char direction, struct span line);

/*
 * Overwrites the secret, as it is and wherever it is part of something in
 * base64, by asterisks: a server may repeat what it was told.  Returns the new
 * length, which is never larger.
 */
size_t transcript_hide(char *text, size_t length, struct span secret);

struct transcript_excerpt {
	struct buffer first; /* lines, each with LF */
	struct buffer last;
	size_t first_count;
	size_t last_count;
	size_t dropped;
	/* Nothing is kept, and each line is handed on as it comes; NULL: all is as above. */
	void (*live)(void *context, struct span line);
	void *context;
};

void transcript_excerpt_init(struct transcript_excerpt *excerpt);
void transcript_excerpt_finish(struct transcript_excerpt *excerpt);

/* Keeps this line, which holds no LF. */
void transcript_excerpt_add(struct transcript_excerpt *excerpt, struct span line);

/* Appends all that was kept, each line with LF. */
void transcript_excerpt_write(const struct transcript_excerpt *excerpt, struct buffer *output);

#endif
