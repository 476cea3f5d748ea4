/* SPDX-License-Identifier: MIT */

/*
 * received - the trace field that we add (RFC 5321, 4.4)
 */

#ifndef MESSAGE_RECEIVED_H
#define MESSAGE_RECEIVED_H

#include <stdint.h>

struct received {
	const char *by;	      /* our name */
	const char *entrance; /* how it came in: "local", "bs", "smtp", "direct" */
	const char *from;     /* the client's HELO name and address, for TCP; NULL for local */
	const char *protocol; /* RFC 3848: "SMTP", "ESMTP", "ESMTPS", "ESMTPA", "ESMTPSA" */
	const char *queue_id; /* NULL without one */
	int64_t uid;	      /* the submitter; -1 when unknown */
	int64_t wall;
};

/* The field's value, folded, for header_prepend.  The caller frees it. */
char *received_format(const struct received *received);

#endif
