/* SPDX-License-Identifier: MIT */

/*
 * extension - what a server offers in its answer to EHLO
 *
 * Read by the client, written by the server: one table of keywords for both.
 */

#ifndef SMTP_EXTENSION_H
#define SMTP_EXTENSION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/span.h"

struct extensions {
	bool is_extended;	    /* EHLO was taken; false after HELO */
	bool pipelining;	    /* RFC 2920 */
	bool chunking;		    /* RFC 3030 */
	bool eight_bit_mime;	    /* RFC 6152 */
	bool smtputf8;		    /* RFC 6531 */
	bool dsn;		    /* RFC 3461 */
	bool enhanced_status_codes; /* RFC 2034 */
	bool starttls;		    /* RFC 3207 */
	bool size;		    /* RFC 1870 */
	uint64_t size_limit;	    /* 0: none said */
	char auth[256];	     /* RFC 4954: mechanisms in capitals, one blank between; "" when none */
	uint64_t mail_limit; /* RFC 9422: transactions in a session; 0: none said */
	uint64_t rcpt_limit; /* RFC 9422: recipients in a transaction; 0: none said */
	bool mailchute;	     /* XMAILCHUTE: our own service at the other end of a unix socket */
	uint64_t mailchute_limit; /* seconds within which it answers a message; 0: none said */
	char name[256];		  /* the server's own name, the first word */
};

/*
 * Reads the lines of a whole 250 reply to EHLO as it came ("250-..."), the
 * first being the greeting.  Unknown keywords are passed over; both
 * "AUTH PLAIN" and the old "AUTH=PLAIN" count.  Fills extensions in whole.
 */
void extension_parse(struct span reply, struct extensions *extensions);

/* The lines, joined by LF, for reply_write(250); the first is name. */
void extension_write(const struct extensions *extensions, const char *name, struct buffer *text);

#endif
